"""Agreement of two series of scores: of the same things twice, or of models on their items and on others."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.score.score import CONFIDENCE, BenchmarkScore, utility, utility_shares

MIN_PAIRS_TO_RANK = 3
"""Pairs below which an order says nothing: two are always ordered alike or not."""

ENOUGH_AGREEMENT = 0.8
"""Expected correlation with scores on other items from which dev items are taken to be enough."""

FEW_DEV_ITEMS = 40
"""Dev items below which a person is told that they may be too few to rank models."""

_TWO = 2
"""Items without which nothing varies between them."""


def rank_agreement(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Spearman's rank correlation (1904), ties at their mean rank, in [-1, 1].

    None below three pairs, or where all values of one series are equal.

    Args:
        first: Scores. Shape (n,).
        second: Other scores of the same things, in the same order. Shape (n,).

    Example:
        >>> rank_agreement([1.0, 2.0, 3.0], [10.0, 30.0, 20.0]), rank_agreement([1.0, 2.0], [1.0, 2.0])
        (0.5, None)
    """
    from scipy.stats import spearmanr

    if len(first) < MIN_PAIRS_TO_RANK or len(set(first)) == 1 or len(set(second)) == 1:
        return None
    return float(np.asarray(spearmanr(first, second).statistic))


@dataclass(frozen=True)
class ItemAgreement:
    """Expected correlation of models' utilities on their items with those on as many other items.

    Attributes:
        models: Number of models.
        items: Number of items.
        correlation: Its median estimate, in [0, 1].
        low: Lower end of its 95 % interval, in [0, 1].
        high: Upper end.
    """

    models: int
    items: int
    correlation: float
    low: float
    high: float

    @property
    def is_enough(self) -> bool:
        """Whether these items are taken to rank the models as others would."""
        return self.correlation >= ENOUGH_AGREEMENT

    @property
    def wanted_items(self) -> int | None:
        """Items that would be enough (Spearman and Brown 1910); None where these tell nothing apart."""
        if self.correlation <= 0.0:
            return None
        odds = ENOUGH_AGREEMENT / (1 - ENOUGH_AGREEMENT) * (1 - self.correlation) / self.correlation
        return max(self.items, math.ceil(round(self.items * odds, 9)))

    @property
    def sentence(self) -> str:
        """What the items are good for, in words."""
        known = (
            f"On as many other items these {self.models} models would have scores with an expected "
            f"correlation of {self.correlation:.2f} [{self.low:.2f}, {self.high:.2f}] with those on these "
            f"{self.items:,} dev items; luck of a training is not seen."
        )
        if self.is_enough:
            return known
        if self.wanted_items is None:
            return (
                f"{known} The items do not tell the models apart: more items, longer trainings or a metric "
                "that moves earlier (log_likelihood) may."
            )
        return (
            f"{known} The search learns what its dev items say; about {self.wanted_items:,} would give 0.8."
        )


def item_agreement(
    models: Sequence[Sequence[BenchmarkScore]], weights: Mapping[str, float] | None = None
) -> ItemAgreement | None:
    """How far items rank models as other items of the same benchmarks would.

    Cronbach's alpha (1951), stratified by benchmark as utilities are: the part of the variance of the models'
    utilities that is not the variance with which items and models interact. Its interval, and the median
    that stands for it, are Feldt's (1965), with Satterthwaite's degrees of freedom over the benchmarks.
    A difference that a training makes by chance counts as one of its model.

    None below three models, where a benchmark has a single item, where models were scored on different items,
    and where all utilities are equal.

    Args:
        models: Scores of each model, one a benchmark, in the order of the first one's.
        weights: Weight of each benchmark in the utility; None for equal weights.
    """
    from scipy.stats import f as fisher

    named = {
        tuple((score.benchmark, *(item.item for item in score.items)) for score in one) for one in models
    }
    if len(models) < MIN_PAIRS_TO_RANK or len(named) > 1 or min(map(_count, models[0])) < _TWO:
        return None
    total = float(np.var([utility(tuple(scores), weights) for scores in models], ddof=1))
    if total <= 0.0:
        return None
    shares = utility_shares(tuple(models[0]), weights)
    tables = [np.array([scores[place].values for scores in models]) for place in range(len(models[0]))]
    parts = np.array(
        [
            shares[score.benchmark] ** 2 * _interaction(table) / table.shape[1]
            for score, table in zip(models[0], tables, strict=True)
        ]
    )
    freedoms = np.array([(table.shape[0] - 1) * (table.shape[1] - 1) for table in tables])
    error, square = float(parts.sum()), float((parts**2 / freedoms).sum())
    freedom = error**2 / square if square > 0 else float(freedoms.sum())
    tail = (1 - CONFIDENCE) / 2
    low, middle, high = (
        max(0.0, 1 - error / total / float(fisher.ppf(quantile, freedom, len(models) - 1)))
        for quantile in (tail, 0.5, 1 - tail)
    )
    return ItemAgreement(len(models), sum(table.shape[1] for table in tables), middle, low, high)


def few_items_sentence(count: int) -> str:
    """Warning that dev items may be too few, before any model says so; empty where not, or for none (0).

    Args:
        count: Dev items of all benchmarks.
    """
    if not 0 < count < FEW_DEV_ITEMS:
        return ""
    return (
        f"{count} dev items steer the search. Fewer than {FEW_DEV_ITEMS} may order its trials by chance; "
        "after three trials `autoselection doctor` says how far these items rank as others would."
    )


def _count(score: BenchmarkScore) -> int:
    return len(score.items)


def _interaction(table: npt.NDArray[np.float64]) -> float:
    """Variance of values beyond what their model and item explain. Shape of the table (models, items)."""
    left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    return float((left**2).sum() / ((table.shape[0] - 1) * (table.shape[1] - 1)))
