"""Relevance with pseudo-relevance feedback (Rocchio)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal, renamed_from
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Embeddings, mean_of_nearest
from autoselection_core.signals.definitions.targets import ComparesTargets, targets_of
from autoselection_core.signals.joins.cosine import normalise

FEEDBACK = "feedback/"
_HALVINGS = 8


@dataclass(frozen=True)
class FeedbackRelevance(ComparesTargets, PoolSignal):
    """Nearness to a benchmark's task after each target has moved towards the samples nearest to it.

    Rocchio's rule without its negative part: t' = normalise(t + weight * mean of the `nearest_samples`
    samples most similar to t), once or twice. A target never drifts further from where it began than a cosine
    of `min_similarity`: the weight is halved until it stays. Then as `Relevance`: the mean cosine to the
    `nearest` targets.

    Attributes:
        benchmark: Whose target samples are read.
        rounds: How often the targets move.
        nearest_samples: Samples that a target moves towards.
        weight: How much they count against the target itself.
        min_similarity: The drift that is allowed.
        nearest: How many targets count for a sample.
        embeddings: Embeddings that are compared.
    """

    benchmark: Benchmark = field(compare=False)
    rounds: int = 1
    nearest_samples: int = 20
    weight: float = 0.5
    min_similarity: float = field(default=0.8, metadata=renamed_from("least_similarity"))
    nearest: int = 3
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    undefined = "no embedding"

    @property
    @override
    def name(self) -> str:
        return f"{FEEDBACK}{self.benchmark.name}"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (replace(self.embeddings, scope=Scope.ALL),)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoTargetsError: The benchmark has no target samples.
        """
        (embeddings,) = self.needs()
        assert isinstance(embeddings, Embeddings), "this signal compares embeddings"
        origin = normalise(embeddings.of_targets(targets_of(self.benchmark)))
        samples, targets = normalise(given[VECTORS]), origin
        for _ in range(self.rounds):
            towards = _mean_of_most_similar(targets, samples, self.nearest_samples)
            targets = _move(origin, targets, towards, self.weight, self.min_similarity)
        return {self.name: mean_of_nearest(given[VECTORS], targets, self.nearest)}


def _mean_of_most_similar(targets: Vectors, samples: Vectors, count: int) -> Vectors:
    similarity = targets @ samples.T
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    means: Vectors = samples[nearest].mean(axis=1)
    return means


def _move(
    origin: Vectors, targets: Vectors, towards: Vectors, weight: float, min_similarity: float
) -> Vectors:
    weights = np.full((len(targets), 1), weight, np.float32)
    for _ in range(_HALVINGS):
        moved = normalise(targets + weights * towards)
        drifted = (moved * origin).sum(axis=1) < min_similarity
        if not drifted.any():
            return moved
        weights[drifted] /= 2
    moved[drifted] = targets[drifted]
    return moved
