"""Real rows for simulated utilities: text signals that contestants see, and columns that they never see.

The pool is a fixed draw of samples of the 90,000-record pool. Signals come from the pool room and the signal
room; hidden columns (topics, style, near-copies) come from the same texts by other means.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from autoselection_core.pool import Pool, Scope, Source, ingest
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.joins.jaccard import jaccard_pairs
from autoselection_core.signals.joins.shingles import shingles
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from bench.result import REAL_DATA

ROWS = 5000
TARGETS = ("gsm8k", "bbh", "mmlu")
"""Benchmarks whose targets the relevance signals are computed for."""

_DIMENSIONS, _TOPICS, _COPIES = 24, 40, 1200

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LandscapeWorld:
    """Pool as contestants see it, with the hidden columns that utilities are made of.

    Attributes:
        signals: Signals that contestants see.
        themes: Latent semantic dimensions, standardised. Shape (n, 24).
        style: Standardised text properties that no signal holds, by name.
        topics: A topic for each row. Shape (n,).
        copies: A group of similar rows for each row. Shape (n,).
    """

    signals: SignalTable
    themes: Numbers
    style: dict[str, Numbers]
    topics: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int64]


def world(rows: int = ROWS, home: Home | None = None) -> LandscapeWorld:
    """The world of so many rows; the pool is ingested on the first call."""
    return _world(rows_of_pool(rows, home))


def rows_of_pool(rows: int, home: Home | None = None) -> Pool:
    """The samples that a world of so many rows is made of."""
    pool = _pool(home or Home.from_environment())
    return pool.take(np.sort(np.random.default_rng(0).permutation(len(pool))[:rows]))


def _pool(home: Home) -> Pool:
    known = home.root / "bench-solver-pool.json"
    if not known.exists():
        version = ingest([Source(str(REAL_DATA / "pool_90k.parquet"))], home).pool.version
        known.write_text(json.dumps(version))
    return Pool.open(home.pool(json.loads(known.read_text())))


def _world(pool: Pool) -> LandscapeWorld:
    texts, answers = pool.texts(), pool.texts(Scope.RESPONSE)
    vectorizer = TfidfVectorizer(max_features=20_000, sublinear_tf=True, min_df=2)
    weights = vectorizer.fit_transform(texts)
    themes = TruncatedSVD(_DIMENSIONS, random_state=0).fit_transform(weights)
    columns = {
        "tokens": _words(texts),
        "response_tokens": _words(answers),
        **WordEntropy().compute(pool, {}),
        **{f"relevance/{name}": _relevance(weights, vectorizer, name) for name in TARGETS},
    }
    signals = SignalTable(
        pool.version,
        pool.keys,
        {name: np.asarray(column, np.float32) for name, column in columns.items()},
        pairs={
            "near_duplicates": jaccard_pairs(
                shingles(texts, 5), min_similarity=0.5, measure="jaccard of word 5-grams"
            )
        },
        labels={"source": pool.source_codes, "exact": _groups(texts)},
        label_names={"source": pool.source_names},
        ids=pool.ids,
    )
    return LandscapeWorld(
        signals,
        _standard(themes),
        {name: _standard(np.array([measure(text) for text in texts])) for name, measure in _STYLE.items()},
        MiniBatchKMeans(_TOPICS, random_state=0, n_init=3).fit_predict(themes).astype(np.int64),
        MiniBatchKMeans(min(_COPIES, len(texts) // 4), random_state=1, n_init=1)
        .fit_predict(themes)
        .astype(np.int64),
    )


def _relevance(weights: Any, vectorizer: Any, name: str) -> npt.NDArray[np.float32]:  # noqa: ANN401 - untyped
    table = pq.read_table(REAL_DATA / "targets" / f"{name}.parquet")
    targets = [
        " ".join(str(value) for value in row.values() if value is not None) for row in table.to_pylist()
    ]
    similar = weights @ vectorizer.transform(targets).T
    return np.asarray(similar.toarray().max(axis=1), np.float32)


def _words(texts: list[str]) -> npt.NDArray[np.float32]:
    return np.array([len(text.split()) for text in texts], np.float32)


def _groups(texts: list[str]) -> npt.NDArray[np.int32]:
    _, groups = np.unique([" ".join(text.lower().split()) for text in texts], return_inverse=True)
    return groups.astype(np.int32)


def _standard(values: npt.NDArray[np.float64]) -> Numbers:
    return np.asarray((values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-9))


def _share(characters: str, text: str) -> float:
    return sum(text.count(character) for character in characters) / max(len(text), 1)


_STYLE: Mapping[str, Callable[[str], float]] = {
    "punctuation": lambda text: _share(".,;:!?", text),
    "brackets": lambda text: _share("(){}[]<>=_", text),
    "digits": lambda text: _share("0123456789", text),
    "word_length": lambda text: len(text) / (text.count(" ") + 1),
    "lines": lambda text: float(np.log1p(text.count("\n"))),
}


def to_ranks(values: npt.NDArray[np.float32]) -> Numbers:
    """Ranks as numbers of mean 0 and deviation 1, evenly spread; unknown values rank lowest."""
    order = np.argsort(np.argsort(np.nan_to_num(values, nan=-np.inf), kind="stable"), kind="stable")
    return np.asarray((order / (len(values) - 1) - 0.5) * 12**0.5)


def data_exists(path: Path = REAL_DATA) -> bool:
    """Whether the real pool is there."""
    return (path / "pool_90k.parquet").exists()
