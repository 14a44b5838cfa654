"""Arithmetic of operators: sizes of shares, rankings with ties, and seeded draws."""

import math

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Keys, Mask, Rows
from autoselection_core.signals.table import SignalTable

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)

HIGHEST, LOWEST = "highest", "lowest"


def share_of(fraction: float, rows: int) -> int:
    """Number of rows that a top fraction keeps: rounded up, after noise in the ninth digit is rounded away.

    Example:
        >>> share_of(0.1, 30), share_of(0.1, 31)
        (3, 4)
    """
    return min(math.ceil(round(fraction * rows, 9)), rows)


def rows_for(count: int, signals: SignalTable) -> int:
    """Number of rows of a table for a number of rows of its pool: in a sample fewer, and at least one."""
    return max(1, round(signals.to_sample_scale(count)))


def first(scores: npt.NDArray[np.floating], count: int, order: str = HIGHEST) -> Mask:
    """The rows that come first: the best `count` scores, unknown (NaN) last, ties to the lower row.

    A partition finds the cut-off, so this is linear in the number of rows.

    Args:
        scores: One score a row. Shape (m,).
        count: Number of rows to mark, at most m.
        order: `highest` or `lowest` scores first.

    Example:
        >>> first(np.array([1, np.nan, 3, 1, 2]), 3)
        array([ True, False,  True, False,  True])
    """
    if count >= len(scores):
        return np.ones(len(scores), np.bool_)
    if count <= 0:
        return np.zeros(len(scores), np.bool_)
    known: Mask = ~np.isnan(scores)
    unknown_places = count - int(np.count_nonzero(known))
    if unknown_places >= 0:
        return known | _earliest(~known, unknown_places)
    costs = -scores if order == HIGHEST else scores
    cut = np.partition(costs, count - 1)[count - 1]  # NaN sorts behind every number
    better: Mask = costs < cut
    return better | _earliest(costs == cut, count - int(np.count_nonzero(better)))


def rank(scores: npt.NDArray[np.floating], order: str = HIGHEST) -> npt.NDArray[np.int64]:
    """Positions from first to last: best score first, unknown last, ties to the lower row.

    Example:
        >>> rank(np.array([1, np.nan, 3, 1]))
        array([2, 0, 3, 1])
    """
    # `stable`, because ties go to the lower row; NaN sorts behind every number.
    return np.argsort(-scores if order == HIGHEST else scores, kind="stable")


def rank_rows(rows: Rows, signals: SignalTable, column: str, order: str = HIGHEST) -> Rows:
    """Positions among some rows from first to last by a column.

    The whole pool is sorted once and the rows are picked out of it, which is linear.
    """
    pool = signals.cached(("ranked", column, order), lambda: rank(signals[column], order))
    position = np.full(len(signals), -1, np.int64)
    position[rows] = np.arange(len(rows))
    picked: Rows = position[pool]
    return picked[picked >= 0]


def ranks_of(order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rank of each position in an order, from 0: the inverse of a permutation."""
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return ranks


def chances(keys: Keys, seed: int) -> npt.NDArray[np.uint64]:
    """A uniform 64-bit number for each row, from its sample id and a seed alone.

    A sample keeps its number when the pool grows, so draws are nested and stable. The mixing function is
    SplitMix64's (Steele, Lea and Flood, 2014), applied to the key shifted by the mixed seed.

    Example:
        >>> bool(
        ...     (chances(np.arange(3, dtype=np.uint64), 0) == chances(np.arange(3, dtype=np.uint64), 1)).any()
        ... )
        False
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        return _mix(keys + _mix(np.array([seed % (1 << 64)], np.uint64)))


def chance_order(keys: Keys, seed: int) -> npt.NDArray[np.int64]:
    """Positions of rows by their chances, the smallest first; ties to the lower row.

    Numbers of 64 bits hardly ever repeat, so the fast sort is tried first: it is stable where none does.

    Example:
        >>> chance_order(np.array([7, 7, 7], np.uint64), 0)
        array([0, 1, 2])
    """
    numbers = chances(keys, seed)
    order = np.argsort(numbers)
    ordered = numbers[order]
    return order if bool((ordered[1:] > ordered[:-1]).all()) else np.argsort(numbers, kind="stable")


def lowest(numbers: npt.NDArray[np.uint64], count: int) -> Mask:
    """The rows with the `count` smallest numbers; ties to the lower row."""
    if count >= len(numbers):
        return np.ones(len(numbers), np.bool_)
    cut = np.partition(numbers, count - 1)[count - 1]
    below: Mask = numbers < cut
    return below | _earliest(numbers == cut, count - int(np.count_nonzero(below)))


def _earliest(mask: Mask, count: int) -> Mask:
    """The first `count` of the marked rows."""
    chosen = np.zeros(len(mask), np.bool_)
    chosen[np.flatnonzero(mask)[:count]] = True
    return chosen


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed = numbers + _GOLDEN
    mixed ^= mixed >> np.uint64(30)  # in place: at ten million rows a new array costs more than the mixing
    mixed *= _MIX_1
    mixed ^= mixed >> np.uint64(27)
    mixed *= _MIX_2
    mixed ^= mixed >> np.uint64(31)
    return mixed
