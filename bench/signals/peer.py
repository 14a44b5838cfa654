"""The same pairs by MinHash signatures (the package rensa), to see what the exact join costs beside them."""

import rensa

from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.joins.shingles import Shingles, shingles
from autoselection_core.signals.similar_pairs import PairList
from bench.result import measure

_PERMUTATIONS, _BANDS = 128, 32
_SEED = 1


def peer_figures(pool: Pool, exact: PairList) -> dict[str, Json]:
    """What rensa's signatures and buckets take, and which of the exact pairs they hold as candidates.

    Each candidate would still have to be verified.
    """
    sets = shingles(pool.texts(), 5)
    signatures = measure(lambda: _signatures(pool, sets))
    candidates = measure(lambda: _candidates(signatures.value, exact.floor))
    truth = set(zip(exact.low.tolist(), exact.high.tolist(), strict=True))
    return {
        "signatures": {**signatures.pace(len(pool)), "target_s": 10.0},
        "buckets": {**candidates.pace(len(pool)), "candidates": len(candidates.value)},
        "permutations": _PERMUTATIONS,
        "bands": _BANDS,
        "recall_of_exact_pairs": len(candidates.value & truth) / max(1, len(truth)),
    }


def _signatures(pool: Pool, sets: Shingles) -> list["rensa.RMinHash"]:
    """A signature a sample, of the same sets as the exact join."""
    raw, found = sets.hashes.tobytes(), []
    for row in range(len(pool)):
        start, stop = int(sets.starts[row]), int(sets.starts[row + 1])
        one = rensa.RMinHash(_PERMUTATIONS, _SEED)
        one.update([raw[8 * entry : 8 * entry + 8] for entry in range(start, stop)])
        found.append(one)
    return found


def _candidates(signatures: list["rensa.RMinHash"], floor: float) -> set[tuple[int, int]]:
    """Pairs that share a band; a row without words resembles nothing and its bucket is left out."""
    index = rensa.RMinHashLSH(floor, _PERMUTATIONS, _BANDS)
    found: set[tuple[int, int]] = set()
    for row, one in enumerate(signatures):
        found.update((other, row) for other in index.query(one))
        index.insert(row, one)
    return found
