"""Similar pairs of rows, computed once so that every threshold is a look-up."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask, Rows
from autoselection_core.errors.signals import BrokenPairsError
from autoselection_core.identity import canonical_json

_ARRAYS = ("low", "high", "similarity")
_METADATA = "pairs.json"

PAIRS_PER_ROW = 64
"""Maximum number of pairs that a list keeps, on average over the rows of the pool."""

_MIN_HELD = 1 << 20
"""Pairs that are held in any case before the floor rises: some megabytes."""

MAX_FLOOR = 0.9
"""From here upwards every pair is stored, however many there are."""


@dataclass(frozen=True, eq=False)
class PairList:
    """All pairs of rows whose similarity reaches a floor, sorted by (low, high).

    Attributes:
        low: The lower row number of each pair. Shape (pairs,), int32.
        high: The higher row number of each pair. Shape (pairs,), int32.
        similarity: Similarity of the two rows, in [-1, 1]. Shape (pairs,), float32.
        floor: Pairs below this similarity are not stored.
        measure: What the similarity is, for example "jaccard of word 5-grams".

    Raises:
        BrokenPairsError: Lengths differ, a pair is not ascending, or pairs are not sorted.
    """

    low: npt.NDArray[np.int32]
    high: npt.NDArray[np.int32]
    similarity: npt.NDArray[np.float32]
    floor: float
    measure: str

    def __post_init__(self) -> None:
        flaw = _flaw(self.low, self.high, self.similarity)
        if flaw is not None:
            raise BrokenPairsError(flaw)

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.low)

    @classmethod
    def of(
        cls,
        first: npt.NDArray[np.signedinteger],
        second: npt.NDArray[np.signedinteger],
        similarity: npt.NDArray[np.float32],
        *,
        floor: float,
        measure: str,
    ) -> "PairList":
        """Pairs in any order and direction, sorted; a pair given twice keeps its highest similarity.

        Example:
            >>> pairs = PairList.of(
            ...     np.array([5, 1]), np.array([2, 3]), np.array([0.9, 1], np.float32), floor=0.5, measure="x"
            ... )
            >>> list(zip(pairs.low.tolist(), pairs.high.tolist()))
            [(1, 3), (2, 5)]
        """
        low, high = np.minimum(first, second), np.maximum(first, second)
        order = np.lexsort((-similarity, high, low))
        low, high, similarity = low[order], high[order], similarity[order]
        fresh = np.ones(len(low), np.bool_)
        fresh[1:] = (np.diff(low) != 0) | (np.diff(high) != 0)
        return cls(
            low[fresh].astype(np.int32),
            high[fresh].astype(np.int32),
            similarity[fresh].astype(np.float32),
            floor,
            measure,
        )

    def update(
        self, rows: Rows, first: Rows, second: Rows, similarity: npt.NDArray[np.float32], pool_rows: int
    ) -> "PairList":
        """These pairs in a changed pool, with the pairs that have a new row.

        The floor never falls: what was below it was not kept.

        Args:
            rows: Present place of each row of these pairs' pool, in the same order; -1 where it left.
            first: One row of each new pair; each pair once.
            second: The other row of each new pair.
            similarity: Of the new pairs, at or above the floor.
            pool_rows: Rows of the pool.
        """
        low, high = rows[self.low], rows[self.high]
        stayed = (low >= 0) & (high >= 0)
        floor = stored_floor(np.concatenate([self.similarity[stayed], similarity]), pool_rows, self.floor)
        stayed &= self.similarity >= np.float32(floor)
        low, high, known = low[stayed], high[stayed], self.similarity[stayed]
        kept = similarity >= np.float32(floor)
        added = PairList.of(first[kept], second[kept], similarity[kept], floor=floor, measure=self.measure)
        # Rows keep their order, so old pairs stay sorted and new ones are let in between.
        places = np.searchsorted(low * pool_rows + high, added.low.astype(np.int64) * pool_rows + added.high)
        return PairList(
            np.insert(low.astype(np.int32), places, added.low),
            np.insert(high.astype(np.int32), places, added.high),
            np.insert(known, places, added.similarity),
            floor,
            self.measure,
        )

    def among(self, present: Mask, similarity: float) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The pairs at or above a similarity whose rows are both present, sorted by (low, high).

        Args:
            present: Which rows of the pool are in the subset. Shape (rows of the pool,).
            similarity: The threshold, compared in float32 as the values are stored.
        """
        alike = np.flatnonzero(self.similarity >= np.float32(similarity))
        low, high = self.low[alike], self.high[alike]
        both = present[low] & present[high]
        return low[both], high[both]

    def take(self, rows: Rows) -> "PairList":
        """The pairs among some rows, numbered by their places in `rows`.

        Only the pairs whose lower row is asked for are read.

        Args:
            rows: Ascending and unique row numbers.

        Example:
            >>> ends = np.array([0, 1, 1]), np.array([2, 2, 3])
            >>> pairs = PairList.of(*ends, np.ones(3, np.float32), floor=0.5, measure="x")
            >>> taken = pairs.take(np.array([1, 3]))
            >>> list(zip(taken.low.tolist(), taken.high.tolist()))
            [(0, 1)]
        """
        wanted = rows.astype(np.int32)  # of the pairs' own type: otherwise numpy would convert all of them
        starts, ends = (np.searchsorted(self.low, wanted, side) for side in ("left", "right"))
        sizes = ends - starts
        read = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
        high = self.high[read]
        places = np.minimum(np.searchsorted(wanted, high), max(len(wanted) - 1, 0))
        held = wanted[places] == high
        return PairList(
            np.repeat(np.arange(len(wanted), dtype=np.int32), sizes)[held],
            places[held].astype(np.int32),
            self.similarity[read[held]],
            self.floor,
            self.measure,
        )

    def save(self, folder: Path) -> None:
        """Write one uncompressed array file per part and the metadata as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        (folder / _METADATA).write_text(canonical_json({"floor": self.floor, "measure": self.measure}))

    @classmethod
    def load(cls, folder: Path) -> "PairList":
        """Map what `save` wrote into memory."""
        parts = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
        return cls(**parts, **json.loads((folder / _METADATA).read_text()))


class PairsAboveFloor:
    """Pairs that a join finds, with a floor that rises as soon as there are more than are kept.

    About twice the pairs of the list are held, however many are found; those that stay are the same as if
    all had been held.

    Attributes:
        floor: Pairs below this similarity need not be added.
    """

    def __init__(self, rows: int, min_similarity: float) -> None:
        self.floor = min_similarity
        self._rows, self._held = rows, 0
        self._parts: list[tuple[npt.NDArray[Any], ...]] = [
            tuple(np.zeros(0, each) for each in (np.int32, np.int32, np.float32))
        ]

    def add(self, low: npt.NDArray[Any], high: npt.NDArray[Any], similarity: npt.NDArray[np.float32]) -> None:
        """Pairs of row numbers with their similarities."""
        kept = similarity >= np.float32(self.floor)
        self._parts.append((low[kept].astype(np.int32), high[kept].astype(np.int32), similarity[kept]))
        self._held += len(self._parts[-1][0])
        if self._held > 2 * PAIRS_PER_ROW * self._rows + _MIN_HELD:
            self._raise_floor()

    def take(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Lower and higher rows and similarities of the pairs at or above the floor, as they were added."""
        self._raise_floor()
        low, high, similarity = self._parts[0]
        return low, high, similarity

    def _raise_floor(self) -> None:
        low, high, similarity = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        self.floor = stored_floor(similarity, self._rows, self.floor)
        kept = similarity >= np.float32(self.floor)
        self._parts = [(low[kept], high[kept], similarity[kept])]
        self._held = len(self._parts[0][0])


