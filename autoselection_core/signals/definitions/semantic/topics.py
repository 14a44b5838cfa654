"""Topics: a few clusters of sentence embeddings, named by words that describe them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Labels
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal
from autoselection_core.signals.definitions.semantic.clusters import assign, fit_centres
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Embeddings
from autoselection_core.signals.table import GROUP_NAMES, TOPIC
from autoselection_core.words import words

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
        size: How many topics; at most one for each 20 rows.
        seed: Seed of the fit.
        embeddings: Embeddings that are grouped.
    """

    size: int = 10
    seed: int = 0
    embeddings: Embeddings = field(default=Embeddings(), compare=False)

    @property
    @override
    def name(self) -> str:
        return "topics"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (replace(self.embeddings, scope=Scope.ALL),)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        size = max(1, min(self.size, len(pool) // _MIN_ROWS))
        labels = assign(given[VECTORS], fit_centres(given[VECTORS], size, self.seed))
        return {TOPIC: labels, f"{TOPIC}{GROUP_NAMES}": np.array(topic_names(pool.texts(), labels), np.str_)}


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
