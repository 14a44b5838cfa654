"""What can go wrong while samples are scored."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NoTargetsError(AutoSelectionError):
    """Relevance to a benchmark is asked for, but nothing describes its task."""

    def __init__(self, benchmark: str) -> None:
        super().__init__(benchmark)
        self.benchmark = benchmark

    @override
    def __str__(self) -> str:
        return (
            f"benchmark {self.benchmark!r} has no target samples, so nothing can be near to it. Give it a few"
            " solved examples as targets, or leave its relevance signal out."
        )


class UnscoredPoolError(AutoSelectionError):
    """A signal version is asked for that does not cover the pool."""

    def __init__(self, name: str, version: str, pool_version: str, missing: int) -> None:
        super().__init__(name, version, pool_version, missing)
        self.name = name
        self.version = version
        self.pool_version = pool_version
        self.missing = missing

    @override
    def __str__(self) -> str:
        return (
            f"signal {self.name!r} (version {self.version}) has no values for {self.missing} samples of pool"
            f" {self.pool_version}. Score the signal for this pool first."
        )


class MissingExtraError(AutoSelectionError):
    """A signal needs a package that is not installed."""

    def __init__(self, signal: str, extra: str, package: str) -> None:
        super().__init__(signal, extra, package)
        self.signal = signal
        self.extra = extra
        self.package = package

    @override
    def __str__(self) -> str:
        return (
            f"signal {self.signal!r} needs the package {self.package!r}. Install it with"
            f" 'pip install autoselection[{self.extra}]', or leave the signal out."
        )


class NothingLeftError(AutoSelectionError):
    """Every sample of a pool holds a question of a benchmark."""

    def __init__(self, samples: int, note: Path) -> None:
        super().__init__(samples, note)
        self.samples = samples
        self.note = note

    @override
    def __str__(self) -> str:
        return (
            f"each of the {self.samples} samples holds a question of a benchmark, so nothing is left"
            f" to select from; {self.note} names them. Take the benchmark's items out of the sources."
        )
