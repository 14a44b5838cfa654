"""Uniform random sampling operator."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows
from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.score import require_one_size
from autoselection_core.operators.reason import Reason, reason_by_rank
from autoselection_core.operators.selection.ranking import chances, lowest, share_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import LOG, Interval


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
        count = share_of(self.fraction, len(signals)) if self.count is None else self.count
        return lowest(chances(signals.keys[rows], seed), count)

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        drawn = chances(signals.keys[rows], seed) / 2.0**64
        kept = self.keep(rows, signals, seed)
        return reason_by_rank("chance", drawn, kept, int(np.searchsorted(rows, row)), "lowest")
