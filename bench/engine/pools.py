"""Pools with realistic signals, of any size, and random edits of recipes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from autoselection_core.arrays import Keys, Labels, Rows, Values, Vectors
from autoselection_core.operators.catalogue import Template, catalogue
from autoselection_core.pool import Pool, Scope, Source, ingest
from autoselection_core.recipe import MAX_STEPS, Recipe, Step
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.state.column import sample_rows
from autoselection_core.store.home import Home
from bench.result import REAL_DATA

# The published reference recipe is N-gram, MONA, SemDedup, random top-k; the first has no deduplication.
PLAIN = Recipe.from_yaml("""
- keep_top: {signal: word_entropy, fraction: 0.9}
- keep_relevant: {fraction: 0.6}
- keep_top: {signal: ifd, fraction: 0.8}
- keep_random: {fraction: 0.4}
""")
WITH_NEAR_DUPLICATES = Recipe.from_yaml("""
- keep_top: {signal: word_entropy, fraction: 0.9}
- keep_relevant: {fraction: 0.6}
- drop_near_duplicates: {similarity: 0.8}
- keep_random: {fraction: 0.4}
""")
WITH_NEIGHBOURS = Recipe.from_yaml("""
- keep_top: {signal: word_entropy, fraction: 0.9}
- keep_relevant: {fraction: 0.6}
- drop_semantic_duplicates: {pairs: sae, similarity: 0.9}
- keep_random: {fraction: 0.4}
""")


def edits_of(anchor: Recipe, signals: SignalTable, count: int, seed: int = 0) -> list[Recipe]:
    """Random inserts, deletions, swaps and retunes of one recipe."""
    rng = np.random.default_rng(seed)
    templates = catalogue(signals)
    return [anchor.with_steps(_edit(anchor.steps, templates, rng)) for _ in range(count)]


def _edit(
    steps: tuple[Step, ...], templates: tuple[Template, ...], rng: np.random.Generator
) -> Iterator[Step]:
    edit, place = rng.choice(["insert", "delete", "swap", "retune"]), int(rng.integers(len(steps)))
    changed = list(steps)
    if edit == "insert" and len(steps) < MAX_STEPS:
        changed.insert(place, templates[int(rng.integers(len(templates)))].sample(rng))
    elif edit == "delete":
        del changed[place]
    elif edit == "swap":
        other = int(rng.integers(len(steps)))
        changed[place], changed[other] = changed[other], changed[place]
    else:
        changed[place] = _retune(changed[place], templates, rng)
    return iter(changed)


def _retune(step: Step, templates: tuple[Template, ...], rng: np.random.Generator) -> Step:
    template = next(template for template in templates if template.matches(step))
    return template.retune(step, rng, 0.15)  # type: ignore[arg-type]  # a template matches operators only


SIGNALS = (WordEntropy(), ExactGroups(), JaccardPairs())


@dataclass(frozen=True)
class RealPool:
    """The pool on disk with the signals that need no model.

    Attributes:
        home: Where both are kept between runs.
        version: Version of the pool.
        versions: Versions of the signals by name.
    """

    home: Home
    version: str
    versions: dict[str, str]

    def open(self) -> tuple[Pool, SignalTable]:
        """The pool and its signals, mapped into memory."""
        pool = Pool.open(self.home.pool(self.version))
        return pool, SignalStore(self.home).table(pool, self.versions)

    def with_model_signals(self) -> SignalTable:
        """The real signals, and made-up ones for all that needs a model. Lengths are the real words."""
        pool, table = self.open()
        rng = np.random.default_rng(0)
        words = np.array([len(text.split()) for text in pool.texts(Scope.ALL)], np.float32)
        return replace(
            table,
            columns={**table.columns, **model_columns(np.maximum(words, 1), rng), "tokens": words},
            sparse={"sae": activations(len(pool), rng)},
            vectors={"embedding": vectors(len(pool), rng)},
            pairs={**table.pairs, "sae": neighbours(len(pool), rng)},
        )


def prepare(folder: Path) -> RealPool:
    """Ingest and score what is not there yet."""
    home = Home(folder)
    pool = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], home).pool
    store = SignalStore(home)
    return RealPool(
        home, pool.version, {signal.name: store.score(signal, pool).version for signal in SIGNALS}
    )


BENCHMARKS = ("bbh", "gpqa", "gsm8k", "mmlu")
FEATURES_A_ROW = 192
FEATURES = 32_768
DIMENSIONS = 384
NEIGHBOURS_A_ROW = 64
SOURCES = 30


@dataclass(frozen=True)
class Parts:
    """Parts of a made-up pool beside its columns.

    Attributes:
        vectors: 384-dimensional vectors of 1.5 kB a row.
        neighbours: 64 pairs a row in SAE space, the most that a pair list may hold.
    """

    vectors: bool
    neighbours: bool


def realistic(rows: int, parts: Parts, seed: int = 0) -> SignalTable:
    """A pool of made-up samples: skewed columns that depend on each other, sources of very unlike sizes."""
    rng = np.random.default_rng(seed)
    tokens = np.ceil(np.exp(rng.normal(4.8, 0.9, rows))).astype(np.float32)
    columns = {**model_columns(tokens, rng), "tokens": tokens, "word_entropy": _word_entropy(tokens, rng)}
    return SignalTable(
        f"realistic {rows}",
        made_up_keys(rows, rng),
        columns,
        labels={"source": _sources(rows, rng), "exact": _exact(rows, rng)},
        sparse={"sae": activations(rows, rng)},
        vectors={"embedding": vectors(rows, rng)} if parts.vectors else {},
        pairs={"sae": neighbours(rows, rng), "near_duplicates": near_duplicates(rows, rng)}
        if parts.neighbours
        else {},
    )


def made_up_keys(rows: int, rng: np.random.Generator) -> Keys:
    """Ascending 64-bit numbers."""
    return np.sort(rng.integers(0, 2**63, rows).astype(np.uint64))


def model_columns(tokens: Values, rng: np.random.Generator) -> Mapping[str, Values]:
    """Columns as of a model and benchmarks: short samples surprise more, 2 % have no answer to score."""
    rows = len(tokens)
    shortness = (4.8 - np.log(tokens)).astype(np.float32)
    columns = {
        "ifd": np.exp(0.2 * shortness + rng.normal(-0.4, 0.3, rows)),
        "varentropy": rng.gamma(3, 0.4, rows) + 0.2 * np.maximum(shortness, 0),
        "response_loss": rng.gamma(4, 0.4, rows) + 0.1 * np.maximum(shortness, 0),
        **{f"relevance/{name}": rng.beta(2, 8, rows) for name in BENCHMARKS},
    }
    typed = {name: values.astype(np.float32) for name, values in columns.items()}
    for name in ("ifd", "varentropy", "response_loss"):
        typed[name][:: rows // max(rows // 50, 1)] = np.nan
    return typed


def activations(rows: int, rng: np.random.Generator) -> SparseFeatures:
    """192 active features for each of the rows that describe the pool's activity; the others have none."""
    described = sample_rows(rows)
    drawn = rng.zipf(1.3, (len(described), FEATURES_A_ROW)) % FEATURES
    sizes = np.zeros(rows, np.int64)
    sizes[described] = FEATURES_A_ROW
    indices = np.sort(drawn, axis=1).astype(np.int32).ravel()
    return SparseFeatures(
        np.append(0, np.cumsum(sizes)), indices, np.ones(len(indices), np.float32), FEATURES
    )


