"""All signals of one pool version, aligned to its rows."""

from collections.abc import Callable, Hashable, Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Keys, Labels, Values, Vectors
from autoselection_core.errors.table import MisalignedSignalError, MissingSignalError
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures

T = TypeVar("T")

SOURCE = "source"
"""Label that every table has: where a sample came from."""

RELEVANCE = "relevance/"
"""Columns that say how close a sample is to a benchmark are named by it: `relevance/gsm8k`."""

CONTAMINATION = "contamination/"
"""Columns that say how much of a benchmark item stands in a sample: `contamination/gsm8k`."""


@dataclass(frozen=True, eq=False)
class SignalTable:
    """What operators and states read of a pool: arrays only, no text.

    Attributes:
        pool_version: Which pool the rows belong to.
        keys: First 64 bits of each sample id; what random choices are drawn from. Shape (n,).
        columns: One float32 value a row; NaN means unknown.
        pairs: Rows that resemble each other.
        sparse: Sparse features.
        labels: One group number a row; -1 means no group.
        label_names: What the group numbers of a label mean, where they have names.
        vectors: Dense vectors.
        versions: Which version of its signal each part of the table is, by the name of the part.
        ids: The sample ids in ASCII, ascending, as the rows are. Shape (n,), dtype S32. Without them ids are
            made from the keys, which suits tests and synthetic pools.

    Raises:
        MisalignedSignalError: A signal has another number of rows than the keys.

    Example:
        >>> table = SignalTable("pool", np.arange(2, dtype=np.uint64), {"ifd": np.array([1, 2], np.float32)})
        >>> table["ifd"]
        array([1., 2.], dtype=float32)
    """

    pool_version: str
    keys: Keys
    columns: Mapping[str, Values]
    pairs: Mapping[str, PairList] = field(default_factory=dict, kw_only=True)
    sparse: Mapping[str, SparseFeatures] = field(default_factory=dict, kw_only=True)
    labels: Mapping[str, Labels] = field(default_factory=dict, kw_only=True)
    label_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict, kw_only=True)
    vectors: Mapping[str, Vectors] = field(default_factory=dict, kw_only=True)
    versions: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    ids: npt.NDArray[np.bytes_] = field(kw_only=True, default_factory=lambda: np.empty(0, "S32"))
    _derived: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not len(self.ids):
            object.__setattr__(self, "ids", _ids_of(self.keys))
        parts: list[Mapping[str, Sized]] = [self.columns, self.labels, self.vectors, self.sparse]
        aligned = {name: values for part in parts for name, values in part.items()} | {"ids": self.ids}
        for name, values in aligned.items():
            if len(values) != len(self.keys):
                raise MisalignedSignalError(name, len(values), len(self.keys))

    def __len__(self) -> int:
        """How many rows the pool has."""
        return len(self.keys)

    def __getitem__(self, name: str) -> Values:
        """One column.

        Raises:
            MissingSignalError: The column was not computed for this pool.
        """
        return _found("signal", name, self.columns)

    def label(self, name: str) -> Labels:
        """One grouping of the rows.

        Raises:
            MissingSignalError: It was not computed for this pool.
        """
        return _found("label", name, self.labels)

    def pair_list(self, name: str) -> PairList:
        """One list of pairs.

        Raises:
            MissingSignalError: It was not computed for this pool.
        """
        return _found("pair list", name, self.pairs)

    def vectors_of(self, name: str) -> Vectors:
        """One set of vectors.

        Raises:
            MissingSignalError: It was not computed for this pool.
        """
        return _found("vector signal", name, self.vectors)

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks that have a relevance column, in ascending order."""
        return tuple(
            sorted(name.removeprefix(RELEVANCE) for name in self.columns if name.startswith(RELEVANCE))
        )

    def derived(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What follows from this table alone, computed on first use and kept as long as the table.

        Two threads may both compute it; they compute the same.
        """
        if key not in self._derived:
            self._derived[key] = compute()
        value: T = self._derived[key]
        return value


def _found(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise MissingSignalError(kind, name, tuple(sorted(known)))
    return known[name]


def _ids_of(keys: Keys) -> npt.NDArray[np.bytes_]:
    """Sample ids that start with the keys and end in zeros."""
    padded = np.zeros((len(keys), 2), ">u8")
    padded[:, 0] = keys
    return np.frombuffer(padded.tobytes().hex().encode(), "S32")
