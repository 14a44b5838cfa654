"""Distances between subsets of a pool: Jaccard and Wasserstein."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.signals.table import SignalTable
from autoselection_core.state.basis import basis_of
from autoselection_core.state.column import Column
from autoselection_core.subset.value import Subset


def jaccard(a: Subset | Rows, b: Subset | Rows) -> float:
    """The share of common rows among all rows of two subsets, in [0, 1]; 1 for two empty ones.

    Example:
        >>> jaccard(np.array([0, 1, 2]), np.array([1, 2, 3]))
        0.5
    """
    first, second = _rows(a), _rows(b)
    common = len(np.intersect1d(first, second, assume_unique=True))
    together = len(first) + len(second) - common
    return common / together if together else 1.0


def wasserstein(a: Subset | Rows, b: Subset | Rows, signals: SignalTable) -> float:
    """The sum over all columns of the Wasserstein-1 distance between two subsets' values.

    Each column is in standard deviations of the pool, and read through a histogram over 255 equal shares of
    the pool; unknown values are left out.
    """
    first, second = profiles([_rows(a), _rows(b)], signals)
    return float(np.abs(first - second).sum())


def profiles(subsets: Sequence[Subset | Rows], signals: SignalTable) -> npt.NDArray[np.float64]:
    """A point for each subset such that L1 distances between points are `wasserstein` distances.

    Returns:
        Shape (subsets, columns * 254): the weighted distribution functions of all columns.
    """
    columns = [aspect for aspect in basis_of(signals).aspects if isinstance(aspect, Column)]
    points = [
        np.concatenate([column.cumulative(column.counted(_rows(subset))) for column in columns])
        for subset in subsets
    ]
    return np.array(points)


def _rows(subset: Subset | Rows) -> Rows:
    return subset.rows if isinstance(subset, Subset) else subset
