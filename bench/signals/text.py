"""Signals of words on all samples: time, memory, cost of a change, and peers."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import rensa

from autoselection_core.arrays import Rows, Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.identity import Json
from autoselection_core.models.base_model import resident_model
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import EarlierValues, Signal
from autoselection_core.signals.contamination.contamination import Contamination
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.sae import generalised_jaccard
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, EmbeddingPairs
from autoselection_core.signals.definitions.wording.actions import ActionBranching
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import Form, WordEntropy
from autoselection_core.signals.joins.jaccard import jaccard_pairs
from autoselection_core.signals.joins.shingles import Hashes, Shingles, as_sets, mix, shingles
from autoselection_core.signals.shards import Scratch
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from bench.result import REAL_DATA, Measured, measure, resident_mb

T = TypeVar("T")

_SHARE = 0.01


def change_figures(pool: Pool, vectors: Vectors) -> dict[str, Json]:
    """Seconds from the start and after a change; vectors stand in for embeddings, which take hours."""
    rows = np.sort(np.random.default_rng(0).choice(len(pool), int(len(pool) * (1 - _SHARE)), replace=False))
    before = pool.take(rows)
    return {
        "share_of_new_rows": _SHARE,
        "target_share_of_full": 0.03,
        "word_entropy": _store(WordEntropy(), before, pool),
        "near_duplicates": _store(JaccardPairs(), before, pool),
        "embedding_pairs": _pairs(vectors, rows, pool),
    }


def _store(signal: WordEntropy | JaccardPairs, before: Pool, after: Pool) -> dict[str, Json]:
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
    earlier = EarlierValues(full.value, rows)
    change = measure(lambda: signal.update(pool, {VECTORS: vectors}, earlier))
    return _beside(full, change)


def _beside(full: Measured[T], change: Measured[T]) -> dict[str, Json]:
    share = change.cpu_seconds / full.cpu_seconds
    return {"full": full.cost, "change": change.cost, "share_of_full_cpu": round(share, 4)}


_GROWING = (64, 128, 256)
_MAX_TOKENS = 128
"""Short, so that many samples are read; a batch is as full as with long ones."""


def memory_figures(pool: Pool, model: Path | None) -> dict[str, Json]:
    """Megabytes at the peak, and beyond what was held before: interpreter, packages, the model."""
    text = [WordEntropy(), Form(), ExactGroups(), JaccardPairs(), Contamination(real_benchmark("mmlu"))]
    found: dict[str, Json] = {"text_signals_through_the_store": _stored_value(text, pool)}
    if model is not None:
        found["model_scores_through_the_store"] = _growing(pool, model)
    return {"target_mb_beyond_the_model": 4_000, **found}


def _stored_value(signals: Sequence[Signal], pool: Pool) -> dict[str, Json]:
    """From a pool on disk to columns on disk, one signal after the other in one process."""
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        pool.write(home.pool(pool.version))
        store, found = SignalStore(home), Pool.open(home.pool(pool.version))
        return {signal.name: _peak(store, signal, found) for signal in signals}


def _growing(pool: Pool, model: Path) -> list[Json]:
    """The same signal over more and more samples, each time from the start; the model is there before."""
    resident_model(str(model), "auto")
    return [_score(some(pool, samples), model) for samples in _GROWING]


def _score(pool: Pool, model: Path) -> dict[str, Json]:
    with TemporaryDirectory() as folder:
        signal = ModelScores(str(model), max_tokens=_MAX_TOKENS)
        return {"max_tokens": _MAX_TOKENS, **_peak(SignalStore(Home(Path(folder))), signal, pool)}


def _peak(store: SignalStore, signal: Signal, pool: Pool) -> dict[str, Json]:
    before = resident_mb()
    done = measure(lambda: store.score(signal, pool))
    peak = round(done.peak_bytes / 1e6)
    return {**done.pace(len(pool)), "held_before_mb": before, "beyond_mb": peak - before}


_PERMUTATIONS, _BANDS = 128, 32
_SEED = 1


def peer_figures(pool: Pool, exact: PairList) -> dict[str, Json]:
    """Time of rensa's signatures and buckets, and the share of the exact pairs among their candidates.

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


_WORD = re.compile(r"\b\w+\b")
_JACCARD_SAMPLE = 400
_LATENTS, _KEPT, _TASKS = 4_608, 128, 4
_PARSED = 500


