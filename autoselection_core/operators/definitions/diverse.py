"""Diversity operator: farthest-point selection in a vector space."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Labels, Mask, Rows
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import Label, VectorsName
from autoselection_core.operators.reason import Reason, reason_by_rank
from autoselection_core.operators.selection.quotas import ranks_in_groups
from autoselection_core.operators.selection.ranking import first, share_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import Interval

WIDTH = 64
"""Rows of a block at most: all distances inside all blocks cost 64 products a row."""

_DIRECTIONS = 16
_BITS = 32


def blocks_of(points: npt.NDArray[np.float32], groups: Labels) -> Rows:
    """Blocks of at most `WIDTH` points that are close to each other and of one group.

    Blocks that are too large are cut in half at the median of a direction, the next direction at each level
    (a k-d tree over sums of every sixteenth component with alternating signs, which are exact).

    Args:
        points: Whole numbers. Shape (m, d).
        groups: A group for each point. Shape (m,).

    Returns:
        Positions of each block's points, padded with -1. Shape (blocks, at most WIDTH).
    """
    directions = _directions(points)
    block = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    level = 0
    while (sizes := np.bincount(block)).max() > WIDTH:
        # One whole number that orders by block, then along the direction.
        order = np.argsort((block << _BITS) + directions[level % _DIRECTIONS], kind="stable")
        place = np.empty(len(block), np.int64)
        place[order] = np.arange(len(block)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        is_upper = (sizes[block] > WIDTH) & (place >= (sizes[block] + 1) // 2)
        block = np.unique(2 * block + is_upper, return_inverse=True)[1].astype(np.int64)
        level += 1
    return _pad(block, sizes)


def _directions(points: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Each point's places along the directions, from 0. Shape (directions, m)."""
    missing = -points.shape[1] % _DIRECTIONS
    folded = np.pad(points, ((0, 0), (0, missing))).reshape(len(points), -1, _DIRECTIONS)
    folded[:, 1::2] *= -1
    sums = folded.sum(axis=1).astype(np.int64).T
    return np.ascontiguousarray(sums - sums.min())


