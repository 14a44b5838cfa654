"""Quota sampling: subsets with groups in given proportions."""

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Labels, Mask
from autoselection_core.operators.selection.ranking import first

Costs = npt.NDArray[np.float64]
"""Cost of each group or row, by which it is ordered."""


def places_in_groups(groups: Labels, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each position's place within its own group, from 0.

    Args:
        groups: A group number from 0 for each position. Shape (m,).
        order: All positions, first to last. Shape (m,).

    Example:
        >>> places_in_groups(np.array([0, 1, 0, 0]), np.array([3, 2, 1, 0]))
        array([2, 0, 1, 0])
    """
    together = order[np.argsort(groups[order], kind="stable")]  # `stable`, because the order holds inside
    sizes = np.bincount(groups)
    place = np.empty(len(groups), np.int64)
    place[together] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return place


def in_proportion(groups: Labels, order: npt.NDArray[np.int64], weights: Costs, count: int) -> Mask:
    """Rows whose numbers per group are in proportion to weights, as far as the groups go.

    Webster's method of highest averages: the j-th row of a group (from 0) costs (j + 1/2) / weight, and the
    cheapest rows are taken. A group that runs out leaves its places to the others, and a larger count always
    contains a smaller one. Rows of a group without weight are not taken.

    Args:
        groups: A group number from 0 for each position. Shape (m,).
        order: All positions, first to last; decides which rows of a group are taken. Shape (m,).
        weights: One weight a group.
        count: How many rows to take at most.

    Example:
        >>> in_proportion(np.array([0, 0, 0, 1, 1, 1]), np.arange(6), np.array([2.0, 1.0]), 3)
        array([ True,  True, False,  True, False, False])
    """
    # Powers differ between processors in the last digit of float64, which must not decide a place.
    weight = weights.astype(np.float32).astype(np.float64)[groups]
    is_open = weight > 0
    costs = np.full(len(groups), np.nan)
    costs[is_open] = (places_in_groups(groups, order)[is_open] + 0.5) / weight[is_open]
    taken = np.zeros(len(groups), np.bool_)
    taken[order] = first(costs[order], count, "lowest")  # equal costs go to the row that is taken earlier
    return taken & is_open