def vectors(rows: int, rng: np.random.Generator) -> Vectors:
    """Unit vectors."""
    drawn = rng.standard_normal((rows, DIMENSIONS), dtype=np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def neighbours(rows: int, rng: np.random.Generator) -> PairList:
    """All pairs inside random clusters of 129 rows: 64 a row on average, most near the floor."""
    first, second = _pairs_in_clusters(rows, 129, rng)
    similarity = (0.85 + 0.15 * rng.beta(1.2, 3, len(first))).astype(np.float32)
    return PairList.of(first, second, similarity, floor=0.85, measure="cosine, made up")


def near_duplicates(rows: int, rng: np.random.Generator) -> PairList:
    """All pairs inside random clusters of four rows, for the first third of the pool."""
    first, second = _pairs_in_clusters(rows // 3, 4, rng)
    similarity = rng.uniform(0.5, 1, len(first)).astype(np.float32)
    return PairList.of(first, second, similarity, floor=0.5, measure="jaccard, made up")


def _pairs_in_clusters(rows: int, size: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    members = rng.permutation(rows)[: rows // size * size].reshape(-1, size)
    first, second = np.triu_indices(size, 1)
    return members[:, first].ravel(), members[:, second].ravel()


def _pairs(rows: int, rng: np.random.Generator) -> Mapping[str, PairList]:
    return {"sae": neighbours(rows, rng), "near_duplicates": near_duplicates(rows, rng)}


def _word_entropy(tokens: Values, rng: np.random.Generator) -> Values:
    return (np.log2(tokens) * 0.8 + rng.normal(0, 0.3, len(tokens))).astype(np.float32)


def _sources(rows: int, rng: np.random.Generator) -> Labels:
    shares = 1 / np.arange(1, SOURCES + 1)
    return rng.choice(SOURCES, rows, p=shares / shares.sum()).astype(np.int32)


def _exact(rows: int, rng: np.random.Generator) -> Labels:
    """One row in twenty repeats another."""
    groups = np.arange(rows, dtype=np.int32)
    repeated = rng.random(rows) < 1 / 20
    groups[repeated] = rng.integers(0, rows, int(repeated.sum()))
    return groups
