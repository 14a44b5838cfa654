"""Target samples of a benchmark, for the signals that compare with them."""

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.errors.signals import NoTargetsError
from autoselection_core.identity import fingerprint
from autoselection_core.pool.sample import Sample


def targets_of(benchmark: Benchmark) -> tuple[Sample, ...]:
    """The target samples; at least one.

    Raises:
        NoTargetsError: The benchmark has none.
    """
    if not benchmark.targets:
        raise NoTargetsError(benchmark.name)
    return benchmark.targets


def targets_version(benchmark: Benchmark) -> str:
    """Hash of the target samples, in any order."""
    return fingerprint(tuple(sorted(target.id for target in benchmark.targets)))
