"""Stratified scores: allocation of further items to strata, and weights by which every part counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from autoselection_core.score.resampling import Arm, Run, item_differences


@dataclass(frozen=True)
class Drawable:
    """A stratum that items can be drawn from.

    Attributes:
        weight: Its share of the utility.
        deviation: Standard deviation of the items' differences between leading models.
        scored: Items that are scored already; at least 1.
        waiting: Items that are not.
    """

    weight: float
    deviation: float
    scored: int
    waiting: int

    def gain(self, drawn: int) -> float:
        """Decrease of the variance by one more item after some were drawn."""
        count = self.scored + drawn
        return (self.weight * self.deviation) ** 2 / (count * (count + 1))


def allocate(budget: int, strata: Sequence[Drawable]) -> list[int]:
    """Number of items to draw from each stratum; together `budget`, or all that wait if they are fewer.

    Args:
        budget: Items to draw.
        strata: Strata that they can be drawn from.

    Example:
        >>> allocate(6, [Drawable(0.5, 1.0, 10, 90), Drawable(0.5, 0.1, 10, 90)])
        [6, 0]
    """
    drawn = [0] * len(strata)
    for _ in range(min(budget, sum(each.waiting for each in strata))):
        unfinished = [at for at, each in enumerate(strata) if drawn[at] < each.waiting]
        drawn[max(unfinished, key=lambda at: strata[at].gain(drawn[at]))] += 1
    return drawn


_BORROWED = 4.0
"""Weight of the benchmark's own variance beside a stratum's, in items: few items estimate it poorly."""


@dataclass(frozen=True)
class Stratum:
    """A part of a benchmark from which items were drawn at random.

    Attributes:
        name: Names it among all strata.
        benchmark: The benchmark.
        population: Items of the part, scored or not.
        scored: Ids of the scored ones.
    """

    name: str
    benchmark: str
    population: int
    scored: frozenset[str]


def by_stratum(run: Run, strata: Sequence[Stratum]) -> Run:
    """A run with each stratum as a benchmark of its own, for comparisons with `stratum_weights`.

    The weighted mean over strata estimates the mean over all items of a benchmark without bias, however
    unevenly items were drawn from them, because within a stratum every item was as likely as any other
    (Cochran 1977, Sampling Techniques, chapter 5).

    Raises:
        NoScoresError: A stratum has no scored item in the run.
    """
    scores = {score.benchmark: score for score in run}
    return tuple(
        replace(
            scores[each.benchmark],
            benchmark=each.name,
            items=tuple(item for item in scores[each.benchmark].items if item.item in each.scored),
        )
        for each in strata
    )


def stratum_weights(strata: Sequence[Stratum], shares: Mapping[str, float]) -> dict[str, float]:
    """Share of the utility of each stratum.

    Args:
        strata: Every stratum of every benchmark.
        shares: Share of the utility of each benchmark.
    """
    totals = {each.benchmark: 0 for each in strata}
    for each in strata:
        totals[each.benchmark] += each.population
    return {each.name: shares[each.benchmark] * each.population / totals[each.benchmark] for each in strata}


def disagreements(arms: Sequence[Arm], strata: Sequence[Stratum]) -> list[float]:
    """Standard deviation of the items' differences between two of the arms, in each stratum of one benchmark.

    The root of the mean over pairs of arms of the variance over scored items, in the metric's unit. The
    benchmark's mean variance within strata is added to each with the weight of `_BORROWED` items.

    Args:
        arms: At least two arms, each with its runs.
        strata: Those of one benchmark; they part the items of the runs.

    Raises:
        ItemsDifferError: Runs were scored on different items.
    """
    pairs = [_differences(one, other, strata[0].benchmark) for one, other in combinations(arms, 2)]
    squares = np.array(
        [np.mean([_squares([pair[item] for item in each.scored]) for pair in pairs]) for each in strata]
    )
    freedom = np.array([len(each.scored) - 1 for each in strata], np.float64)
    pooled = squares.sum() / max(freedom.sum(), 1.0)
    return [float(value) for value in np.sqrt((squares + _BORROWED * pooled) / (freedom + _BORROWED))]


def _differences(one: Arm, other: Arm, benchmark: str) -> dict[str, float]:
    score = next(score for score in one[0] if score.benchmark == benchmark)
    # `item_differences` gives them by the ids in order.
    items = sorted(item.item for item in score.items)
    return dict(zip(items, item_differences(one, other, benchmark).tolist(), strict=True))


def _squares(values: Sequence[float]) -> float:
    return float(((np.array(values) - np.mean(values)) ** 2).sum())
