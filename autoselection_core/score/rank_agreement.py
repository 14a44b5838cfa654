"""Rank agreement of two series of scores: how far one orders the same things as the other does."""

from collections.abc import Sequence

import numpy as np

MIN_PAIRS_TO_RANK = 3
"""Pairs below which an order says nothing: two are always ordered alike or not."""


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
