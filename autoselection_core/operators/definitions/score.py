"""Score filters: operators that keep rows by the value of one signal."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows
from autoselection_core.errors.recipe import SettingError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import Column, OrderName
from autoselection_core.operators.reason import Reason, nan_to_none, reason_by_rank
from autoselection_core.operators.selection.ranking import HIGHEST, first, rows_for, share_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import Interval, Setting


@dataclass(frozen=True)
class KeepTop(Operator):
    """Keep the first rows in the ranking by one signal: a share of the incoming rows, or a count.

    A share is rounded up, so a non-empty subset never becomes empty. Rows with an unknown (NaN) score rank
    last. Ties go to the lower row number, so the result depends on nothing else.

    Attributes:
        signal: Name of the column to rank by.
        fraction: Share of the incoming rows to keep.
        order: Whether the highest or the lowest scores come first.
        count: How many rows to keep instead of a share; then `fraction` stays at its default.

    Example:
        >>> signals = SignalTable(
        ...     "pool", np.arange(3, dtype=np.uint64), {"ifd": np.array([3, 1, 2], np.float32)}
        ... )
        >>> KeepTop("ifd", fraction=0.5)(np.arange(3), signals)
        array([0, 2])
    """

    name: ClassVar[str] = "keep_top"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction", "count")

    signal: Column
    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    order: OrderName = HIGHEST
    count: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_size(self.count, other_is_default=self.fraction == KeepTop.fraction)

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        count = share_of(self.fraction, len(rows)) if self.count is None else rows_for(self.count, signals)
        return first(signals[self.signal][rows], count, self.order)

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        kept = self.keep(rows, signals, seed)
        position = int(np.searchsorted(rows, row))
        return reason_by_rank(self.signal, signals[self.signal][rows], kept, position, self.order)


@dataclass(frozen=True)
class KeepBand(Operator):
    """Keep rows whose value of one signal lies in a band, both ends included; unknown values are dropped.

    A band is in the signal's own unit, so it is written by hand: `high: 1` drops all above 1. A search has
    bands over signals most of whose values are equal alone, which end beside that value.

    Attributes:
        signal: Name of the column.
        low: Lowest value that stays; without it the band is open below.
        high: Highest value that stays; without it the band is open above.
    """

    name: ClassVar[str] = "keep_band"
    nested_in: ClassVar[tuple[str, ...]] = ("high",)
    is_idempotent: ClassVar[bool] = True

    signal: Column
    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.low is not None and self.high is not None and self.low > self.high:
            raise SettingError("low", self.low, f"at most high, which is {self.high}")

    @override
    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        return ()  # a range of values that suits every signal does not exist

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        scores = signals[self.signal][rows]
        low = -np.inf if self.low is None else np.float32(self.low)
        high = np.inf if self.high is None else np.float32(self.high)
        return (scores >= low) & (scores <= high)

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        value = nan_to_none(signals[self.signal][row])
        is_below = value is not None and self.low is not None and value < self.low
        cut_off = self.low if is_below or self.high is None else self.high
        return Reason(self.signal, len(rows), value, cut_off=cut_off)


def require_one_size(count: int | None, *, other_is_default: bool) -> None:
    """Refuse a count below 1, and a count beside another size, so that a recipe has one spelling.

    Raises:
        SettingError: Naming `count`.
    """
    if count is not None and count < 1:
        raise SettingError("count", count, "a whole number from 1")
    if count is not None and not other_is_default:
        raise SettingError("count", count, "absent where another size is given")
