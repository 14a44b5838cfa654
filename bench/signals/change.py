"""What a pool change of one percent costs beside a full scoring, signal by signal."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from autoselection_core.arrays import Rows, Vectors
from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import Earlier
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, EmbeddingPairs
from autoselection_core.signals.definitions.wording.duplicates import JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from bench.result import Measured, measure

T = TypeVar("T")

_SHARE = 0.01


def change_figures(pool: Pool, vectors: Vectors) -> dict[str, Json]:
    """Seconds from the start and after a change; vectors stand in for embeddings, which take hours."""
    rows = np.sort(np.random.default_rng(0).choice(len(pool), int(len(pool) * (1 - _SHARE)), replace=False))
    before = pool.take(rows)
    return {
        "share_of_new_rows": _SHARE,
        "target_share_of_full": 0.03,
        "word_entropy": _stored(WordEntropy(), before, pool),
        "near_duplicates": _stored(JaccardPairs(), before, pool),
        "embedding_pairs": _pairs(vectors, rows, pool),
    }


def _stored(signal: WordEntropy | JaccardPairs, before: Pool, after: Pool) -> dict[str, Json]:
    """Through the store, files and all."""
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        for each in (before, after):
            each.write(home.pool(each.version))
        store = SignalStore(home)
        pools = [Pool.open(home.pool(each.version)) for each in (before, after)]
        full, change = (measure(partial(store.score, signal, pool)) for pool in pools)
    return _beside(full, change)


def _pairs(vectors: Vectors, rows: Rows, pool: Pool) -> dict[str, Json]:
    signal = EmbeddingPairs()
    full = measure(lambda: signal.compute(pool, {VECTORS: vectors[rows]}))
    earlier = Earlier(full.value, rows)
    change = measure(lambda: signal.update(pool, {VECTORS: vectors}, earlier))
    return _beside(full, change)


def _beside(full: Measured[T], change: Measured[T]) -> dict[str, Json]:
    share = change.cpu_seconds / full.cpu_seconds
    return {"full": full.cost, "change": change.cost, "share_of_full_cpu": round(share, 4)}
