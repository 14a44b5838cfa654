"""Signals that read stored vectors or features; here made-up ones, because real ones take hours."""

from functools import partial

import numpy as np

from autoselection_core.arrays import Vectors
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import Signal
from autoselection_core.signals.definitions.base_model.sae_pairs import centred_pairs, mean_features
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Relevance
from autoselection_core.signals.definitions.semantic.feedback import FeedbackRelevance
from autoselection_core.signals.definitions.semantic.graph import GraphImportance
from autoselection_core.signals.joins.cosine import cosine_pairs
from autoselection_core.signals.similar_pairs import PairList
from bench.result import measure
from bench.signals.text import floor_of, made_up_features, real_benchmark

_BLOCK = 2_048
_MANY = 250_000
_DIMENSIONS = 384
_TASK = "gsm8k"


def made_up_vectors(rows: int) -> Vectors:
    """Vectors around made-up centres, of the size of sentence embeddings."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(2_000, _DIMENSIONS)).astype(np.float32)
    vectors = centres[rng.integers(0, len(centres), rows)]
    vectors += 0.7 * rng.normal(size=vectors.shape).astype(np.float32)
    return vectors


def neighbour_figures(pool: Pool, vectors: Vectors) -> dict[str, Json]:
    """Exact neighbours of vectors beside the products of matrices alone, and what is read from vectors."""
    floor = floor_of(lambda: _products(vectors))
    pairs = measure(lambda: cosine_pairs(vectors, min_similarity=0.5, measure="cosine"))
    found = {"pairs": len(pairs.value), "floor": pairs.value.floor, "target_s": 90.0}
    features = made_up_features(len(vectors))
    alike = measure(lambda: centred_pairs(features, mean_features(features), min_similarity=0.5))
    return {
        "embedding_pairs": {**pairs.pace(len(vectors)), **floor, **found},
        "sae_pairs": {
            **alike.pace(len(vectors)),
            "pairs": len(alike.value),
            "floor": alike.value.floor,
        },
        **_read_from(pool, vectors, pairs.value),
    }


def _read_from(pool: Pool, vectors: Vectors, pairs: PairList) -> dict[str, Json]:
    """Time of signals that read vectors and pairs; a part of relevance is the embedding of the targets."""
    benchmark = real_benchmark(_TASK)
    signals: list[Signal] = [
        Clusters(),
        GraphImportance(),
        Relevance(benchmark),
        FeedbackRelevance(benchmark),
    ]
    given = {signal: {VECTORS: vectors} for signal in signals} | {GraphImportance(): {VECTORS: pairs}}
    return {
        signal.name: measure(partial(signal.compute, pool, given[signal])).pace(len(pool))
        for signal in signals
    }


def cell_figures() -> dict[str, Json]:
    """Neighbours in a pool too large for every pair, with the recall that the signal itself measures."""
    vectors = made_up_vectors(_MANY)
    pairs = measure(lambda: cosine_pairs(vectors, min_similarity=0.5, measure="cosine"))
    recall = float(pairs.value.measure.rpartition(" ")[2])
    found: dict[str, Json] = {"pairs": len(pairs.value), "recall": recall, "floor": pairs.value.floor}
    return {"embedding_pairs_in_cells": {**pairs.pace(_MANY), **found}}


def _products(vectors: Vectors) -> None:
    for top in range(0, len(vectors), _BLOCK):
        for left in range(top, len(vectors), _BLOCK):
            _ = vectors[top : top + _BLOCK] @ vectors[left : left + _BLOCK].T
