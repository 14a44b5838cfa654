"""Quotas: rows within bounds on each group, or with groups in given proportions."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Labels, Mask
from autoselection_core.operators.selection.ranking import first, rank

Numbers = npt.NDArray[np.int64]
"""A whole number for each group, or for each row."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds on the number of rows to choose, in all and of each group.

    Attributes:
        groups: A group number from 0 for each row. Shape (m,).
        count: How many rows to choose.
        min_rows: Minimum rows of each group.
        max_rows: Maximum rows of each group.
    """

    groups: Labels
    count: int
    min_rows: Numbers
    max_rows: Numbers

    @classmethod
    def proportional(cls, groups: Labels, count: int, lower: float, upper: float) -> "Bounds":
        """Bounds around each group's natural share of the chosen rows; they can always be met."""
        sizes = np.bincount(groups)
        natural = [count * int(size) / len(groups) for size in sizes]
        min_rows = np.array([math.floor(round(lower * share, 9)) for share in natural])
        max_rows = np.array([math.ceil(round(upper * share, 9)) for share in natural])
        return cls(groups, count, min_rows, np.minimum(max_rows, sizes))

    def addable(self, chosen: Mask) -> Mask:
        """Mask of the groups of which one more row leaves the bounds reachable. Shape (groups,)."""
        taken = np.bincount(self.groups[chosen], minlength=len(self.min_rows))
        owed = np.maximum(self.min_rows - taken, 0)
        free = self.count - int(taken.sum()) - int(owed.sum())
        can_grow: Mask = (taken < self.max_rows) & ((owed > 0) | (free > 0))
        return can_grow


def best_within(scores: Numbers, bounds: Bounds, chosen: Mask) -> Mask:
    """The rows with the highest sum of scores that meet the bounds, given that some are chosen already.

    Exact, because the score is a sum and the groups are disjoint: each group's best rows fill its minimum
    number, and the best of the others (within each group's largest number) fill the rest.

    Args:
        scores: Shape (m,).
        bounds: What to meet.
        chosen: Rows that are in whatever their score; they break no bound. Shape (m,).
    """
    # Chosen rows come first in their group, so that they fill its numbers.
    order = rank(np.where(chosen, np.inf, scores.astype(np.float64)))
    place = ranks_in_groups(bounds.groups, order)
    owed = chosen | (place < bounds.min_rows[bounds.groups])
    is_open = ~owed & (place < bounds.max_rows[bounds.groups])
    rest = first(np.where(is_open, scores, np.nan), bounds.count - int(np.count_nonzero(owed)))
    return owed | (rest & is_open)


Costs = npt.NDArray[np.float64]
"""Cost of each group or row, by which it is ordered."""


def ranks_in_groups(groups: Labels, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rank of each position within its own group, from 0.

    Args:
        groups: A group number from 0 for each position. Shape (m,).
        order: All positions, first to last. Shape (m,).

    Example:
        >>> ranks_in_groups(np.array([0, 1, 0, 0]), np.array([3, 2, 1, 0]))
        array([2, 0, 1, 0])
    """
    sizes = np.bincount(groups)
    # Numbers of at most 16 bits are sorted in linear time; `stable`, because the order holds inside.
    narrow = groups.astype(np.min_scalar_type(len(sizes)))
    together = order[np.argsort(narrow[order], kind="stable")]
    ranks = np.empty(len(groups), np.int64)
    ranks[together] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return ranks


def in_proportion(groups: Labels, order: npt.NDArray[np.int64], weights: Costs, count: int) -> Mask:
    """Rows whose numbers per group are in proportion to weights, as far as the groups go.

    Webster's method of highest averages: the j-th row of a group (from 0) costs (j + 1/2) / weight, and the
    cheapest rows are taken. A group that runs out leaves its places to the others, and a larger count always
    contains a smaller one. Rows of a group without weight are not taken.

    Args:
        groups: A group number from 0 for each position. Shape (m,).
        order: All positions, first to last; decides which rows of a group are taken. Shape (m,).
        weights: One weight a group.
        count: Maximum number of rows to take.

    Example:
        >>> in_proportion(np.array([0, 0, 0, 1, 1, 1]), np.arange(6), np.array([2.0, 1.0]), 3)
        array([ True,  True, False,  True, False, False])
    """
    # Powers differ between processors in the last digit of float64, which must not decide a place.
    weight = weights.astype(np.float32).astype(np.float64)[groups]
    is_open = weight > 0
    costs = np.full(len(groups), np.nan)
    costs[is_open] = (ranks_in_groups(groups, order)[is_open] + 0.5) / weight[is_open]
    taken = np.zeros(len(groups), np.bool_)
    taken[order] = first(costs[order], count, "lowest")  # equal costs go to the row that is taken earlier
    return taken & is_open
