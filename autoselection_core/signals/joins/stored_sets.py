"""Append-only storage of the sets of a changing pool: earlier sets stay, new ones are added behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Integers, Rows
from autoselection_core.signals.joins.shingles import Hashes, Shingles

_MIN_LIVE_SHARE = 0.8
"""Share of the written members that belong to a row, below which everything is written anew."""


@dataclass(frozen=True, eq=False)
class StoredSets:
    """One set a row, in two files: a long one that never changes, and a short one.

    Rows that left leave gaps. A place in the short file counts on from the end of the long one.

    Attributes:
        settled: Members that were there before. Shape (settled,).
        added: Members of sets that came since. Shape (added,).
        starts: Where the set of each row starts. Shape (rows,), int64.
        sizes: Members of each set. Shape (rows,), int64.
    """

    settled: Hashes
    added: Hashes
    starts: Integers
    sizes: Integers

    @classmethod
    def of(cls, sets: Shingles) -> "StoredSets":
        """Sets that no earlier pool had."""
        return cls(sets.hashes, np.zeros(0, np.uint64), sets.starts[:-1], sets.sizes)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> "StoredSets":
        """The sets among the values of a signal."""
        return cls(values["sets"], values["sets_added"], *np.asarray(values["sets_at"]))

    @property
    def values(self) -> dict[str, npt.NDArray[Any]]:
        """The sets as values that no other signal reads."""
        return {
            "sets": self.settled,
            "sets_added": self.added,
            "sets_at": np.stack([self.starts, self.sizes]),
        }

    def update(self, rows: Rows, new: Rows, fresh: Shingles) -> "StoredSets":
        """The sets of a changed pool.

        Args:
            rows: Present place of each row; -1 where it left. Ascending among those that stayed.
            new: The rows that came, ascending.
            fresh: A set for each of them.
        """
        stayed, here = np.flatnonzero(rows >= 0), rows[rows >= 0]
        starts, sizes = np.zeros((2, len(here) + len(new)), np.int64)
        starts[here], sizes[here] = self.starts[stayed], self.sizes[stayed]
        starts[new], sizes[new] = len(self.settled) + len(self.added) + fresh.starts[:-1], fresh.sizes
        changed = StoredSets(self.settled, np.concatenate([self.added, fresh.hashes]), starts, sizes)
        return changed if changed._is_tidy else StoredSets.of(changed.take(np.arange(len(sizes))))

    @property
    def _is_tidy(self) -> bool:
        settled = self.sizes[self.starts < len(self.settled)].sum()
        return bool(settled >= _MIN_LIVE_SHARE * (len(self.settled) + len(self.added)))

    def take(self, rows: Rows) -> Shingles:
        """The sets of some rows, one after the other."""
        sizes = self.sizes[rows]
        ends = np.cumsum(sizes)
        places = np.repeat(self.starts[rows] - (ends - sizes), sizes) + np.arange(int(sizes.sum()))
        hashes = np.empty(len(places), np.uint64)
        is_settled = places < len(self.settled)
        hashes[is_settled] = self.settled[places[is_settled]]
        hashes[~is_settled] = self.added[places[~is_settled] - len(self.settled)]
        return Shingles(hashes, np.concatenate([[0], ends]).astype(np.int64))

    def blocks(self, size: int) -> Iterator[tuple[int, Hashes]]:
        """All written members, so many at a time, each block with the place of its first one."""
        for offset, part in ((0, self.settled), (len(self.settled), self.added)):
            for start in range(0, len(part), size):
                yield offset + start, part[start : start + size]

    def owners(self, places: Integers) -> Integers:
        """The row whose set holds each place, -1 where none does; places ascend."""
        rows = np.flatnonzero(self.sizes)
        first, stop = np.searchsorted(places, [self.starts[rows], self.starts[rows] + self.sizes[rows]])
        counts = stop - first
        held = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        owner = np.full(len(places), -1)
        owner[held] = np.repeat(rows, counts)
        return owner
