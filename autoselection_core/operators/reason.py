"""Reasons why operators keep or drop rows."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
from autoselection_core.operators.selection.ranking import HIGHEST


@dataclass(frozen=True)
class Reason:
    """Reason why an operator kept or dropped one row.

    Attributes:
        what: Criterion: a column's name, or a phrase.
        value: The row's value; None where it is unknown, or where the operator looks at no value.
        rank: The row's place among the rows that entered, from 1; None where there is no ranking.
        entered: Number of rows that entered.
        cut_off: The value that the row needed at least (or at most); None where none would have helped.
        like: The kept row that this one is a duplicate of, where it went as one.
    """

    what: str
    entered: int
    value: float | None = None
    rank: int | None = None
    cut_off: float | None = None
    like: int | None = None


def reason_by_rank(
    what: str, scores: npt.NDArray[np.floating], kept: Mask, position: int, order: str = HIGHEST
) -> Reason:
    """The reason of an operator that keeps the first rows of a ranking.

    Args:
        what: Criterion of the ranking.
        scores: The score of each row that entered.
        kept: Mask of those that stay.
        position: Position of the row in question.
        order: End of the scores that comes first.
    """
    costs = np.nan_to_num(-scores if order == HIGHEST else scores, nan=np.inf)
    own = costs[position]
    rank = 1 + int((costs < own).sum()) + int((costs[:position] == own).sum())
    passed = scores[kept & ~np.isnan(scores)]
    worst = (passed.min() if order == HIGHEST else passed.max()) if len(passed) else None
    return Reason(
        what, len(scores), nan_to_none(scores[position]), rank, None if worst is None else float(worst)
    )


def nan_to_none(value: float | np.floating) -> float | None:
    """The value, or None for NaN."""
    return None if np.isnan(value) else float(value)


known = nan_to_none
"""First name, by which packages of other people import it."""
