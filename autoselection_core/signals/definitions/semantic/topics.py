"""Topics: a few clusters of sentence embeddings, named by words that describe them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Labels, Vectors
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal
from autoselection_core.signals.definitions.semantic.clusters import assign, fit_centres
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Embeddings
from autoselection_core.signals.table import GROUP_NAMES, TOPIC
from autoselection_core.words import words

AUTO = "auto"
"""Size that is found from the data."""

_SIZES = (2, 3, 4, 6, 8, 10, 12, 16, 20, 28, 40)
_COMPARED = 2_000
_NAMED_BY = 3
_MIN_LETTERS = 3
_MIN_ROWS = 20
"""Rows that a topic has on average, at least."""


@dataclass(frozen=True)
class Topics(PoolSignal):
    """Label `topic`: the nearest of a few centres in the space of sentence embeddings, with describing words.

    Centres are fitted on the pool (mini-batch k-means on vectors of length 1). A topic is named by the words
    with the highest class-based TF-IDF, tf * log(1 + A / f): tf is how often a word occurs in the topic, f in
    the pool, and A the mean number of words of a topic (Grootendorst 2022, "BERTopic", equation 1). A row
    without embedding has no topic (-1).

    Attributes:
        size: Number of topics; at most one for each 20 rows. `auto` finds it from the data, by the highest
            mean silhouette (`size_of_data`).
        seed: Seed of the fit.
        embeddings: Embeddings that are grouped.

    Raises:
        SettingError: The size is neither `auto` nor a number from 1.
    """

    size: int | str = 10
    seed: int = 0
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    def __post_init__(self) -> None:
        if self.size != AUTO and (not isinstance(self.size, int) or self.size < 1):
            raise SettingError("size", self.size, f"a number from 1, or {AUTO}")

    @property
    @override
    def name(self) -> str:
        return "topics"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (replace(self.embeddings, scope=Scope.ALL),)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        vectors, limit = given[VECTORS], max(1, len(pool) // _MIN_ROWS)
        size = self.size if isinstance(self.size, int) else size_of_data(vectors, limit, self.seed)
        labels = assign(vectors, fit_centres(vectors, min(size, limit), self.seed))
        return {TOPIC: labels, f"{TOPIC}{GROUP_NAMES}": np.array(topic_names(pool.texts(), labels), np.str_)}


def size_of_data(vectors: Vectors, limit: int, seed: int) -> int:
    """Number of clusters with the highest mean silhouette (Rousseeuw 1987), at most `limit`.

    Compared are 2 to 40 centres, by cosine distances among at most 2,000 of the rows; of equals the lowest
    number. One where no two clusters can be told apart.
    """
    from sklearn.metrics import silhouette_score

    known = vectors[~np.isnan(vectors).any(axis=1)]
    sample = known[np.random.default_rng(seed).permutation(len(known))[:_COMPARED]]
    best, highest = 1, -1.0
    for size in (size for size in _SIZES if size <= min(limit, len(sample) - 1)):
        labels = assign(sample, fit_centres(vectors, size, seed))
        if len(np.unique(labels)) == 1:
            continue
        score = float(silhouette_score(sample, labels, metric="cosine"))
        best, highest = (size, score) if score > highest else (best, highest)
    return best


def topic_names(texts: list[str], labels: Labels) -> list[str]:
    """The words that describe each group of texts; a number is added where two groups have the same ones."""
    counts = [Counter[str]() for _ in range(int(labels.max(initial=-1)) + 1)]
    for text, label in zip(texts, labels.tolist(), strict=True):
        if label >= 0:
            counts[label].update(filter(_is_telling, words(text)))
    total = sum(counts, Counter[str]())
    mean = total.total() / max(1, len(counts))
    names: list[str] = []
    for count in counts:
        rated = ((-tf * float(np.log1p(mean / total[word])), word) for word, tf in count.items())
        name = " ".join(word for _, word in sorted(rated)[:_NAMED_BY]) or "topic"
        names.append(name if name not in names else f"{name} {len(names)}")
    return names


def _is_telling(word: str) -> bool:
    """Whether a word is long enough to describe something; those of other scripts are shorter."""
    return not word.isdigit() and (len(word) >= _MIN_LETTERS or not word.isascii())
