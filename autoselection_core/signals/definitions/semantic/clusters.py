"""Topic clusters: groups of samples with similar embeddings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Labels, Vectors
from autoselection_core.identity import fingerprint_file
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import NAMES_A_FILE, Computed, Given, ShardedSignal, Signal
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Embeddings
from autoselection_core.signals.joins.cosine import normalise
from autoselection_core.signals.shards import (
    IN_MEMORY,
    Columns,
    Scratch,
    Shard,
    blocks,
    joined,
    sharded,
)
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.memory import require_memory

_ROWS_AT_ONCE = 16_384
_SHARD_ROWS = 1 << 17
"""Rows that are assigned in one shard."""

_NO_GROUP = -1
_MEMORY_BASE = 1 << 29
"""Peak of a fit beside a copy of the vectors (`python -m bench.growth --step clusters`)."""


@dataclass(frozen=True)
class Clusters(ShardedSignal):
    """The nearest of k centres in the space of sentence embeddings, at several granularities: `cluster/<k>`.

    They are fitted on the pool at hand (mini-batch k-means on vectors of length 1). Without `centres`, a
    grown pool has other groups. With `centres`, they are fitted once, stay where they are, and new rows are
    only assigned. A row without embedding has no group (-1).

    Attributes:
        sizes: How many centres; at most one a row.
        seed: Where the fit starts.
        centres: File that pins the centres, or None. Where there is none, the first fit writes it; to fit
            them again, remove it.
        embeddings: Embeddings that are grouped.
    """

    sizes: tuple[int, ...] = (16, 64, 256)
    seed: int = 0
    centres: str | None = field(default=None, compare=False, metadata=NAMES_A_FILE)
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    @property
    @override
    def name(self) -> str:
        return "clusters"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (replace(self.embeddings, scope=Scope.ALL),)

    @override
    def prepare(self, pool: Pool, given: Given, progress: Progress | None = None) -> None:
        if self.centres is not None and not Path(self.centres).exists():
            save_centres(Path(self.centres), self._fitted(given[VECTORS], IN_MEMORY))

    def _fitted(self, vectors: Vectors, scratch: Scratch) -> dict[int, Vectors]:
        """Centres of each size; a fit goes from batch to batch, so it is a shard as a whole."""
        shards = (Shard((vectors, size, self.seed), len(vectors)) for size in self.sizes)
        found = (centres for (centres,) in scratch.each(centres_of_size, shards))
        return dict(zip(self.sizes, found, strict=True))

    @override
    def reads(self) -> Mapping[str, str]:
        pinned = {} if self.centres is None else {"centres": fingerprint_file(Path(self.centres))}
        return {**super().reads(), **pinned}

    @override
    def compute_in(
        self, scratch: Scratch, pool: Pool, given: Given, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        vectors = given[VECTORS]
        centres = self._fitted(vectors, scratch) if self.centres is None else load_centres(Path(self.centres))
        return {
            f"cluster/{size}": assign(vectors, scratch.share(f"centres-{size}", points), scratch)
            for size, points in centres.items()
        }


@sharded
def centres_of_size(vectors: Vectors, size: int, seed: int) -> Columns:
    """Centres of one fit; whoever fits them needs the memory for a copy of the vectors."""
    require_memory("clusters", vectors.nbytes + _MEMORY_BASE)
    return (fit_centres(vectors, size, seed),)


def fit_centres(vectors: Vectors, size: int, seed: int) -> Vectors:
    """Centres of mini-batch k-means over the known rows, scaled to length 1. Shape (at most size, d)."""
    from sklearn.cluster import MiniBatchKMeans

    known = _known(vectors)
    if len(known) == 0:
        return np.zeros((0, vectors.shape[1]), np.float32)
    model = MiniBatchKMeans(min(size, len(known)), random_state=seed, batch_size=4_096, n_init=3)
    return normalise(model.fit(known).cluster_centers_)


def _known(vectors: Vectors) -> Vectors:
    """Known rows, scaled to length 1: the one copy that a fit holds. Shape (known rows, d)."""
    blocks = range(0, len(vectors), _ROWS_AT_ONCE)
    is_known = [~np.isnan(vectors[start : start + _ROWS_AT_ONCE]).any(axis=1) for start in blocks]
    known: Vectors = np.asarray(vectors)[np.concatenate([np.zeros(0, np.bool_), *is_known])]
    for start in range(0, len(known), _ROWS_AT_ONCE):
        known[start : start + _ROWS_AT_ONCE] = normalise(known[start : start + _ROWS_AT_ONCE])
    return known


def assign(vectors: Vectors, centres: Vectors, scratch: Scratch = IN_MEMORY) -> Labels:
    """The most similar centre of each row; the lower number where two are as similar. Shape (n,)."""
    shards = (
        Shard((vectors, centres, *rows), rows[1] - rows[0]) for rows in blocks(len(vectors), _SHARD_ROWS)
    )
    (labels,) = joined(scratch.each(labels_of_rows, shards), (np.int32,))
    return labels


@sharded
def labels_of_rows(vectors: Vectors, centres: Vectors, start: int, stop: int) -> Columns:
    """The most similar centre of some rows. Shape (rows,)."""
    labels = np.full(stop - start, _NO_GROUP, np.int32)
    for first, last in blocks(stop - start if len(centres) else 0, _ROWS_AT_ONCE):
        part = np.asarray(vectors[start + first : start + last])
        nearest = (normalise(part) @ centres.T).argmax(axis=1)
        labels[first:last] = np.where(np.isnan(part).any(axis=1), _NO_GROUP, nearest)
    return (labels,)


def save_centres(path: Path, centres: Mapping[int, Vectors]) -> None:
    """Pin centres in a file, so that a pool can grow without changing its groups.

    Raises:
        StorageFullError: The disk has no room.
    """
    with atomic_file(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, allow_pickle=False, **{str(size): points for size, points in centres.items()})


def load_centres(path: Path) -> dict[int, Vectors]:
    """Centres that `save_centres` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return {int(size): stored[size] for size in stored.files}
