"""Sparse features of samples, such as the activations of a sparse autoencoder."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.errors.signals import MisalignedSignalError

_ARRAYS = ("indptr", "indices", "data")
_SHAPE = "shape"


@dataclass(frozen=True, eq=False)
class SparseFeatures:
    """One sparse non-negative vector for each row of a pool, as compressed sparse rows.

    A row without entries has no stored features. The features of row `i` are
    `indices[indptr[i]:indptr[i + 1]]`, ascending and unique, with the magnitudes in `data`.

    Attributes:
        indptr: Where each row starts. Shape (rows + 1,), int64.
        indices: Feature numbers. Shape (entries,), int32.
        data: Magnitudes above 0. Shape (entries,), float32.
        features: How many features there are.

    Raises:
        MisalignedSignalError: Feature numbers and magnitudes differ in number.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    data: npt.NDArray[np.float32]
    features: int

    def __post_init__(self) -> None:
        if len(self.indices) != len(self.data) or self.indptr[-1] != len(self.indices):
            raise MisalignedSignalError("sparse", len(self.data), int(self.indptr[-1]))

    def __len__(self) -> int:
        """Number of rows of the pool."""
        return len(self.indptr) - 1

    def entries_of(self, rows: Rows) -> npt.NDArray[np.int32]:
        """The feature numbers of some rows, one row after the other. Shape (entries,).

        Example:
            >>> features = SparseFeatures(
            ...     np.array([0, 2, 2, 3]), np.array([0, 4, 1], np.int32), np.ones(3, np.float32), 5
            ... )
            >>> features.entries_of(np.array([0, 2]))
            array([0, 4, 1], dtype=int32)
        """
        return self.indices[self._entries(rows)]

    def take(self, rows: Rows) -> "SparseFeatures":
        """The features of some rows, in the order given."""
        entries, sizes = self._entries(rows), self.indptr[rows + 1] - self.indptr[rows]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return SparseFeatures(starts, self.indices[entries], self.data[entries], self.features)

    def _entries(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Positions of the entries of some rows, one row after the other. Shape (entries,)."""
        starts = self.indptr[rows]
        sizes = self.indptr[rows + 1] - starts
        shifts = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
        places: npt.NDArray[np.int64] = shifts + np.arange(len(shifts))
        return places

    def save(self, folder: Path) -> None:
        """Write one uncompressed array file per part, so that `load` can map them into memory."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        np.save(folder / f"{_SHAPE}.npy", np.array([len(self), self.features]), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "SparseFeatures":
        """Map what `save` wrote into memory; nothing is read until it is used."""
        parts = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in _ARRAYS}
        _, features = np.load(folder / f"{_SHAPE}.npy", allow_pickle=False)
        return cls(**parts, features=int(features))
