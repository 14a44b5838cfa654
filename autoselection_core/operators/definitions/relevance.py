"""Relevance operator: rows near to the benchmarks."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows, Values
from autoselection_core.errors.signals import MissingSignalError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.score import require_one_size
from autoselection_core.operators.fields import FieldKind, Reads
from autoselection_core.operators.reason import Reason, reason_by_rank
from autoselection_core.operators.selection.ranking import first, rows_for, share_of
from autoselection_core.signals.table import RELEVANCE, SignalTable
from autoselection_core.space import LOG, Interval, Setting


@dataclass(frozen=True)
class KeepRelevant(Operator):
    """Keep the rows most relevant to each benchmark, then unite them (MONA's selection rule).

    The share is per benchmark: b benchmarks keep up to b times as many rows. Rows of unknown relevance rank
    last for a share or a count, and never pass a threshold. Ties go to the lower row.

    Attributes:
        fraction: Share of the incoming rows to keep for each benchmark.
        benchmarks: Which benchmarks; without them all that have a relevance column.
        count: How many rows to keep for each benchmark, instead of a share.
        threshold: The least relevance that stays, instead of a share.
    """

    name: ClassVar[str] = "keep_relevant"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction", "count")

    fraction: Annotated[float, Interval(0.01, 1.0, LOG)] = 0.3
    benchmarks: tuple[Annotated[str, Reads(FieldKind.BENCHMARK)], ...] | None = None
    count: int | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        has_no_other = self.fraction == KeepRelevant.fraction and self.threshold is None
        require_one_size(self.count, other_is_default=has_no_other)

    @property
    @override
    def note(self) -> str:
        """The share or count is for each benchmark, so all together keep more."""
        return "" if self.threshold is not None else "for each benchmark; what any of them keeps stays"

    @override
    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        return ({},) if signals.benchmarks else ()

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        kept = [self._near(signals[column][rows], signals) for column in self._columns(signals)]
        united: Mask = np.logical_or.reduce(kept)
        return united

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        """The benchmark to which the row is closest, seen from the cut-offs."""
        position = int(np.searchsorted(rows, row))
        return min((self._why(name, rows, signals, position) for name in self._columns(signals)), key=_gap)

    def _why(self, column: str, rows: Rows, signals: SignalTable, position: int) -> Reason:
        relevance = signals[column][rows]
        reason = reason_by_rank(column, relevance, self._near(relevance, signals), position)
        return reason if self.threshold is None else replace(reason, cut_off=self.threshold)

    def _columns(self, signals: SignalTable) -> tuple[str, ...]:
        benchmarks = signals.benchmarks if self.benchmarks is None else self.benchmarks
        if not benchmarks:
            raise MissingSignalError("signal", f"{RELEVANCE}*", tuple(signals.columns))
        return tuple(RELEVANCE + benchmark for benchmark in benchmarks)

    def _near(self, relevance: Values, signals: SignalTable) -> Mask:
        if self.threshold is not None:
            near: Mask = relevance >= np.float32(self.threshold)
            return near
        if self.count is not None:
            return first(relevance, rows_for(self.count, signals))
        return first(relevance, share_of(self.fraction, len(relevance)))


def _gap(reason: Reason) -> float:
    """Distance of the row to the cut-off of one benchmark; below 0 it stays."""
    if reason.value is None or reason.cut_off is None:
        return np.inf
    return reason.cut_off - reason.value
