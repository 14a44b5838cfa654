"""Pairs of similar vectors in pools that are too large for every pair: vectors meet in cells.

Every vector belongs to the `probes` most similar of some centres and is compared with those that share one
(an inverted file; Jegou et al. 2011). Centres are fitted: rows that are alike have to be near the same ones.
What is missed is measured, not assumed.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from autoselection_core.arrays import Mask, Vectors
from autoselection_core.progress import Progress
from autoselection_core.signals.shards import (
    IN_MEMORY,
    Array,
    Columns,
    Scratch,
    Shard,
    blocks,
    joined,
    sharded,
)

Found = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.float32]]
"""Rows of pairs, the lower one first, and their similarities."""

FOUND = (np.int32, np.int32, np.float32)
"""Their types in files."""

_ROWS_AT_ONCE = 16_384
_COMPARED_AT_ONCE = 2_048
_FITTED_TO = 200
"""Rows for each centre that it is fitted to."""

_ROUNDS = 4
_SHARD_ROWS, _SHARD_CELLS = 1 << 16, 16
"""Rows whose cells are looked for in one shard, and cells whose rows are compared."""

CELL_ROWS = 1_000
"""Rows of a cell on average, before probes."""


def pairs_in_cells(
    unit: Vectors,
    start: float,
    *,
    probes: int = 4,
    cell_rows: int = CELL_ROWS,
    seed: int = 0,
    scratch: Scratch = IN_MEMORY,
    progress: Progress | None = None,
) -> Iterator[Found]:
    """Pairs at or above a similarity that share a cell, each once: where its two rows meet first.

    Args:
        unit: Vectors of length 1, as shards can be given them. Shape (n, d).
        start: The lowest similarity.
        probes: Cells of each row.
        cell_rows: Rows of a cell on average, before probes.
        seed: Which rows the centres are fitted to.
        scratch: How shards are run.
        progress: Told how many cells are done.
    """
    count = max(1, len(unit) // cell_rows)
    centres = scratch.share("centres", _centres(unit, count, seed, scratch))
    cells = scratch.share("cells", _nearest(unit, centres, min(probes, count), scratch))
    order = np.argsort(cells.reshape(-1), kind="stable")
    ends = np.searchsorted(cells.reshape(-1)[order], np.arange(count + 1))
    owner = scratch.share("owner", order // cells.shape[1])
    parts = list(blocks(count, _SHARD_CELLS))
    shards = (
        Shard((unit, cells, (owner, tuple(ends[first : last + 1].tolist())), first, start), last - first)
        for first, last in parts
    )
    for (_, done), (low, high, similarity) in zip(parts, scratch.each(pairs_of_cells, shards), strict=True):
        yield low, high, similarity
        if progress is not None:
            progress("comparing vectors", done, count)


@sharded
def pairs_of_cells(
    unit: Vectors, cells: Array, members: tuple[Array, tuple[int, ...]], first: int, start: float
) -> Columns:
    """Pairs that share one of some cells and none of a lower number.

    Args:
        unit: Vectors of length 1. Shape (n, d).
        cells: The cells of each row. Shape (n, probes).
        members: Rows of all cells, one cell after the other, and where these cells begin and end.
        first: Number of the first of these cells.
        start: The lowest similarity.
    """
    return joined(_pairs_of_cells(np.asarray(unit), cells, members, first, start), FOUND)


def _pairs_of_cells(
    unit: Vectors, cells: Array, members: tuple[Array, tuple[int, ...]], first: int, start: float
) -> Iterator[Found]:
    owner, ends = members
    for cell, (begin, end) in enumerate(pairwise(ends), first):
        for low, high, similarity in _within(unit, np.asarray(owner[begin:end]), start):
            is_first = ~_met_before(cells, low, high, cell)
            yield low[is_first], high[is_first], similarity[is_first]


def recall_of(found: Found, unit: Vectors, start: float, rows: npt.NDArray[np.int64]) -> float:
    """Share of the pairs of some rows with all rows that were found; 1 where there are none."""
    sampled = np.zeros(len(unit), np.bool_)
    sampled[rows] = True
    low, high, _ = found
    theirs = sampled[low] | sampled[high]
    known = low[theirs].astype(np.int64) * len(unit) + high[theirs]
    expected = np.unique(np.concatenate(list(_expected(unit, start, rows))))
    return float(np.isin(expected, known).mean()) if len(expected) else 1.0


def _expected(unit: Vectors, start: float, rows: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Pairs of some rows with all rows, as `low row * rows + high row`."""
    for top in range(0, len(unit), _ROWS_AT_ONCE):
        similarity = unit[rows] @ unit[top : top + _ROWS_AT_ONCE].T
        place, other = np.nonzero(similarity >= np.float32(start))
        one, two = np.minimum(rows[place], other + top), np.maximum(rows[place], other + top)
        yield (one * len(unit) + two)[one != two]


