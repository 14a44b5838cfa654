"""Choice of the best rows under a minimum and a maximum number for every group."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Labels, Mask
from autoselection_core.operators.selection.quotas import places_in_groups
from autoselection_core.operators.selection.ranking import first, ranked

Numbers = npt.NDArray[np.int64]
"""A whole number for each group, or for each row."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Bounds on the number of rows to choose, in all and of each group.

    Attributes:
        groups: A group number from 0 for each row. Shape (m,).
        count: How many rows to choose.
        least: At least so many of each group.
        most: At most so many of each group.
    """

    groups: Labels
    count: int
    least: Numbers
    most: Numbers

    @classmethod
    def proportional(cls, groups: Labels, count: int, lower: float, upper: float) -> "Bounds":
        """Bounds around each group's natural share of the chosen rows; they can always be met."""
        sizes = np.bincount(groups)
        natural = [count * int(size) / len(groups) for size in sizes]
        least = np.array([math.floor(round(lower * share, 9)) for share in natural])
        most = np.array([math.ceil(round(upper * share, 9)) for share in natural])
        return cls(groups, count, least, np.minimum(most, sizes))

    def addable(self, chosen: Mask) -> Mask:
        """Mask of the groups of which one more row leaves the bounds reachable. Shape (groups,)."""
        taken = np.bincount(self.groups[chosen], minlength=len(self.least))
        owed = np.maximum(self.least - taken, 0)
        free = self.count - int(taken.sum()) - int(owed.sum())
        can_grow: Mask = (taken < self.most) & ((owed > 0) | (free > 0))
        return can_grow


def best_within(scores: Numbers, bounds: Bounds, chosen: Mask) -> Mask:
    """The rows with the highest sum of scores that meet the bounds, given that some are chosen already.

    Exact, because the score is a sum and the groups are disjoint: each group's best rows fill its least
    number, and the best of the others (within each group's largest number) fill the rest.

    Args:
        scores: Shape (m,).
        bounds: What to meet.
        chosen: Rows that are in whatever their score; they break no bound. Shape (m,).
    """
    # Chosen rows come first in their group, so that they fill its numbers.
    order = ranked(np.where(chosen, np.inf, scores.astype(np.float64)))
    place = places_in_groups(bounds.groups, order)
    owed = chosen | (place < bounds.least[bounds.groups])
    is_open = ~owed & (place < bounds.most[bounds.groups])
    rest = first(np.where(is_open, scores, np.nan), bounds.count - int(np.count_nonzero(owed)))
    return owed | (rest & is_open)
