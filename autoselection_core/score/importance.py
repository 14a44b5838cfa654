"""Rank correlation of the score of a subset with the numbers of its state."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.score.score import CONFIDENCE

Numbers = npt.NDArray[np.float64]

PERMUTATIONS = 2_000
"""Shuffles of the scores: the ends of an interval move by about a fiftieth of its width from seed to seed."""

_MIN_SUBSETS = 5
"""Subsets below which every order is likely by chance."""


@dataclass(frozen=True)
class Importance:
    """Rank correlation of one number of a subset with its score.

    Attributes:
        name: Name of the number.
        correlation: Spearman's rank correlation with the score.
        low: Lower end of what shuffled scores give.
        high: Upper end of it.
        p_value: Share of shuffles in which any of the numbers goes with the score this far: few subsets and
            many numbers find something by chance, and this p-value knows it.
    """

    name: str
    correlation: float
    low: float
    high: float
    p_value: float


def importances(
    names: Sequence[str], states: Numbers, scores: Numbers, *, seed: int, confidence: float = CONFIDENCE
) -> list[Importance]:
    """Rank correlation of every number with the score, beside that of shuffled scores; the farthest first.

    It describes the subsets that were evaluated and implies no causes: numbers are correlated. Numbers
    that are unknown for a subset, or equal for all, are left out.

    Args:
        names: Names of the numbers. Length n.
        states: The numbers of each subset. Shape (subsets, n).
        scores: The score of each subset. Shape (subsets,).
        seed: Of the shuffles.
        confidence: Of the intervals.
    """
    if len(scores) < _MIN_SUBSETS:
        return []
    varied = np.isfinite(states).all(axis=0) & (np.ptp(np.nan_to_num(states), axis=0) > 0)
    if not varied.any() or np.ptp(scores) == 0:
        return []
    ranks, wanted = _standard_ranks(states[:, varied]), _standard_ranks(scores[:, None])[:, 0]
    found = ranks.T @ wanted / len(scores)
    rng = np.random.default_rng(seed)
    shuffled = np.stack([ranks.T @ rng.permutation(wanted) for _ in range(PERMUTATIONS)]) / len(scores)
    low, high = np.quantile(shuffled, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    farthest = np.abs(shuffled).max(axis=1)
    kept = [name for name, is_varied in zip(names, varied, strict=True) if is_varied]
    listed = [
        Importance(
            name,
            float(found[at]),
            float(low[at]),
            float(high[at]),
            float(((farthest >= abs(found[at]) - 1e-12).sum() + 1) / (PERMUTATIONS + 1)),
        )
        for at, name in enumerate(kept)
    ]
    return sorted(listed, key=lambda each: -abs(each.correlation))


def _standard_ranks(values: Numbers) -> Numbers:
    """Ranks of each column with mean 0 and deviation 1; ties share their mean rank."""
    from scipy.stats import rankdata

    ranks = rankdata(values, axis=0)
    centred: Numbers = (ranks - ranks.mean(axis=0)) / ranks.std(axis=0)
    return centred