def text_figures(pool: Pool) -> dict[str, Json]:
    """Seconds and memory of each text signal beside its floor, and the recall of the pairs."""
    words = floor_of(lambda: [_WORD.findall(text.lower()) for text in pool.texts()])
    texts = floor_of(pool.texts)
    signals: dict[Signal, Floor] = {
        WordEntropy(): words,
        WordEntropy(words=2): words,
        ExactGroups(): texts,
        Form(): texts,
        Contamination(real_benchmark("gsm8k")): words,
    }
    targets = {"word_entropy": 3.0}
    figures: dict[str, Json] = {
        signal.name: {**_pace(signal, pool), **floor, "target_s": targets.get(signal.name)}
        for signal, floor in signals.items()
    }
    figures["mona_from_stored_features"] = {**_mona(len(pool)), "target_s": 0.5}
    figures["action_branching"] = _branching(pool)
    return figures


def jaccard_figures(pool: Pool) -> dict[str, Json]:
    """The exact join beside its sets of word runs, and beside signatures."""
    sets = floor_of(lambda: shingles(pool.texts(), 5))
    pairs = measure(lambda: JaccardPairs().compute(pool, {})["near_duplicates"])
    assert isinstance(pairs.value, PairList)
    return {
        "near_duplicates": {**pairs.pace(len(pool)), **sets, "target_s": 60.0, **_recall(pool, pairs.value)},
        "near_duplicates_by_signatures": peer_figures(pool, pairs.value),
    }


Floor = dict[str, Json]
"""What a signal cannot do without, timed in the same run."""


def floor_of(work: Callable[[], object]) -> Floor:
    found = measure(work)
    return {"floor_seconds": round(found.seconds, 4), "floor_cpu_seconds": round(found.cpu_seconds, 4)}


def _pace(signal: Signal, pool: Pool) -> dict[str, Json]:
    return measure(lambda: signal.compute(pool, {})).pace(len(pool))


def _branching(pool: Pool) -> dict[str, Json]:
    """A sample of the pool; the whole is reckoned from it."""
    chosen = pool.take(np.sort(np.random.default_rng(0).choice(len(pool), _PARSED, replace=False)))
    ActionBranching().compute(chosen.take(np.arange(1)), {})  # loads the parser
    found = measure(lambda: ActionBranching().compute(chosen, {}))
    whole = found.cpu_seconds * len(pool) / _PARSED
    return {**found.pace(_PARSED), "cpu_seconds_for_the_pool": round(whole), "target_s": 1_200.0}


def real_benchmark(name: str) -> Benchmark:
    """A benchmark of the real data, with its target samples."""
    files = {"items": f"benchmarks/{name}.parquet", "targets": f"targets/{name}.parquet"}
    return benchmark_from({"name": name, "format": name, **files}, Path(REAL_DATA))


def _recall(pool: Pool, pairs: PairList) -> dict[str, Json]:
    """Pairs found among those of some rows with all rows, counted one by one."""
    sets = shingles(pool.texts(), 5)
    stored = set(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True))
    rows = np.random.default_rng(0).choice(len(pool), _JACCARD_SAMPLE, replace=False)
    members = np.unique(sets.hashes, return_inverse=True)[1]
    expected = {pair for row in rows for pair in _similar(sets, members, int(row), pairs.floor)}
    return {
        "pairs": len(pairs),
        "floor": pairs.floor,
        "rows_checked": _JACCARD_SAMPLE,
        "pairs_expected": len(expected),
        "recall": len(expected & stored) / max(1, len(expected)),
    }


def _similar(sets: Shingles, members: npt.NDArray[np.int64], row: int, floor: float) -> set[tuple[int, int]]:
    """The pairs of one row with all rows; members are the hashes of all sets, as numbers from 0."""
    own = members[sets.starts[row] : sets.starts[row + 1]]
    is_own = np.zeros(int(members.max()) + 1, np.bool_)
    is_own[own] = True
    shared = np.concatenate([[0], np.cumsum(is_own[members])])
    overlap = shared[sets.starts[1:]] - shared[sets.starts[:-1]]
    similarity = overlap / np.maximum(1, sets.sizes + len(own) - overlap)
    others = np.flatnonzero(similarity.astype(np.float32) >= np.float32(floor))
    return {(min(row, int(other)), max(row, int(other))) for other in others if other != row}


