"""Table of all signals of one pool version, aligned to its rows."""

from collections.abc import Callable, Hashable, Mapping, Sized
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Keys, Labels, Rows, Values, Vectors
from autoselection_core.errors.signals import MisalignedSignalError, MissingSignalError
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures

T = TypeVar("T")

SOURCE = "source"
"""Label that every table has: the source of a sample."""

TOPIC = "topic"
"""Label of a few topics with names, where they were computed."""

GROUP_NAMES = "=names"
"""Ending of the value that names the groups of a label: `topic=names`. Internal."""

RELEVANCE = "relevance/"
"""Prefix of the columns of nearness to a benchmark: `relevance/gsm8k`."""

CONTAMINATION = "contamination/"
"""Prefix of the columns of benchmark items found in samples: `contamination/gsm8k`."""

FIRST_NAMES: Mapping[str, str] = MappingProxyType({"near_duplicates": "minhash"})
"""First names of renamed signals and parts. Identities and what is stored keep them; a table does not."""

_PRESENT_NAMES = {first: name for name, first in FIRST_NAMES.items()}


@dataclass(frozen=True, eq=False)
class SignalTable:
    """Arrays that operators and states read of a pool; no text.

    Attributes:
        pool_version: Version of the pool that the rows belong to.
        keys: First 64 bits of each sample id, from which random choices are drawn. Shape (n,).
        columns: One float32 value a row; NaN means unknown.
        pairs: Similar pairs of rows.
        sparse: Sparse features.
        labels: One group number a row; -1 means no group.
        label_names: Names of the groups of a label, where they have names.
        vectors: Dense vectors.
        versions: Version of the signal behind each part of the table, by the name of the part.
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
        """Number of rows of the pool."""
        return len(self.keys)

    def __getitem__(self, name: str) -> Values:
        """Column.

        Raises:
            MissingSignalError: The column was not computed for this pool.
        """
        return _find("signal", name, self.columns)

    def label(self, name: str) -> Labels:
        """Grouping of the rows.

        Raises:
            MissingSignalError: It was not computed for this pool.
        """
        return _find("label", name, self.labels)

    @property
    def groupings(self) -> Mapping[str, tuple[str, ...]]:
        """Names of the groups of each label whose groups have names."""
        return {name: groups for name, groups in sorted(self.label_names.items()) if name in self.labels}

    def pair_list(self, name: str) -> PairList:
        """List of pairs, by its present name or the first one.

        Raises:
            MissingSignalError: It was not computed for this pool.
        """
        return _find("pair list", present_name(name), self.pairs)

    def vectors_of(self, name: str) -> Vectors:
        """Set of vectors.

        Raises:
            MissingSignalError: It was not computed for this pool.
        """
        return _find("vector signal", name, self.vectors)

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """The benchmarks that have a relevance column, in ascending order."""
        return tuple(
            sorted(name.removeprefix(RELEVANCE) for name in self.columns if name.startswith(RELEVANCE))
        )

    @property
    def weights(self) -> Values:
        """Rows of the pool that each row stands for: one each, but in a sample of rows. Shape (n,)."""
        return self.cached("weights", lambda: np.ones(len(self), np.float32))

    def size_of(self, rows: Rows) -> float:
        """Rows of the pool that some rows stand for."""
        return float(len(rows))

    def to_sample_scale(self, count: int) -> float:
        """A number of rows, or of tokens, of the pool as one of this table."""
        return float(count)

    def take(self, rows: Rows) -> "SignalTable":
        """The table of some rows with the pairs among them; of mapped files only what they need is read.

        Labels without names and with more groups than rows are numbered anew, in the same order.

        Args:
            rows: Ascending and unique row numbers.
        """
        return SignalTable(
            self.pool_version,
            self.keys[rows],
            {name: values[rows] for name, values in self.columns.items()},
            pairs={name: pairs.take(rows) for name, pairs in self.pairs.items()},
            sparse={name: features.take(rows) for name, features in self.sparse.items()},
            labels={name: _dense(labels[rows]) for name, labels in self.labels.items()},
            label_names=self.label_names,
            vectors={name: vectors[rows] for name, vectors in self.vectors.items()},
            versions=self.versions,
            ids=self.ids[rows],
        )

    def cached(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Cached value that follows from this table alone, computed on first use and kept with the table.

        Two threads may both compute it; they compute the same.
        """
        if key not in self._derived:
            self._derived[key] = compute()
        value: T = self._derived[key]
        return value


def present_name(name: str) -> str:
    """Present name of a signal or a part of a table, from that name or its first one.

    Example:
        >>> present_name("minhash"), present_name("near_duplicates"), present_name("ifd")
        ('near_duplicates', 'near_duplicates', 'ifd')
    """
    return _PRESENT_NAMES.get(name, name)


def first_name(name: str) -> str:
    """First name of a signal or a part of a table, which identities keep, from that name or its present one.

    Example:
        >>> first_name("near_duplicates"), first_name("minhash"), first_name("ifd")
        ('minhash', 'minhash', 'ifd')
    """
    return FIRST_NAMES.get(name, name)


def _find(kind: str, name: str, known: Mapping[str, T]) -> T:
    if name not in known:
        raise MissingSignalError(kind, name, tuple(sorted(known)))
    return known[name]


def _dense(labels: Labels) -> Labels:
    """Group numbers below the number of rows: an operator makes room for the highest one."""
    if int(labels.max(initial=-1)) < len(labels):
        return labels
    groups, dense = np.unique(labels, return_inverse=True)
    return (dense - int(groups[0] < 0)).astype(np.int32)


def _ids_of(keys: Keys) -> npt.NDArray[np.bytes_]:
    """Sample ids that start with the keys and end in zeros."""
    padded = np.zeros((len(keys), 2), ">u8")
    padded[:, 0] = keys
    return np.frombuffer(padded.tobytes().hex().encode(), "S32")
