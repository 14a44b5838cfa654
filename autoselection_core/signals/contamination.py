"""Benchmark questions that stand in the pool."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows, Values
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.identity import fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.base import Computed, Given, Progress, Signal
from autoselection_core.signals.needles import Needle, words_of
from autoselection_core.signals.table import CONTAMINATION, SignalTable
from autoselection_core.signals.word_runs import LONGEST_RUN, Occurrences, Runs, occurrences, runs_of

DEFAULT_LIMIT = 0.8
"""Below it are questions that follow one template with other numbers; at it and above, copies."""


@dataclass(frozen=True)
class Contamination(Signal):
    """How much of one question of a benchmark stands in a sample, at most; a share in [0, 1].

    Case, punctuation, white space, line breaks and the markers before options do not count. A question of at
    least 13 words: the share of its runs of 13 words that stand in the sample. A shorter one may be a stock
    phrase ("which of the following statements is false"): it counts, as 1, when it stands there as a whole
    together with the right answer or with all of the options, see `Needle.stands_in`. Questions that differ
    in symbols only (bracket puzzles) count as one: a gate errs on that side.

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
        return {self.name: contaminated_shares(pool, self.benchmark.items)}


def contaminated_shares(pool: Pool, items: tuple[Item, ...]) -> Values:
    """The largest share of any item that stands in each sample. Shape (n,)."""
    found = items_found(pool, items)
    worst = np.zeros(len(pool), np.float32)
    np.maximum.at(worst, found.text, found.share.astype(np.float32))
    return worst


def items_found(pool: Pool, items: tuple[Item, ...]) -> Occurrences:
    """How much of which item stands in which sample; the phrases are the items, the texts the rows."""
    needles, runs = _needles(items)
    found = occurrences(pool.texts(Scope.ALL), runs)
    short = runs.length_of[found.phrase] < LONGEST_RUN
    share = found.share.copy()
    share[short] = _proven(pool, found.text[short], [needles[phrase] for phrase in found.phrase[short]])
    return Occurrences(found.text, found.phrase, share)


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


@lru_cache(maxsize=8)
def _needles(items: tuple[Item, ...]) -> tuple[list[Needle], Runs]:
    needles = [Needle.of(item) for item in items]
    return needles, runs_of([needle.question for needle in needles])


def _proven(pool: Pool, rows: Rows, needles: Sequence[Needle]) -> Mask:
    """Whether each short question stands in its sample with an answer or with all options."""
    wanted, place = np.unique(rows, return_inverse=True)
    instructions, wholes = (
        [words_of(text) for text in pool.texts(scope, wanted)] for scope in (Scope.INSTRUCTION, Scope.ALL)
    )
    return np.array(
        [needle.stands_in(instructions[at], wholes[at]) for at, needle in zip(place, needles, strict=True)],
        np.bool_,
    )