def made_up_features(rows: int) -> SparseFeatures:
    """Features of the size that the default autoencoder of SmolLM2-135M gives."""
    rng = np.random.default_rng(0)
    indices = np.sort(rng.integers(0, _LATENTS, (rows, _KEPT), np.int32), axis=1).reshape(-1)
    starts = np.arange(rows + 1, dtype=np.int64) * _KEPT
    return SparseFeatures(starts, indices, rng.random(len(indices), np.float32), _LATENTS)


def _mona(rows: int) -> dict[str, Json]:
    """Relevance of made-up features, read from their files."""
    features = made_up_features(rows)
    prototypes = np.random.default_rng(1).random((_TASKS, _LATENTS), np.float32)
    with TemporaryDirectory() as folder:
        features.save(Path(folder))
        cost = measure(lambda: generalised_jaccard(SparseFeatures.load(Path(folder)), prototypes)).pace(rows)
        known = SparseFeatures.load(Path(folder))
        again = measure(lambda: generalised_jaccard(known, prototypes)).cpu_seconds
    counts = {"benchmarks": _TASKS, "features_per_row": _KEPT}
    return {**cost, **counts, "cpu_seconds_with_the_file_in_memory": round(again, 4)}


def some(pool: Pool, samples: int) -> Pool:
    """Random samples of a pool, always the same ones."""
    return pool.take(np.sort(np.random.default_rng(0).choice(len(pool), samples, replace=False)))


def join_figures(rows: int) -> dict[str, Json]:
    """The join of near duplicates alone, of made-up sets in the numbers of `bench.growth`'s pools.

    A set has 110 members on average, a third of them those of one of 90,000 records, and 14 in 100 sets are
    near copies of the one before. So sizes can be tried whose texts would take hours to make.
    """
    with TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder))
        sets = made_up_sets(rows, scratch)
        pairs = measure(
            lambda: jaccard_pairs(sets, min_similarity=0.5, measure="jaccard, made up", scratch=scratch)
        )
        disk = sum(file.stat().st_size for file in Path(folder).iterdir())
    found: dict[str, Json] = {"pairs": len(pairs.value), "floor": pairs.value.floor}
    return {"join": {**pairs.pace(rows), **found, "members": len(sets.hashes), "disk_mb": round(disk / 1e6)}}


def made_up_sets(rows: int, scratch: Scratch) -> Shingles:
    """Sets of hashes around records that many sets resemble a little, with near copies."""
    rng, sizes = np.random.default_rng(0), [np.zeros(0, np.int64)]

    def members() -> Iterator[tuple[Hashes]]:
        for start in range(0, rows, _MADE_AT_ONCE):
            count = min(_MADE_AT_ONCE, rows - start)
            record = rng.integers(0, 90_000, count)
            is_copy = rng.random(count) < _NEAR_COPIES
            first = np.maximum.accumulate(np.where(is_copy & (np.arange(count) > 0), 0, np.arange(count)))
            size = np.minimum(rng.lognormal(4.2, 1.0, count).astype(np.int64) + 1, 2_000)[first]
            owner = np.repeat(np.arange(count), size)
            place = (np.arange(len(owner)) - np.repeat(np.cumsum(size) - size, size)).astype(np.uint64)
            of_record = mix(record[first][owner].astype(np.uint64) << np.uint64(20) | place)
            of_text = mix((start + first)[owner].astype(np.uint64) << np.uint64(20) | place | _TEXT)
            of_copy = mix((start + owner).astype(np.uint64) << np.uint64(20) | place | _TEXT)
            draw = mix(of_text) / 2.0**64
            own = np.where(rng.random(len(owner)) < _CHANGED * is_copy[owner], of_copy, of_text)
            part = as_sets(np.where(draw < _OF_RECORDS, of_record, own), owner, count)
            sizes.append(part.sizes)
            yield (part.hashes,)

    (hashes,) = scratch.keep(members(), (np.uint64,))
    return Shingles(hashes, np.concatenate([[0], np.cumsum(np.concatenate(sizes))]))


_MADE_AT_ONCE = 50_000
_NEAR_COPIES, _OF_RECORDS, _CHANGED = 0.14, 0.33, 0.2
_TEXT = np.uint64(1 << 63)
