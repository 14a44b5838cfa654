"""All pairs of vectors above a cosine similarity: exactly, or in large pools nearly all of them."""

from collections.abc import Iterable, Iterator

import numpy as np

from autoselection_core.arrays import Rows, Vectors
from autoselection_core.progress import Progress
from autoselection_core.signals.base import missing_rows
from autoselection_core.signals.joins.inverted_file import (
    CELL_ROWS,
    FOUND,
    Found,
    pairs_in_cells,
    recall_of,
)
from autoselection_core.signals.shards import IN_MEMORY, Columns, Scratch, Shard, blocks, joined, sharded
from autoselection_core.signals.similar_pairs import MAX_FLOOR, PAIRS_PER_ROW, PairList, PairsAboveFloor

MAX_EXACT_ROWS = 200_000
"""Every pair of so many rows is compared in minutes; the time grows with the square."""

_BLOCK = 2_048
_SAMPLE_ROWS = 512
_BYTES_A_PAIR = 60
"""Peak of a join beside its vectors, a pair (`python -m bench.growth --step neighbours`)."""

_SLACK = 1.3
"""Pairs collected above those that will be kept, because the start of the search is estimated."""


def cosine_pairs(
    vectors: Vectors,
    *,
    min_similarity: float,
    measure: str,
    scratch: Scratch = IN_MEMORY,
    progress: Progress | None = None,
    max_exact_rows: int = MAX_EXACT_ROWS,
    cell_rows: int = CELL_ROWS,
) -> PairList:
    """Every pair of rows whose cosine similarity reaches the floor of the pool.

    The floor is the smallest similarity, from `min_similarity` upwards and at most 0.9, that keeps at most
    64 pairs a row. Rows that are unknown (NaN) or zero resemble nothing. Above 200,000 rows only vectors that
    share a cell are compared; `measure` then holds the recall, estimated from a sample of the rows.

    Args:
        vectors: One vector a row, of any length. Shape (n, d).
        min_similarity: Pairs below are not looked for.
        measure: What to call the similarity.
        scratch: How shards are run: some rows against all later ones, or some cells.
        progress: Told how many rows are compared.
        max_exact_rows: From more rows on, pairs are looked for in cells.
        cell_rows: Rows of a cell.
    """
    unit = scratch.share("unit", normalise(vectors))
    start = _start(unit, min_similarity)
    found = PairsAboveFloor(len(unit), start)
    is_exact = len(unit) <= max_exact_rows
    cells = (
        _above(unit, start, scratch, progress)
        if is_exact
        else pairs_in_cells(unit, start, cell_rows=cell_rows, scratch=scratch, progress=progress)
    )
    for part in cells:
        found.add(*part)
    low, high, similarity = found.take()
    if not is_exact:
        recall = recall_of((low, high, similarity), unit, found.floor, _spread(len(unit)))
        measure = f"{measure}, in cells, recall {recall:.3f}"
    return PairList.of(low, high, similarity, floor=found.floor, measure=measure)


def cosine_memory(vectors: Vectors) -> int:
    """Memory that the pairs of vectors of shape (n, d) take at most, in bytes.

    The vectors of length 1, as many pairs as are kept, and one block of similarities with its ranks.
    """
    rows, dimensions = map(int, vectors.shape)
    block = 2 * 4 * _SAMPLE_ROWS * min(rows, MAX_EXACT_ROWS)
    return rows * (4 * dimensions + _BYTES_A_PAIR * PAIRS_PER_ROW) + block


def update_cosine_pairs(
    earlier: PairList, rows: Rows, vectors: Vectors, *, progress: Progress | None = None
) -> PairList:
    """The pairs of a changed pool: those of an earlier one, and those of every new row with every row.

    Args:
        earlier: Pairs of the earlier pool.
        rows: Present place of each of its rows; -1 where a row left.
        vectors: One vector a row of the pool at hand. Shape (n, d).
        progress: Told how many rows are compared.
    """
    new, count = missing_rows(rows, len(vectors)), len(vectors)
    first, second, similarity = _joined(_between(new, vectors, earlier.floor, progress))
    is_new = np.zeros(count, np.bool_)
    is_new[new] = True
    once = (first < second) | ~is_new[second]  # two new rows meet twice, a row and itself once
    return earlier.update(rows, first[once], second[once], similarity[once], count)


