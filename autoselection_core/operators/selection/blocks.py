"""Partition of points into blocks of neighbours (a k-d tree)."""

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Labels, Rows

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
    return _padded(block, sizes)


def _directions(points: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Each point's places along the directions, from 0. Shape (directions, m)."""
    missing = -points.shape[1] % _DIRECTIONS
    folded = np.pad(points, ((0, 0), (0, missing))).reshape(len(points), -1, _DIRECTIONS)
    folded[:, 1::2] *= -1
    sums = folded.sum(axis=1).astype(np.int64).T
    return np.ascontiguousarray(sums - sums.min())


def _padded(block: Rows, sizes: npt.NDArray[np.int64]) -> Rows:
    order = np.argsort(block, kind="stable")
    place = np.arange(len(block)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    padded = np.full((len(sizes), int(sizes.max())), -1, np.int64)
    padded[block[order], place] = order
    return padded
