"""Sentence embeddings, nearness to a task in their space (relevance), and semantic near duplicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Values, Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.models.embedder import embed, embedder_fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample, Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import (
    NAMES_A_FILE,
    Computed,
    EarlierValues,
    Given,
    ShardedSignal,
    Signal,
    renamed_from,
)
from autoselection_core.signals.definitions.targets import ComparesTargets, targets_of
from autoselection_core.signals.joins.cosine import (
    cosine_memory,
    cosine_pairs,
    normalise,
    update_cosine_pairs,
)
from autoselection_core.signals.shards import Scratch
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import RELEVANCE
from autoselection_core.store.memory import require_memory

VECTORS = "embedding"
_ROWS_AT_ONCE = 16_384


@dataclass(frozen=True)
class Embeddings(Signal):
    """Sentence embeddings of length 1, of the first 256 tokens.

    Attributes:
        scope: Messages that are embedded, joined by newlines.
        embedder: Folder of a sentence-transformers or transformers model; None for all-MiniLM-L6-v2, which
            knows English. For other languages take a multilingual one.
    """

    scope: Scope = Scope.ALL
    embedder: str | None = field(default=None, compare=False, metadata=NAMES_A_FILE)

    chunk_rows = 2_048
    undefined = "out of memory"

    @property
    @override
    def name(self) -> str:
        return VECTORS

    @override
    def reads(self) -> Mapping[str, str]:
        return {"embedder": embedder_fingerprint(self.embedder)}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        def told(done: int) -> None:
            if progress is not None:
                progress(self.name, done, len(pool))

        return {VECTORS: embed(pool.texts(self.scope), told, self.embedder)}

    def of_targets(self, targets: Sequence[Sample]) -> Vectors:
        """Vectors of target samples, in the space of the pool's. Shape (targets, d)."""
        return embed([target.text(self.scope) for target in targets], folder=self.embedder)


@dataclass(frozen=True)
class Relevance(ComparesTargets):
    """Nearness of a sample to a benchmark's task in the space of sentence embeddings.

    The mean of the cosine similarities to the `nearest` target samples that are most similar. With one
    target a lucky match of words would decide, with all of them a broad task such as MMLU would have no near
    samples at all. Undefined (NaN) where the embedding is.

    Attributes:
        benchmark: Whose target samples are read.
        nearest: How many of them count; fewer where there are fewer.
        scope: Messages of samples and targets that are compared.
        embeddings: Embeddings that are compared.
    """

    benchmark: Benchmark = field(compare=False)
    nearest: int = 3
    scope: Scope = Scope.ALL
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    chunk_rows = 1 << 20  # cheap for each row; the targets are embedded once a chunk
    undefined = "no embedding"

    @property
    @override
    def name(self) -> str:
        return f"{RELEVANCE}{self.benchmark.name}"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (replace(self.embeddings, scope=self.scope),)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoTargetsError: The benchmark has no target samples.
        """
        targets = replace(self.embeddings, scope=self.scope).of_targets(targets_of(self.benchmark))
        return {self.name: mean_of_nearest(given[VECTORS], targets, self.nearest)}


def mean_of_nearest(vectors: Vectors, targets: Vectors, nearest: int) -> Values:
    """Mean cosine similarity to the most similar targets; NaN for unknown vectors. Shape (n,)."""
    unit = normalise(targets).T
    count = min(nearest, len(targets))
    means = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        part = np.asarray(vectors[start : start + _ROWS_AT_ONCE])
        similarity = normalise(part) @ unit
        means[start : start + len(part)] = np.partition(similarity, -count, axis=1)[:, -count:].mean(axis=1)
    means[np.isnan(vectors).any(axis=1)] = np.nan
    return means


@dataclass(frozen=True)
class EmbeddingPairs(ShardedSignal):
    """Semantic near duplicates: pairs of samples by the cosine similarity of their embeddings.

    Attributes:
        min_similarity: Similarities below are never stored, however small the pool.
        scope: Messages that are compared.
        embeddings: Embeddings that are compared.
    """

    min_similarity: float = field(default=0.5, metadata=renamed_from("lowest"))
    scope: Scope = Scope.ALL
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    @property
    @override
    def name(self) -> str:
        return "embedding_pairs"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (replace(self.embeddings, scope=self.scope),)

    @override
    def compute_in(
        self, scratch: Scratch, pool: Pool, given: Given, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        vectors = given[VECTORS]
        require_memory(self.name, cosine_memory(vectors))
        pairs = cosine_pairs(
            vectors,
            min_similarity=self.min_similarity,
            measure="cosine of sentence embeddings",
            scratch=scratch,
            progress=progress,
        )
        return {VECTORS: pairs}

    @override
    def update(
        self, pool: Pool, given: Given, earlier: EarlierValues, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        pairs = earlier.values[VECTORS]
        assert isinstance(pairs, PairList), "this signal gives pairs"
        return {VECTORS: update_cosine_pairs(pairs, earlier.rows, given[VECTORS], progress=progress)}
