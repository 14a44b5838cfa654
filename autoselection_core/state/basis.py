"""Basis of the states of one signal table: its aspects, computed once, on first use."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoselection_core.arrays import Labels, Mask, Rows, Vectors
from autoselection_core.operators.definitions.duplicates import (
    NEAR_PAIRS,
    NEAR_SIMILARITY,
    SEMANTIC_SIMILARITY,
)
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SOURCE, SignalTable, first_name
from autoselection_core.state.activity import Activity
from autoselection_core.state.aspect import Aspect, Counts, Mix, Shares, Size, Tokens
from autoselection_core.state.column import Column, sample_rows


class ExactRepeats:
    """`repeats/x`: the share of rows that have a row with the same text in the subset."""

    def __init__(self, name: str, groups: Labels) -> None:
        self.name = f"repeats/{name}"
        self._groups = groups + 1

    def share(self, rows: Rows, present: Mask) -> float:  # noqa: ARG002  # the groups are enough
        """The share of the rows."""
        sizes = np.bincount(self._groups[rows])[1:]
        return float(sizes[sizes > 1].sum() / len(rows))


class AlikeRepeats:
    """`repeats/x`: the share of rows that have a neighbour in the subset.

    States are stored and compared by name, so a renamed list of pairs keeps its first name here.
    """

    def __init__(self, name: str, pairs: PairList) -> None:
        self.name = f"repeats/{first_name(name)}"
        usual = NEAR_SIMILARITY if name == NEAR_PAIRS else SEMANTIC_SIMILARITY
        alike = pairs.similarity >= np.float32(max(usual, pairs.floor))
        self._low, self._high = pairs.low[alike], pairs.high[alike]

    def share(self, rows: Rows, present: Mask) -> float:
        """The share of the rows."""
        both = present[self._low] & present[self._high]
        repeated = np.zeros(len(present), np.bool_)
        repeated[self._low[both]] = True
        repeated[self._high[both]] = True
        return float(np.count_nonzero(repeated) / len(rows))


Repeats = ExactRepeats | AlikeRepeats
"""Numbers that do not add up over rows."""


_STEPS = 127


class Shift(Aspect):
    """`shift/x`: distance between the mean vectors, over the pool's root mean squared distance to its mean.

    Vectors are rounded to 127 steps up to the largest component, which averages out over rows. Pools above
    200,000 rows are described by the fixed sample of `sample_rows`.
    """

    def __init__(self, name: str, vectors: Vectors) -> None:
        self.names = (f"shift/{name}",)
        sampled = sample_rows(len(vectors))
        self._place = np.full(len(vectors), -1, np.int64)
        self._place[sampled] = np.arange(len(sampled))
        known = np.nan_to_num(vectors[sampled])
        self._codes = np.rint(known / (max(np.abs(known).max(initial=0.0), 1e-30) / _STEPS)).astype(np.int8)
        self.pool = self.count(sampled)
        self._spread = self._pool_spread()

    def count(self, rows: Rows) -> Counts:
        """The sum of the rounded vectors of the sampled rows; last, their number."""
        places = self._place[rows]
        places = places[places >= 0]
        total = self._codes[places].sum(axis=0, dtype=np.int32)  # 127 * 200,000 fits into 32 bits
        return np.append(total.astype(np.int64), len(places))

    def numbers(self, counts: Counts, rows: int) -> Shares:  # noqa: ARG002  # only sampled rows count
        """The distance to the pool's mean."""
        if counts[-1] == 0:
            return np.zeros(1)
        shift = counts[:-1] / counts[-1] - self.pool[:-1] / self.pool[-1]
        return np.array([np.sqrt(np.square(shift).sum()) / self._spread])

    def _pool_spread(self) -> float:
        rows = max(int(self.pool[-1]), 1)
        squares = int(np.square(self._codes, dtype=np.int32).sum(dtype=np.int64)) / rows
        variance = squares - float(np.square(self.pool[:-1] / rows).sum())
        return float(np.sqrt(max(variance, 1e-12)))


_TOKENS = "tokens"
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
    return signals.cached(
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
    if SOURCE in signals.labels:
        yield Mix(SOURCE, signals.label(SOURCE), signals.label_names.get(SOURCE, ()))
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