def _between(new: Rows, vectors: Vectors, floor: float, progress: Progress | None) -> Iterator[Found]:
    """Pairs of a new row and any row; block by block, so that no copy of all vectors is made."""
    yield np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32)
    fresh = normalise(vectors[new])
    for top in range(0, len(vectors) if len(new) else 0, _BLOCK):
        block = normalise(vectors[top : top + _BLOCK]).T
        for left in range(0, len(new), _BLOCK):
            similarity = fresh[left : left + _BLOCK] @ block
            place, other = np.nonzero(similarity >= np.float32(floor))
            yield new[left + place], top + other, np.minimum(similarity[place, other], np.float32(1.0))
        if progress is not None:
            progress("comparing vectors", min(top + _BLOCK, len(vectors)), len(vectors))


def normalise(vectors: Vectors) -> Vectors:
    """Vectors of length 1; a vector that is unknown or zero becomes zero. Shape (n, d)."""
    known = np.asarray(vectors, np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", known, known))
    is_usable = np.isfinite(length) & (length > 0)
    unit: Vectors = np.divide(known, np.where(is_usable, length, 1.0)[:, None], dtype=np.float32)
    unit[~is_usable] = 0.0
    return unit


def _joined(parts: Iterable[Found]) -> Found:
    low, high, similarity = (np.concatenate(each) for each in zip(*parts, strict=True))
    return low, high, similarity


def _spread(count: int) -> Rows:
    """Some rows spread over the pool."""
    return np.unique(np.linspace(0, count - 1, _SAMPLE_ROWS).astype(np.int64))


def _start(unit: Vectors, min_similarity: float) -> float:
    """A similarity a little below the floor, from some rows spread over the pool against all rows."""
    rows = _spread(len(unit))
    # A pair is seen from both of its rows.
    wanted = int(2 * PAIRS_PER_ROW * _SLACK * len(rows))
    highest = np.zeros(0, np.float32)
    for top in range(0, len(unit), MAX_EXACT_ROWS):
        similarity = unit[rows] @ unit[top : top + MAX_EXACT_ROWS].T
        own = (rows >= top) & (rows < top + MAX_EXACT_ROWS)
        similarity[np.flatnonzero(own), rows[own] - top] = -1.0
        ranked = np.concatenate([highest, similarity.reshape(-1)])
        place = len(ranked) - min(wanted, len(ranked))
        ranked.partition(place)
        highest = ranked[place:].copy()
    return max(min_similarity, min(float(highest.min()), MAX_FLOOR))


def _above(unit: Vectors, start: float, scratch: Scratch, progress: Progress | None) -> Iterator[Found]:
    tops = list(blocks(len(unit), _BLOCK))
    found = scratch.each(pairs_of_rows, (Shard((unit, *rows, start), rows[1] - rows[0]) for rows in tops))
    for (_, stop), (low, high, similarity) in zip(tops, found, strict=True):
        yield low, high, similarity
        if progress is not None:
            progress("comparing vectors", stop, len(unit))


@sharded
def pairs_of_rows(unit: Vectors, top: int, stop: int, start: float) -> Columns:
    """Lower and higher row and similarity of the pairs of some rows with these and all later ones."""
    return joined(_later_pairs(np.asarray(unit), top, stop, start), FOUND)


def _later_pairs(unit: Vectors, top: int, stop: int, start: float) -> Iterator[Found]:
    for left in range(top, len(unit), _BLOCK):
        similarity = unit[top:stop] @ unit[left : left + _BLOCK].T
        low, high = np.nonzero(similarity >= np.float32(start))
        later = low + top < high + left
        low, high = low[later], high[later]
        yield low + top, high + left, np.minimum(similarity[low, high], np.float32(1.0))
