"""A benchmark's score: the mean over its items, each of which is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.benchmarks import NoScoresError, UnitsDifferError, UnknownWeightError

CONFIDENCE = 0.95
"""Confidence of every interval that is reported, unless another one is asked for."""

CLOSED_FORM = "closed_form"
"""Name of the benchmark, and of the metric, that a formula's scores are recorded under."""

ItemValues = npt.NDArray[np.float64]
"""One value for each scored item, in the benchmark's item order. Shape (items,)."""


@dataclass(frozen=True)
class ItemScore:
    """Score of one item; a line of an evaluation's record.

    Attributes:
        item: Id of the item.
        value: The item's value, in the metric's unit.
        prompt: Hash of what the model read.
        tokens: Tokens that the forward passes of this item read.
        output: The text that the model wrote; None where nothing is generated or the items are confidential.
        parsed: The answer read from the output, or the letter of the likeliest choice.
        is_correct: Whether the parsed answer is right; None for likelihood metrics.
        choice_log_likelihoods: Log-likelihood of each choice, in nats, in the order presented.
        is_parse_failure: Whether text was generated and no answer could be read from it.
    """

    item: str
    value: float
    prompt: str = ""
    tokens: int = 0
    output: str | None = None
    parsed: str | None = None
    is_correct: bool | None = None
    choice_log_likelihoods: tuple[float, ...] | None = None
    is_parse_failure: bool = False


@dataclass(frozen=True)
class BenchmarkScore:
    """The score of one side of one benchmark.

    Attributes:
        benchmark: Name of the benchmark.
        metric: Metric of an item's value.
        side: Dev or test.
        items: One score an item, in the benchmark's order. Never empty.

    Raises:
        NoScoresError: There are no items.
    """

    benchmark: str
    metric: Metric
    side: Side
    items: tuple[ItemScore, ...]

    def __post_init__(self) -> None:
        """A score without items is not a score."""
        if not self.items:
            raise NoScoresError(self.benchmark)

    @cached_property
    def values(self) -> ItemValues:
        """The items' values."""
        return np.array([item.value for item in self.items], np.float64)

    @property
    def unit(self) -> str:
        """The unit of the mean."""
        return self.metric.unit

    @property
    def mean(self) -> float:
        """The score."""
        return float(self.values.mean())

    @property
    def standard_error(self) -> float | None:
        """Standard error of the mean over items; None for a single item."""
        count = len(self.items)
        return float(self.values.std(ddof=1) / np.sqrt(count)) if count > 1 else None

    @property
    def parse_failure_share(self) -> float:
        """Share of the items whose generated answer could not be read."""
        return sum(item.is_parse_failure for item in self.items) / len(self.items)


def utility(scores: tuple[BenchmarkScore, ...], weights: Mapping[str, float] | None = None) -> float:
    """Utility of a search: weighted mean of the benchmarks' scores, signed so that more is better; maximised.

    Args:
        scores: One score a benchmark.
        weights: Weight of each benchmark by name; None for equal weights. Normalised to a sum of 1.

    Raises:
        NoScoresError: There are no scores.
        UnitsDifferError: Benchmarks of different units are averaged without weights.
        UnknownWeightError: The weights do not name exactly the benchmarks scored, or do not sum above 0.
    """
    shares = utility_shares(scores, weights)
    return float(sum(shares[score.benchmark] * score.metric.sign * score.mean for score in scores))


def utility_standard_error(
    scores: tuple[BenchmarkScore, ...], weights: Mapping[str, float] | None = None
) -> float | None:
    """Standard error of the utility over items; None where a benchmark has a single item."""
    shares = utility_shares(scores, weights)
    parts = [
        shares[score.benchmark] * score.standard_error for score in scores if score.standard_error is not None
    ]
    return float(np.linalg.norm(parts)) if len(parts) == len(scores) else None


def utility_shares(
    scores: tuple[BenchmarkScore, ...], weights: Mapping[str, float] | None
) -> Mapping[str, float]:
    """Each benchmark's share of the utility; they sum to 1.

    Raises:
        NoScoresError: There are no scores.
        UnitsDifferError: Benchmarks of different units are averaged without weights.
        UnknownWeightError: The weights do not name exactly the benchmarks scored, or do not sum above 0.
    """
    if not scores:
        raise NoScoresError("utility")
    names = [score.benchmark for score in scores]
    if weights is None:
        units = {score.benchmark: score.unit for score in scores}
        if len(set(units.values())) > 1:
            raise UnitsDifferError(units)
        return dict.fromkeys(names, 1.0 / len(names))
    total = sum(weights.values())
    if set(weights) != set(names) or not total > 0.0 or min(weights.values()) < 0.0:
        raise UnknownWeightError(dict(weights), tuple(names))
    return {name: weight / total for name, weight in weights.items()}
