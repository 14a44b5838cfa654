"""Pools that several tests of subsets use."""

import numpy as np

from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable


def pool(rows: int = 2000, seed: int = 0) -> SignalTable:
    """A pool with the usual signals, some of them unknown."""
    rng = np.random.default_rng(seed)
    columns = ("ifd", "varentropy", "tokens", "relevance/easy", "relevance/hard")
    table = {name: rng.random(rows).astype(np.float32) for name in columns}
    table["tokens"] = np.floor(100 * table["tokens"]) + 1
    table["ifd"][::17] = np.nan
    first, second = rng.integers(0, rows, (2, rows))
    two = first != second
    similarity = rng.uniform(0.5, 1, rows).astype(np.float32)
    pairs = PairList.of(first[two], second[two], similarity[two], floor=0.5, measure="jaccard")
    return SignalTable(
        f"pool {seed}",
        np.sort(rng.choice(2**62, rows, replace=False)).astype(np.uint64),
        table,
        pairs={"near_duplicates": pairs, "embedding": pairs},
        labels={
            "source": rng.integers(0, 3, rows).astype(np.int32),
            "exact": rng.integers(0, rows, rows).astype(np.int32),
        },
        label_names={"source": ("a", "b", "c")},
        vectors={"embedding": rng.normal(size=(rows, 8)).astype(np.float32)},
        versions={"ifd": "1", "tokens": "2", "relevance/easy": "3"},
    )