def _pad(block: Rows, sizes: npt.NDArray[np.int64]) -> Rows:
    order = np.argsort(block, kind="stable")
    place = np.arange(len(block)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    padded = np.full((len(sizes), int(sizes.max())), -1, np.int64)
    padded[block[order], place] = order
    return padded


_EXACT = 1 << 24
"""Whole numbers up to here are exact in float32, so that no processor decides a tie."""

_TINY = 1e-30

_BATCH = 512
"""Blocks that are worked on at a time: they take some 60 MB."""

Points = npt.NDArray[np.float32]
"""Rounded vectors. Shape (m, d)."""


@dataclass(frozen=True)
class KeepDiverse(Operator):
    """Keep a share of the rows that are far from each other, by farthest-point choice inside blocks.

    The pool is cut into blocks of at most 64 neighbours, inside their groups. A block starts with its row
    nearest to the block's mean, then takes the row farthest from those it has (Gonzalez, 1985), which covers
    it within twice the best radius. This order is computed once for the whole pool; of the incoming rows
    each block gives its earliest, in proportion to how many it has. Rows with an unknown vector (a NaN)
    come last.

    Attributes:
        fraction: Share of the incoming rows to keep.
        vectors: The vectors to spread over.
        within: A grouping, such as `cluster/1000`, that no block crosses.
    """

    name: ClassVar[str] = "keep_diverse"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction",)

    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    vectors: VectorsName = "embedding"
    within: Label | None = None

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        return first(self._turns(rows, signals), share_of(self.fraction, len(rows)), "lowest")

    @override
    def why(self, rows: Rows, signals: SignalTable, seed: int, row: int) -> Reason:
        turns = self._turns(rows, signals)
        kept = first(turns, share_of(self.fraction, len(rows)), "lowest")
        return reason_by_rank("turn in its block", turns, kept, int(np.searchsorted(rows, row)), "lowest")

    def _turns(self, rows: Rows, signals: SignalTable) -> npt.NDArray[np.float64]:
        """Turn of each row, as a share of its block's incoming rows; NaN without a vector."""
        key = (KeepDiverse.name, self.vectors, self.within)
        spread = signals.cached(key, lambda: self._spread(signals))
        blocks = spread.blocks[rows] + 1
        places = ranks_in_groups(blocks, np.argsort(spread.places[rows], kind="stable"))
        turns: npt.NDArray[np.float64] = (places + 0.5) / np.bincount(blocks)[blocks]
        turns[blocks == 0] = np.nan
        return turns

    def _spread(self, signals: SignalTable) -> "_Spread":
        vectors = signals.vectors_of(self.vectors)
        known = np.flatnonzero(np.isfinite(vectors).all(axis=1))
        groups = np.zeros(len(vectors), np.int32) if self.within is None else signals.label(self.within)
        blocks, places = np.full(len(vectors), -1, np.int32), np.zeros(len(vectors), np.int16)
        if len(known):
            blocks[known], places[known] = _spread_of(_round(vectors[known]), groups[known])
        return _Spread(blocks, places)


@dataclass(frozen=True, eq=False)
class _Spread:
    """The order in which a pool's rows are taken.

    Attributes:
        blocks: The block of each row; -1 for an unknown vector. Shape (n,).
        places: Its place in the block's order, from 0. Shape (n,).
    """

    blocks: npt.NDArray[np.int32]
    places: npt.NDArray[np.int16]


def _spread_of(points: Points, groups: Labels) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The block of each point, and its place in the block's order. Both of shape (m,)."""
    blocks = blocks_of(points, groups)
    block, place = np.empty((2, len(points)), np.int64)
    for start in range(0, len(blocks), _BATCH):
        batch = blocks[start : start + _BATCH]
        is_row = batch >= 0
        block[batch[is_row]] = start + np.nonzero(is_row)[0]
        place[batch[is_row]] = _places_in_blocks(points, batch)[is_row]
    return block, place


def _round(vectors: npt.NDArray[np.float32]) -> Points:
    """Vectors in steps so coarse that all squared distances are whole numbers that float32 holds exactly."""
    steps = int(np.sqrt(_EXACT / (4 * vectors.shape[1])))
    largest = max(float(np.abs(vectors).max()), _TINY)
    points: Points = np.rint(vectors * np.float32(steps / float(largest)))
    return points


def _places_in_blocks(points: Points, blocks: Rows) -> npt.NDArray[np.int64]:
    """Each row's place in the farthest-point order of its block. Shape of `blocks`.

    Args:
        points: Shape (m, d).
        blocks: Positions of each block's rows, padded with -1. Shape (blocks, width).
    """
    is_row = blocks >= 0
    distances = _squared_distances(points[blocks] * is_row[:, :, None])
    # The row nearest to the mean has the smallest sum of squared distances.
    spread = np.where(is_row, (distances * is_row[:, None, :]).sum(axis=2, dtype=np.float64), np.inf)
    nearest = np.where(is_row, np.inf, -np.inf)
    places = np.zeros(blocks.shape, np.int64)
    here = np.arange(len(blocks))
    chosen = spread.argmin(axis=1)
    for place in range(blocks.shape[1]):
        is_left = place < is_row.sum(axis=1)
        places[here[is_left], chosen[is_left]] = place
        nearest = np.minimum(nearest, distances[here, chosen])
        nearest[here, chosen] = -np.inf
        chosen = nearest.argmax(axis=1)
    return places


def _squared_distances(members: Points) -> Points:
    products = members @ members.transpose(0, 2, 1)
    squares = np.einsum("bii->bi", products)
    distances: Points = squares[:, :, None] + squares[:, None, :] - 2 * products
    return distances
