"""What makes a number no score."""

from collections.abc import Mapping

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NoScoresError(AutoSelectionError):
    """A mean over nothing was asked for."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    @override
    def __str__(self) -> str:
        return f"{self.what!r} has nothing to average; a score needs at least one scored item"


class UnitsDifferError(AutoSelectionError):
    """Scores of different units would be averaged."""

    def __init__(self, units: Mapping[str, str]) -> None:
        super().__init__(units)
        self.units = units

    @override
    def __str__(self) -> str:
        listed = ", ".join(f"{name} in {unit}" for name, unit in self.units.items())
        return f"the benchmarks have different units ({listed}); use one metric, or give a weight to each"


class UnknownWeightError(AutoSelectionError):
    """The weights of a utility do not fit its benchmarks."""

    def __init__(self, weights: Mapping[str, float], benchmarks: tuple[str, ...]) -> None:
        super().__init__(weights, benchmarks)
        self.weights = weights
        self.benchmarks = benchmarks

    @override
    def __str__(self) -> str:
        return (
            f"the weights {dict(self.weights)} do not fit the benchmarks {', '.join(self.benchmarks)}; "
            "give each exactly one weight of at least 0, and one above 0"
        )


class ItemsDifferError(AutoSelectionError):
    """Two models were scored on different items, so their scores cannot be paired."""

    def __init__(self, benchmark: str, only_first: int, only_second: int) -> None:
        super().__init__(benchmark, only_first, only_second)
        self.benchmark = benchmark
        self.only_first = only_first
        self.only_second = only_second

    @override
    def __str__(self) -> str:
        return (
            f"benchmark {self.benchmark!r}: {self.only_first} items were scored for the first model only and "
            f"{self.only_second} for the second only; score both on the same version of the benchmark"
        )
