"""Rank aggregation operator with bounds on group shares."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows
from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.signals import MissingSignalError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import Column, Label
from autoselection_core.operators.reason import Reason, reason_by_rank
from autoselection_core.operators.selection.quotas import Bounds, best_within
from autoselection_core.operators.selection.ranking import HIGHEST, rank_rows, ranks_of, share_of
from autoselection_core.signals.table import RELEVANCE, SignalTable
from autoselection_core.space import Choice, Interval, Setting

BORDA = "borda"
CHAMBERLIN_COURANT = "chamberlin_courant"

Points = npt.NDArray[np.int64]
"""Points of rows in rankings: rows minus place, so the best row gets the most. Shape (rankings, m)."""


@dataclass(frozen=True)
class KeepByRanks(Operator):
    """Keep a share of the rows by several rankings at once, with bounds on every group's share.

    Subset selection from rankings under group fairness (Boehmer, Celis, Huang, Mehrotra and Vishnoi, 2023).
    Under Borda a row's score is the sum of its points over the rankings, and the result is the best subset
    that meets the bounds. Under Chamberlin-Courant each ranking counts only its best row in the subset:
    rows are added greedily, each with the largest gain, while the bounds stay reachable (half of the
    optimum at least); once no row adds anything, Borda fills the rest. Unknown scores rank last, ties go to
    the lower row.

    A group of n of the m incoming rows has at least `floor(lower * k * n / m)` and at most
    `ceil(upper * k * n / m)` of the k kept ones.

    Attributes:
        fraction: Share of the incoming rows to keep.
        lower: The least share of a group, as a multiple of its natural one.
        upper: The largest share of a group, as a multiple of its natural one.
        rule: How the rankings are combined.
        groups: The grouping; rows without a group form one of their own.
        highest: Columns whose high values are good; without them the relevance to each benchmark.
        lowest: Columns whose low values are good.
    """

    name: ClassVar[str] = "keep_by_ranks"

    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    lower: Annotated[float, Interval(0.0, 1.0)] = 0.5
    upper: Annotated[float, Interval(1.0, 4.0)] = 2.0
    rule: Annotated[str, Choice((BORDA, CHAMBERLIN_COURANT))] = BORDA
    groups: Label = "source"
    highest: tuple[Column, ...] | None = None
    lowest: tuple[Column, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("highest", "lowest"):
            if getattr(self, name) == ():
                raise SettingError(name, [], "a list with at least one column, or absent")

    @property
    @override
    def reads(self) -> tuple[str, ...]:
        return (*super().reads, *((f"{RELEVANCE}*",) if self.highest is None else ()))

    @override
    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        is_ready = cls.groups in signals.labels and bool(signals.benchmarks)
        return ({"rule": BORDA}, {"rule": CHAMBERLIN_COURANT}) if is_ready else ()

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        count = share_of(self.fraction, len(rows))
        points = self._points(rows, signals)
        borda = points.sum(axis=0)
        bounds = Bounds.proportional(signals.label(self.groups)[rows] + 1, count, self.lower, self.upper)
        chosen = np.zeros(len(rows), np.bool_)
        if self.rule == CHAMBERLIN_COURANT:
            chosen = _representatives(points, borda, bounds)
        return best_within(borda, bounds, chosen)

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        points = self._points(rows, signals).sum(axis=0).astype(np.float64)
        position = int(np.searchsorted(rows, row))
        return reason_by_rank("points over all rankings", points, self.keep(rows, signals, seed), position)

    def _points(self, rows: Rows, signals: SignalTable) -> Points:
        relevance = tuple(RELEVANCE + name for name in signals.benchmarks)
        high = relevance if self.highest is None else self.highest
        low = self.lowest or ()
        if not high + low:
            raise MissingSignalError("signal", f"{RELEVANCE}*", tuple(signals.columns))
        votes = [rank_rows(rows, signals, name, HIGHEST) for name in high]
        votes += [rank_rows(rows, signals, name, "lowest") for name in low]
        return np.stack([len(rows) - ranks_of(vote) for vote in votes])


def _representatives(points: Points, borda: npt.NDArray[np.int64], bounds: Bounds) -> Mask:
    """The rows that a greedy choice adds as long as one of them adds something.

    Gains only shrink, so a row without gain is never looked at again.
    """
    chosen = np.zeros(points.shape[1], np.bool_)
    best = np.zeros((len(points), 1), np.int64)
    open_rows = np.arange(points.shape[1])
    while len(open_rows) and np.count_nonzero(chosen) < bounds.count:
        gains = np.maximum(points[:, open_rows] - best, 0).sum(axis=0)
        is_gain = gains > 0
        open_rows, gains = open_rows[is_gain], gains[is_gain]
        addable = bounds.addable(chosen)[bounds.groups[open_rows]]
        if not addable.any():
            break
        candidates, gains = open_rows[addable], gains[addable]
        # Most gain first, then most points, then the lower row.
        winner = candidates[np.lexsort((candidates, -borda[candidates], -gains))[0]]
        chosen[winner] = True
        best = np.maximum(best, points[:, [winner]])
        open_rows = open_rows[open_rows != winner]
    return chosen
