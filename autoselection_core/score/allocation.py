"""Neyman allocation of further items to strata: most where the leading models disagree.

A utility is a weighted mean over strata of items. Over the draw of n_h items from each, the variance of a
difference of two utilities is the sum of w_h^2 s_h^2 / n_h, with s_h the deviation of the items' differences
(Neyman 1934). Items are given one by one to the stratum where one more lowers that sum most, which is the
exact optimum in whole numbers (Wright 2012, The Equivalence of Neyman Optimum Allocation for Sampling and
Equal Proportions for Apportionment).
"""

from collections.abc import Sequence
from dataclasses import dataclass


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
