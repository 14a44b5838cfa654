"""Entropies of the words of a sample."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Values
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, Signal
from autoselection_core.words import words


@dataclass(frozen=True)
class WordEntropy(Signal):
    """Shannon entropy of a sample's words, or of its runs of words, in bits.

    H = sum p log2(1/p) over the distinct lower-cased words of one sample, segmented by script (see `words`).
    Repetitive text scores low: a sample that says one word over and over scores 0. A sample without words
    scores NaN.

    Attributes:
        scope: Messages that are read, joined by newlines.
        words: Length of the runs that are counted: 1 for words (the published "n-gram" score), 2 for
            pairs of neighbours. A sample shorter than one run scores NaN.
    """

    scope: Scope = Scope.ALL
    words: int = 1

    version = 2
    undefined = "no words"

    @property
    @override
    def name(self) -> str:
        return "word_entropy" if self.words == 1 else f"ngram_entropy/{self.words}"

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        counts = [_run_counts(text, self.words) for text in pool.texts(self.scope)]
        return {self.name: _entropies_bits(counts)}


def _run_counts(text: str, length: int) -> list[int]:
    """Counts of the distinct runs of words of a text."""
    found = words(text)
    runs = found if length == 1 else zip(*(found[start:] for start in range(length)), strict=False)
    return list(Counter(runs).values())


def _entropies_bits(counts: Sequence[list[int]]) -> Values:
    """H = log2(n) - (1/n) sum c log2 c of each list of counts c with sum n. Shape (rows,)."""
    sizes = np.array([len(each) for each in counts], np.int64)
    flat = np.fromiter((count for each in counts for count in each), np.float64, int(sizes.sum()))
    owner = np.repeat(np.arange(len(counts)), sizes)
    total = np.bincount(owner, flat, len(counts))
    weighted = np.bincount(owner, flat * np.log2(flat), len(counts))
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.log2(total) - weighted / total
    return np.where(total > 0, np.maximum(entropy, 0.0), np.nan).astype(np.float32)
