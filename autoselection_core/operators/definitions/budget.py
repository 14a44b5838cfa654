"""Operators of a plain size: a token budget, and uniform random sampling."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows
from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.mixing import taking_order
from autoselection_core.operators.definitions.score import require_one_size
from autoselection_core.operators.fields import Column
from autoselection_core.operators.reason import Reason, reason_by_rank
from autoselection_core.operators.selection.ranking import chances, lowest, rows_for, share_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import LOG, Interval


@dataclass(frozen=True)
class TokenBudget(Operator):
    """Take rows in order until the next one would exceed a budget of tokens.

    The rows form a prefix of the order, so a larger budget contains a smaller one. Rows whose number of
    tokens is unknown are dropped: they cannot be paid for.

    Attributes:
        fraction: The budget as a share of the whole pool's tokens.
        length: The column that counts tokens.
        prefer: A column whose highest rows are taken first; without it chance decides.
        count: The budget in tokens instead of a share; then `fraction` stays at its default.
    """

    name: ClassVar[str] = "token_budget"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction", "count")
    is_idempotent: ClassVar[bool] = True

    fraction: Annotated[float, Interval(0.01, 1.0, LOG)] = 0.5
    length: Column = "tokens"
    prefer: Column | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_size(self.count, other_is_default=self.fraction == TokenBudget.fraction)

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        tokens = signals[self.length][rows]
        order = taking_order(rows, signals, self.prefer, seed)
        order = order[~np.isnan(tokens[order])]
        spent = np.cumsum(tokens[order], dtype=np.float64)
        kept = np.zeros(len(rows), np.bool_)
        kept[order[: np.searchsorted(spent, self._budget(signals), side="right")]] = True
        return kept

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        order = taking_order(rows, signals, self.prefer, seed)
        rank = int(np.flatnonzero(rows[order] == row)[0]) + 1
        spent = float(np.nansum(signals[self.length][rows[order[:rank]]], dtype=np.float64))
        return Reason(f"{self.length} up to this row", len(rows), spent, rank, self._budget(signals))

    def _budget(self, signals: SignalTable) -> float:
        if self.count is not None:
            return signals.to_sample_scale(self.count)
        total = signals.cached(
            (TokenBudget.name, self.length), lambda: float(np.nansum(signals[self.length], dtype=np.float64))
        )
        return round(self.fraction * total, 9)


@dataclass(frozen=True)
class KeepRandom(Operator):
    """Keep rows drawn uniformly, as many as a share of the whole pool or a count.

    Each row's chance follows from its sample id and the seed, so a smaller draw is part of a larger one, and
    a sample keeps its chance when the pool grows. Where fewer rows enter than are wanted, all stay.

    Attributes:
        fraction: How many rows to keep, as a share of the pool (not of the incoming rows).
        count: How many rows to keep instead of a share; then `fraction` stays at its default.
    """

    name: ClassVar[str] = "keep_random"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction", "count")
    is_idempotent: ClassVar[bool] = True

    fraction: Annotated[float, Interval(0.005, 1.0, LOG)] = 0.5
    count: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_size(self.count, other_is_default=self.fraction == KeepRandom.fraction)

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        count = share_of(self.fraction, len(signals)) if self.count is None else rows_for(self.count, signals)
        return lowest(chances(signals.keys[rows], seed), count)

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        drawn = chances(signals.keys[rows], seed) / 2.0**64
        kept = self.keep(rows, signals, seed)
        return reason_by_rank("chance", drawn, kept, int(np.searchsorted(rows, row)), "lowest")
