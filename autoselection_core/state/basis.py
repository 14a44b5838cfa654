"""Basis of the states of one signal table: its aspects, computed once, on first use."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoselection_core.arrays import Mask, Rows
from autoselection_core.signals.table import SignalTable
from autoselection_core.state.activity import Activity
from autoselection_core.state.aspect import Aspect, Counts, Mix, Shares, Size, Tokens
from autoselection_core.state.column import Column
from autoselection_core.state.repeats import AlikeRepeats, ExactRepeats, Repeats
from autoselection_core.state.shift import Shift

_TOKENS = "tokens"
_SOURCE = "source"
_EXACT = "exact"


@dataclass(frozen=True, eq=False)
class Tally:
    """The counts of a subset, one array for each aspect, and the rows they are of."""

    rows: Rows
    counts: tuple[Counts, ...]


@dataclass(frozen=True, eq=False)
class Basis:
    """The aspects of a pool's states.

    Attributes:
        rows: Number of rows of the pool.
        aspects: Aspects whose counts add up over rows.
        repeats: Shares of repeated rows, which do not add up.
    """

    rows: int
    aspects: tuple[Aspect, ...]
    repeats: tuple[Repeats, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers of a state."""
        added = (name for aspect in self.aspects for name in aspect.names)
        return (*added, *(repeat.name for repeat in self.repeats))

    @cached_property
    def pool(self) -> Tally:
        """The counts of the whole pool."""
        return Tally(np.arange(self.rows), tuple(aspect.pool for aspect in self.aspects))

    @cached_property
    def nothing(self) -> Tally:
        """The counts of no rows."""
        return Tally(np.empty(0, np.int64), tuple(np.zeros_like(aspect.pool) for aspect in self.aspects))

    def tally(self, rows: Rows, references: tuple[Tally, ...] = ()) -> Tally:
        """The counts of some rows, from scratch or from whichever reference differs in the fewest rows."""
        present = mask_of(rows, self.rows)
        changes = [(known, *_change(known.rows, present)) for known in (self.nothing, self.pool, *references)]
        reference, added, removed = min(changes, key=lambda change: len(change[1]) + len(change[2]))
        return Tally(
            rows,
            tuple(
                old + aspect.change(added, removed)
                for aspect, old in zip(self.aspects, reference.counts, strict=True)
            ),
        )

    def numbers(self, tally: Tally) -> Shares:
        """The numbers of the state. Shape (names,)."""
        present = mask_of(tally.rows, self.rows)
        added = [
            aspect.numbers(counts, len(tally.rows))
            for aspect, counts in zip(self.aspects, tally.counts, strict=True)
        ]
        repeats = np.array([repeat.share(tally.rows, present) for repeat in self.repeats])
        return np.concatenate([*added, repeats])


def basis_of(signals: SignalTable) -> Basis:
    """The basis of a table, computed once."""
    return signals.derived(
        Basis, lambda: Basis(len(signals), tuple(_aspects(signals)), tuple(_repeats(signals)))
    )


def mask_of(rows: Rows, pool: int) -> Mask:
    """Mask of some rows of the pool. Shape (pool,)."""
    present = np.zeros(pool, np.bool_)
    present[rows] = True
    return present


def _aspects(signals: SignalTable) -> Iterator[Aspect]:
    yield Size(len(signals))
    if _TOKENS in signals.columns:
        yield Tokens(_TOKENS, signals[_TOKENS])
    for name in sorted(signals.columns):
        yield Column(name, signals[name])
    if _SOURCE in signals.labels:
        yield Mix(_SOURCE, signals.label(_SOURCE), signals.label_names.get(_SOURCE, ()))
    for name in sorted(signals.sparse):
        yield Activity(name, signals.sparse[name])
    for name in sorted(signals.vectors):
        yield Shift(name, signals.vectors[name])


def _repeats(signals: SignalTable) -> Iterator[Repeats]:
    if _EXACT in signals.labels:
        yield ExactRepeats(_EXACT, signals.label(_EXACT))
    for name in sorted(signals.pairs):
        yield AlikeRepeats(name, signals.pairs[name])


def _change(old: Rows, present: Mask) -> tuple[Rows, Rows]:
    before = mask_of(old, len(present))
    return np.flatnonzero(present & ~before), np.flatnonzero(before & ~present)
