"""Target samples of a benchmark, for the signals that compare with them."""

from collections.abc import Mapping

from typing_extensions import override

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.errors.signals import NoTargetsError
from autoselection_core.identity import fingerprint
from autoselection_core.pool.sample import Sample
from autoselection_core.signals.base import Signal


def targets_of(benchmark: Benchmark) -> tuple[Sample, ...]:
    """The target samples; at least one.

    Raises:
        NoTargetsError: The benchmark has none.
    """
    if not benchmark.targets:
        raise NoTargetsError(benchmark.name)
    return benchmark.targets


class ComparesTargets(Signal):
    """Signal that compares samples with the targets of a benchmark, whose order does not count.

    Attributes:
        benchmark: The benchmark.
    """

    benchmark: Benchmark

    needs_targets = True

    @override
    def reads(self) -> Mapping[str, str]:
        return {**super().reads(), "targets": _version(self.benchmark)}


def _version(benchmark: Benchmark) -> str:
    """Hash of the target samples, in any order."""
    return fingerprint(tuple(sorted(target.id for target in benchmark.targets)))
