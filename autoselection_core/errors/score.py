"""Errors of scores."""

from collections.abc import Mapping

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class ScoreError(AutoSelectionError):
    """Numbers make no score."""


class NoScoresError(ScoreError):
    """A mean over nothing was asked for."""

    what: str

    sentence = "{what!r} has nothing to average; a score needs at least one scored item"


class UnitsDifferError(ScoreError):
    """Scores of different units would be averaged."""

    units: Mapping[str, str]

    @override
    def __str__(self) -> str:
        listed = ", ".join(f"{name} in {unit}" for name, unit in self.units.items())
        return f"the benchmarks have different units ({listed}); use one metric, or give a weight to each"


class UnknownWeightError(ScoreError):
    """The weights of a utility do not fit its benchmarks."""

    weights: Mapping[str, float]
    benchmarks: tuple[str, ...]

    @override
    def __str__(self) -> str:
        return (
            f"the weights {dict(self.weights)} do not fit the benchmarks {', '.join(self.benchmarks)}; "
            "give each exactly one weight of at least 0, and one above 0"
        )


class ItemsDifferError(ScoreError):
    """Two models were scored on different items, so their scores cannot be paired."""

    benchmark: str
    only_first: int
    only_second: int

    sentence = (
        "benchmark {benchmark!r}: {only_first} items were scored for the first model only and "
        "{only_second} for the second only; score both on the same version of the benchmark"
    )
