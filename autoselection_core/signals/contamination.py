"""Benchmark questions that stand in the pool."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask, Values
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.identity import fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.base import Computed, Given, Progress, Signal
from autoselection_core.signals.table import SignalTable
from autoselection_core.signals.word_runs import LONGEST_RUN, Runs, occurrences, runs_of

CONTAMINATION = "contamination/"
"""Columns that say how much of a benchmark item stands in a sample: `contamination/gsm8k`."""

DEFAULT_LIMIT = 0.5


@dataclass(frozen=True)
class Contamination(Signal):
    """How much of one question of a benchmark stands in a sample, at most; a share in [0, 1].

    Case, punctuation, white space and line breaks do not count, and neither do the markers before options,
    since question and options are looked for one by one. A question of at least 13 words: the share of its
    runs of 13 words that stand in the sample. A shorter one, which may be a stock phrase ("which of the
    following statements is false"), has to stand there as a whole, together with the right answer or with
    all of the options: the share of their runs.

    Target samples are not looked for: they are there to be trained on.

    Attributes:
        benchmark: Whose items, of both sides of the split, are looked for.
    """

    benchmark: Benchmark = field(compare=False)

    @property
    @override
    def name(self) -> str:
        return f"{CONTAMINATION}{self.benchmark.name}"

    @override
    def reads(self) -> Mapping[str, str]:
        return {"items": fingerprint(tuple(sorted(item.id for item in self.benchmark.items)))}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        return {self.name: contaminated_shares(pool.texts(Scope.ALL), self.benchmark.items)}


def contaminated_shares(texts: list[str], items: tuple[Item, ...]) -> Values:
    """The largest share of any item that stands in each text. Shape (texts,)."""
    phrases = _phrases(items)
    owners = _owners(phrases.runs)
    hits: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for text, length, run in occurrences(texts, phrases.runs.hashes):
        for phrase in owners[length, int(run)]:
            hits[text][phrase] += 1
    shares = np.zeros(len(texts), np.float32)
    for text, found in hits.items():
        shares[text] = phrases.worst(found)
    return shares


def clean_rows(signals: SignalTable, benchmarks: Iterable[str], limit: float = DEFAULT_LIMIT) -> Mask:
    """The gate: rows that hold less than a share of any item of the benchmarks. Shape (n,).

    It cuts the pool once, before every arm of a search, baselines included.

    Raises:
        MissingSignalError: The contamination by a benchmark was not computed for this pool.
    """
    clean = np.ones(len(signals), np.bool_)
    for benchmark in benchmarks:
        clean &= signals[f"{CONTAMINATION}{benchmark}"] < limit
    return clean


@dataclass(frozen=True, eq=False)
class _Phrases:
    """The phrases of all items: question, right answer, options.

    Attributes:
        runs: The runs of all phrases.
        items: For each item the numbers of its phrases.
        item_of: The item whose question a phrase is.
    """

    runs: Runs
    items: tuple[tuple[int, int, tuple[int, ...]], ...]
    item_of: Mapping[int, int]

    def worst(self, found: Mapping[int, int]) -> float:
        """The largest share of an item, from the number of runs found of each phrase."""
        return max(
            (self._share(item, found) for p in found if (item := self.item_of.get(p)) is not None),
            default=0.0,
        )

    def _share(self, item: int, found: Mapping[int, int]) -> float:
        question, answer, options = self.items[item]
        share = self._found(question, found)
        if self.runs.phrase_runs[question][0] >= LONGEST_RUN:
            return share
        offered = min((self._found(option, found) for option in options), default=0.0)
        return share * max(self._found(answer, found), offered)

    def _found(self, phrase: int, found: Mapping[int, int]) -> float:
        size = len(self.runs.phrase_runs[phrase][1])
        return found.get(phrase, 0) / size if size else 0.0


@lru_cache(maxsize=8)
def _phrases(items: tuple[Item, ...]) -> _Phrases:
    texts: list[str] = []
    numbered = []
    for item in items:
        first = len(texts)
        texts += [item.question, item.reference, *(item.choices or ())]
        numbered.append((first, first + 1, tuple(range(first + 2, len(texts)))))
    return _Phrases(
        runs_of(texts), tuple(numbered), {question: n for n, (question, _, _) in enumerate(numbered)}
    )


def _owners(runs: Runs) -> Mapping[tuple[int, int], list[int]]:
    """The phrases that each run, by length and hash, is part of."""
    owners: dict[tuple[int, int], list[int]] = defaultdict(list)
    for phrase, (length, hashes) in enumerate(runs.phrase_runs):
        for run in hashes.tolist():
            owners[length, run].append(phrase)
    return owners