def _centres(unit: Vectors, count: int, seed: int, scratch: Scratch) -> Vectors:
    """A few rounds of k-means over some rows: rows alike then have centres in common. Shape (count, d)."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(unit), min(len(unit), count * _FITTED_TO), replace=False)
    rows = scratch.share("fitted", unit[chosen])
    centres = np.asarray(rows[:count])
    for number in range(_ROUNDS):
        own = _nearest(rows, scratch.share(f"centres-{number}", centres), 1, scratch)[:, 0]
        member = sp.csr_matrix(
            (np.ones(len(rows), np.float32), (own, np.arange(len(rows)))), (count, len(rows))
        )
        mean = member @ rows
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        centres = np.where(length > 0, mean / np.maximum(length, np.finfo(np.float32).tiny), centres)
    return centres


def _nearest(unit: Vectors, centres: Vectors, probes: int, scratch: Scratch) -> npt.NDArray[np.int64]:
    """The most similar centres of each row, in any order. Shape (n, probes)."""
    shards = (
        Shard((unit, centres, probes, *rows), rows[1] - rows[0]) for rows in blocks(len(unit), _SHARD_ROWS)
    )
    (found,) = joined(scratch.each(nearest_of_rows, shards), [(np.int64, (probes,))])
    return found


@sharded
def nearest_of_rows(unit: Vectors, centres: Vectors, probes: int, start: int, stop: int) -> Columns:
    """The most similar centres of some rows, in any order. Shape (rows, probes)."""
    found = np.empty((stop - start, probes), np.int32)
    for first, last in blocks(stop - start, _ROWS_AT_ONCE):
        similarity = unit[start + first : start + last] @ centres.T
        found[first:last] = np.argpartition(-similarity, probes - 1, axis=1)[:, :probes]
    return (found,)


def _met_before(
    cells: npt.NDArray[np.int64], low: npt.NDArray[np.int64], high: npt.NDArray[np.int64], cell: int
) -> Mask:
    """Mask of the pairs with both rows in a cell of a lower number. Shape (pairs,)."""
    ours, theirs = cells[low], cells[high]
    met = np.zeros(len(low), np.bool_)
    for probe in range(cells.shape[1]):
        met |= (ours[:, probe] < cell) & (theirs == ours[:, probe, None]).any(axis=1)
    return met


def _within(unit: Vectors, rows: npt.NDArray[np.int64], start: float) -> Iterator[Found]:
    """Pairs among some rows, given in ascending order."""
    members = unit[rows]
    for top in range(0, len(rows), _COMPARED_AT_ONCE):
        similarity = members[top : top + _COMPARED_AT_ONCE] @ members[top:].T
        low, high = np.nonzero(similarity >= np.float32(start))
        later = low < high
        low, high = low[later], high[later]
        yield rows[low + top], rows[high + top], np.minimum(similarity[low, high], np.float32(1.0))
