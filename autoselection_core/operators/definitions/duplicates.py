"""Deduplication operators: exact, near and semantic duplicates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows
from autoselection_core.errors.signals import PairFloorError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import Column, Label, OrderName, Pairs
from autoselection_core.operators.reason import Reason
from autoselection_core.operators.selection.ranking import HIGHEST
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import Interval, Setting

Ends = npt.NDArray[np.int32]
"""One end of each pair, as row numbers. Shape (pairs,)."""

NEAR_PAIRS = "near_duplicates"
"""List of the pairs whose words are similar."""

NEAR_SIMILARITY, SEMANTIC_SIMILARITY = 0.8, 0.95
"""Similarity of words, and of embeddings, from which on two samples repeat each other by default."""

_ROUNDS = 8
"""In random order a few rounds settle nearly all rows; a chain of n rows, each like the next, would take
n / 2 rounds, so what is left after these goes one by one."""


def drop(before: Ends, after: Ends, costs: npt.NDArray[np.floating] | None, rows: int) -> Mask:
    """The rows that are dropped when each row that is similar to an earlier kept one goes.

    The result is exactly that of the sequential rule (take rows in order, keep one unless a kept one is like
    it): in each round all rows without an undecided earlier neighbour are kept, and their neighbours go.

    Args:
        before: The end of each pair that comes first in the order of preference.
        after: The other end.
        costs: What the order of preference follows, lowest first and ties to the lower row; None where it
            follows the row numbers. Shape (rows,).
        rows: Number of rows of the pool.

    Returns:
        Shape (rows,).

    Example:
        >>> drop(np.array([0, 1], np.int32), np.array([1, 2], np.int32), None, 3)  # 0 ~ 1 ~ 2
        array([False,  True, False])
    """
    gone = np.zeros(rows, np.bool_)
    waits = np.zeros(rows, np.bool_)
    for _ in range(_ROUNDS):
        if not len(before):
            break
        waits[after] = True
        gone[after[~waits[before]]] = True
        waits[after] = False
        is_open = ~(gone[before] | gone[after])
        before, after = before[is_open], after[is_open]
    return _drop_one_by_one(before, after, costs, gone) if len(before) else gone


def _drop_one_by_one(before: Ends, after: Ends, costs: npt.NDArray[np.floating] | None, gone: Mask) -> Mask:
    order = np.argsort(before, kind="stable") if costs is None else np.lexsort((before, costs[before]))
    before, after = before[order], after[order]
    starts = np.flatnonzero(np.concatenate([[True], before[1:] != before[:-1]]))
    ends = np.append(starts[1:], len(before))
    is_gone = gone.view(np.uint8).data  # reading one item of a view is several times faster than of an array
    for row, start, end in zip(before[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        if not is_gone[row]:
            gone[after[start:end]] = True
    return gone


_SPACES = ("embedding", "sae")
"""The pair lists that hold neighbours in a vector space."""


@dataclass(frozen=True)
class DropExactDuplicates(Operator):
    """Keep the first row of every group of equal texts; rows without a group stay.

    Attributes:
        groups: The grouping by normalised text.
    """

    name: ClassVar[str] = "drop_exact_duplicates"
    is_idempotent: ClassVar[bool] = True

    groups: Label = "exact"

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        groups = signals.label(self.groups)[rows]
        grouped = np.flatnonzero(groups >= 0)[::-1]
        first = np.empty(int(groups.max(initial=-1)) + 1, np.int64)
        first[groups[grouped]] = grouped  # the last assignment wins: backwards, that is the first row
        kept: Mask = groups < 0
        kept[first[groups[grouped]]] = True
        return kept

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        groups = signals.label(self.groups)
        first = int(rows[np.argmax(groups[rows] == groups[row])])
        is_repeat = groups[row] >= 0 and first != row
        what = "same text" if is_repeat else "no row before it has the same text"
        return Reason(what, len(rows), like=first if is_repeat else None)


@dataclass(frozen=True)
class DropNearDuplicates(Operator):
    """Keep the first of rows whose texts overlap: a row goes when it is like an earlier row that stays.

    Attributes:
        similarity: Similarity from which on two rows are alike; at least the floor of the pairs.
        pairs: The pair list, by default verified Jaccard similarities of word n-grams.
        prefer: A column that decides which row comes first; without it the lower row does.
        order: Which end of that column is preferred.
    """

    name: ClassVar[str] = "drop_near_duplicates"
    is_idempotent: ClassVar[bool] = True

    similarity: Annotated[float, Interval(0.5, 0.99)] = NEAR_SIMILARITY
    pairs: Pairs = NEAR_PAIRS
    prefer: Column | None = None
    order: OrderName = HIGHEST

    @override
    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        return ({},) if cls.pairs in signals.pairs else ()

    @override
    def lower_ends(self, signals: SignalTable) -> Mapping[str, float]:
        return {"similarity": signals.pair_list(self.pairs).floor}

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        low, high = alike(rows, signals, self.pairs, self.similarity)
        return deduplicated_mask(rows, low, high, preference(signals, self.prefer, self.order), len(signals))

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        return reason_by_pair(self.pairs, self.similarity, rows[self.keep(rows, signals, seed)], signals, row)


@dataclass(frozen=True)
class DropSemanticDuplicates(Operator):
    """Keep one of rows that mean the same: a row goes when it is like a preferred row that stays.

    The rule is SemDeDup's with the kept rows as references (not all earlier ones), over neighbours in a
    vector space that were computed once.

    Attributes:
        similarity: Cosine similarity from which on two rows are alike; at least the floor of the pairs.
        pairs: The pair list: neighbours in `embedding` or `sae` space.
        within: A grouping, such as `cluster/1000`: only rows of one group are compared.
        prefer: A column that decides which row comes first, for example the distance to the cluster's
            centre for SemDeDup's "keep hardest"; without it the lower row does.
        order: Which end of that column is preferred.
    """

    name: ClassVar[str] = "drop_semantic_duplicates"
    is_idempotent: ClassVar[bool] = True

    similarity: Annotated[float, Interval(0.7, 0.99)] = SEMANTIC_SIMILARITY
    pairs: Pairs = "embedding"
    within: Label | None = None
    prefer: Column | None = None
    order: OrderName = HIGHEST

    @override
    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        return tuple({"pairs": space} for space in _SPACES if space in signals.pairs)

    @override
    def lower_ends(self, signals: SignalTable) -> Mapping[str, float]:
        return {"similarity": signals.pair_list(self.pairs).floor}

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        low, high = alike(rows, signals, self.pairs, self.similarity)
        if self.within is not None:
            groups = signals.label(self.within)
            together = (groups[low] == groups[high]) & (groups[low] >= 0)
            low, high = low[together], high[together]
        return deduplicated_mask(rows, low, high, preference(signals, self.prefer, self.order), len(signals))

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        return reason_by_pair(self.pairs, self.similarity, rows[self.keep(rows, signals, seed)], signals, row)


def alike(rows: Rows, signals: SignalTable, pairs: str, similarity: float) -> tuple[Ends, Ends]:
    """The pairs at or above a similarity with both rows among those given.

    Raises:
        PairFloorError: The similarity is below the floor of the list.
    """
    known = signals.pair_list(pairs)
    if similarity < known.floor:
        raise PairFloorError(pairs, similarity, known.floor)
    present = np.zeros(len(signals), np.bool_)
    present[rows] = True
    return known.among(present, similarity)


def preference(signals: SignalTable, column: str | None, order: str) -> npt.NDArray[np.float32] | None:
    """Costs that rows are ordered by, lowest first, unknown last; None for the row number."""
    if column is None:
        return None
    values = signals[column]
    return np.nan_to_num(-values if order == HIGHEST else values, nan=np.inf, posinf=np.inf, neginf=-np.inf)


def deduplicated_mask(
    rows: Rows, low: Ends, high: Ends, costs: npt.NDArray[np.float32] | None, pool: int
) -> Mask:
    """Mask of the rows that stay when each row that is similar to a preferred kept one goes."""
    if costs is not None:
        swapped = costs[high] < costs[low]  # a tie leaves the lower row first
        low, high = np.where(swapped, high, low), np.where(swapped, low, high)
    return ~drop(low, high, costs, pool)[rows]


def reason_by_pair(pairs: str, similarity: float, kept: Rows, signals: SignalTable, row: int) -> Reason:
    """The kept row that is most similar to a row, and the similarity."""
    known = signals.pair_list(pairs)
    own = np.flatnonzero((known.low == row) | (known.high == row))
    others = np.where(known.low[own] == row, known.high[own], known.low[own])
    own, others = own[np.isin(others, kept)], others[np.isin(others, kept)]
    if not len(own):
        return Reason(known.measure, len(kept), cut_off=similarity)
    closest = int(np.argmax(known.similarity[own]))
    value = float(known.similarity[own[closest]])
    is_dropped = row not in kept
    return Reason(
        known.measure, len(kept), value, cut_off=similarity, like=int(others[closest]) if is_dropped else None
    )
