"""Signals that read stored vectors or features; here made-up ones, because real ones take hours."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa

from autoselection_core.arrays import Mask, Rows, Vectors
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import Signal
from autoselection_core.signals.definitions.base_model.sae_pairs import centred_pairs, mean_features
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Relevance
from autoselection_core.signals.definitions.semantic.feedback import FeedbackRelevance
from autoselection_core.signals.definitions.semantic.graph import GraphImportance
from autoselection_core.signals.joins.cosine import cosine_pairs, normalise
from autoselection_core.signals.joins.inverted_file import CELL_ROWS
from autoselection_core.signals.similar_pairs import PairList
from bench.result import measure
from bench.signals.text import floor_of, made_up_features, real_benchmark

_BLOCK = 2_048
MANY_VECTORS = 250_000
"""Vectors above the number up to which every pair is compared."""

_DIMENSIONS = 384
_INDEXES, _PROBES, _LOOKED_UP, _NEAREST = ("IVF_PQ", "IVF_HNSW_SQ"), (4, 16), 256, 256
_FLOOR = 0.5
"""Similarity of pairs that are looked for: within a made-up centre, of which there are 125 rows."""
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


def cell_figures(rows: int) -> dict[str, Json]:
    """Neighbours in cells, as in a pool too large for every pair, with the measured recall."""
    vectors = made_up_vectors(rows)
    pairs = measure(
        lambda: cosine_pairs(vectors, min_similarity=0.5, measure="cosine", max_exact_rows=rows - 1)
    )
    recall = float(pairs.value.measure.rpartition(" ")[2])
    found: dict[str, Json] = {"pairs": len(pairs.value), "recall": recall, "floor": pairs.value.floor}
    return {"embedding_pairs_in_cells": {**pairs.pace(rows), **found}}


def lance_figures(rows: int) -> dict[str, Json]:
    """Neighbours through LanceDB's own indexes, beside the cells of `cell_figures` on the same vectors.

    Some rows are looked up; the time of all is reckoned from theirs. The recall is that of their pairs at or
    above the similarity from which on cells keep pairs.
    """
    unit = normalise(made_up_vectors(rows))
    asked = np.linspace(0, rows - 1, _LOOKED_UP).astype(np.int64)
    expected = unit[asked] @ unit.T >= np.float32(_FLOOR)
    expected[np.arange(len(asked)), asked] = False
    with TemporaryDirectory() as folder:
        return {kind: _lance_index(kind, unit, asked, expected, Path(folder) / kind) for kind in _INDEXES}


def _lance_index(kind: str, unit: Vectors, rows: Rows, expected: Mask, folder: Path) -> dict[str, Json]:
    """Building one index and looking some rows up in it."""
    flat = pa.array(unit.reshape(-1))
    columns = {"row": pa.array(np.arange(len(unit))), "vector": pa.FixedSizeListArray.from_arrays(flat, 384)}
    table = lancedb.connect(folder).create_table("vectors", pa.table(columns))
    settings = {"num_sub_vectors": _DIMENSIONS // 8} if kind == "IVF_PQ" else {}
    partitions = len(unit) // CELL_ROWS
    built = measure(
        lambda: table.create_index("cosine", num_partitions=partitions, index_type=kind, **settings)
    )
    by_probes: dict[str, Json] = {}
    for probes in _PROBES:
        found = measure(partial(_looked_up, table, unit, rows, probes))
        held = sum(expected[place, other].sum() for place, other in enumerate(found.value))
        by_probes[f"{probes} probes"] = {
            "recall": round(float(held / expected.sum()), 4),
            "cpu_seconds_of_all_rows": round(found.cpu_seconds / len(rows) * len(unit)),
            "peak_mb": found.cost["peak_mb"],
        }
    return {"built": built.cost, "pairs_of_a_row": float(expected.sum() / len(rows)), **by_probes}


def _looked_up(table: Any, unit: Vectors, rows: Rows, probes: int) -> list[Rows]:  # noqa: ANN401 lancedb has no types
    """The most similar rows of some rows."""
    return [
        table.search(unit[row])
        .distance_type("cosine")
        .nprobes(probes)
        .refine_factor(2)
        .limit(_NEAREST)
        .select(["row", "_distance"])
        .to_arrow()
        .column("row")
        .to_numpy()
        for row in rows
    ]


def _products(vectors: Vectors) -> None:
    for top in range(0, len(vectors), _BLOCK):
        for left in range(top, len(vectors), _BLOCK):
            _ = vectors[top : top + _BLOCK] @ vectors[left : left + _BLOCK].T