def _flaw(
    low: npt.NDArray[np.int32], high: npt.NDArray[np.int32], similarity: npt.NDArray[np.float32]
) -> str | None:
    if not len(low) == len(high) == len(similarity):
        return "its arrays differ in length"
    if (low >= high).any():
        return "a pair does not name its lower row first"
    step = np.diff(low)
    if (step < 0).any() or ((step == 0) & (np.diff(high) <= 0)).any():
        return "pairs are not sorted by (low, high), or one is there twice"
    return None


def stored_floor(similarity: npt.NDArray[np.float32], rows: int, min_similarity: float) -> float:
    """The smallest similarity from which on at most 64 pairs a row remain, and at most 0.9.

    Args:
        similarity: Every pair at or above `min_similarity`. Shape (pairs,).
        rows: Rows of the pool.
        min_similarity: No floor goes below this.

    Example:
        >>> stored_floor(np.array([0.9, 0.8, 0.7], np.float32), rows=1, min_similarity=0.5)
        0.5
    """
    allowed = PAIRS_PER_ROW * rows
    if len(similarity) <= allowed:
        return min_similarity
    first_left_out = -np.partition(-similarity, allowed)[allowed]
    return float(min(np.nextafter(first_left_out, np.float32(2.0)), np.float32(MAX_FLOOR)))
