"""Contamination: shares of benchmark questions that are found in samples, and how exactly they match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Mask, Rows, Values
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.identity import fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, Signal
from autoselection_core.signals.contamination.ngrams import (
    RUN_UNITS,
    Occurrences,
    Runs,
    occurrences,
    runs_of,
)
from autoselection_core.signals.contamination.phrases import (
    ItemPhrases,
    bare_questions,
    readings_of,
    units_of,
)
from autoselection_core.signals.table import CONTAMINATION


class Match(StrEnum):
    """Exactness of a match."""

    EXACT = "exact"
    """Character for character; only white space may differ."""
    NORMALISED = "normalised"
    """Word for word; case, punctuation and other symbols may differ."""
    RUNS = "runs"
    """Runs of 13 units of it, all or some."""


MATCHES = tuple(Match)
"""The number of a match is its place here plus one; 0 means none. More exact matches come first."""

Codes = npt.NDArray[np.int8]
"""Numbers of matches."""


def match(question: str, text: str) -> Match | None:
    """Match of a whole question with a text; None where it is not there in one piece.

    Example:
        >>> match("Close: ( <", "close: [ {, please")
        <Match.NORMALISED: 'normalised'>
    """
    if (said := _squeeze(question)) and said in _squeeze(text):
        return Match.EXACT
    words = units_of(question)
    return Match.NORMALISED if words and f" {words} " in f" {readings_of(text)} " else None


def codes_of(questions: Sequence[str], texts: Sequence[str]) -> Codes:
    """Codes of the matches of questions with the texts beside them. Shape (questions,)."""
    found = (match(question, text) or Match.RUNS for question, text in zip(questions, texts, strict=True))
    return np.array([MATCHES.index(each) + 1 for each in found], np.int8)


def _squeeze(text: str) -> str:
    return " ".join(text.split())


DEFAULT_LIMIT = 0.8
"""Share from which on, itself included, a sample holds a question.

Below are questions that follow one template with other numbers, at it and above copies.
"""

MATCH = "match/"
"""Prefix of the codes of a question's match: `match/gsm8k`, numbers of `MATCHES`. Internal."""


@dataclass(frozen=True)
class Contamination(Signal):
    """Largest share of a benchmark question that is found in a sample, in [0, 1].

    Units are words, and characters in scripts without spaces; case, encoding (NFKC), look-alike letters
    (see `search_units`), punctuation, white space and the markers before options do not count, nor do the
    words of the prompt around the question (see `bare_questions`), nor what a copy went through on its way:
    hyphens at line ends, percent-encoding, hidden characters for spaces (see `all_search_units`). A
    question of at least 13 units: the share of its runs of 13 units that are in the sample. A shorter one
    may be a stock phrase ("which of the following statements is false"): it counts, as 1, when it is there
    as a whole together with the right answer or with all of the options, see `ItemPhrases.is_proven_in`.
    Questions that differ in symbols only (bracket puzzles) count as one: a gate errs on that side, and
    `Match` tells them apart.

    Target samples are not looked for: they are there to be trained on.

    Attributes:
        benchmark: Benchmark whose items, of both sides of the split, are looked for.
    """

    benchmark: Benchmark = field(compare=False)

    version = 10

    @property
    @override
    def name(self) -> str:
        return f"{CONTAMINATION}{self.benchmark.name}"

    @override
    def reads(self) -> Mapping[str, str]:
        # The values carry the benchmark's name, so two benchmarks of the same items are two signals.
        items = fingerprint(tuple(sorted(item.id for item in self.benchmark.items)))
        return {"benchmark": self.benchmark.name, "items": items}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        shares, matches = contamination(pool, self.benchmark.items)
        return {self.name: shares, f"{MATCH}{self.benchmark.name}": matches}


def contamination(pool: Pool, items: tuple[Item, ...]) -> tuple[Values, Codes]:
    """Largest share of any item in each sample, and the code of its match. Shapes (n,)."""
    found = items_found(pool, items)
    shares, matches = np.zeros(len(pool), np.float32), np.zeros(len(pool), np.int8)
    codes = match_codes(pool, items, found)
    last = np.lexsort((-codes, found.share, found.text))  # of a text the largest share, then the most exact
    shares[found.text[last]] = found.share[last]
    matches[found.text[last]] = np.where(found.share[last] > 0, codes[last], 0)
    return shares, matches


def match_codes(pool: Pool, items: tuple[Item, ...], found: Occurrences) -> Codes:
    """Codes of the matches of the items that were found. Shape (found,)."""
    wanted, place = np.unique(found.text, return_inverse=True)
    texts = pool.texts(Scope.ALL, wanted)
    asked = bare_questions(items)
    return codes_of([asked[phrase] for phrase in found.phrase], [texts[at] for at in place])


def items_found(pool: Pool, items: tuple[Item, ...]) -> Occurrences:
    """Shares of items found in samples; the phrases are the items, the texts the rows."""
    phrases, runs = _phrases_of(items)
    found = occurrences(pool.iter_texts(Scope.ALL), runs)
    short = runs.length_of[found.phrase] < RUN_UNITS
    share = found.share.copy()
    share[short] = _proven(pool, found.text[short], [phrases[phrase] for phrase in found.phrase[short]])
    return Occurrences(found.text, found.phrase, share)


@lru_cache(maxsize=8)
def _phrases_of(items: tuple[Item, ...]) -> tuple[list[ItemPhrases], Runs]:
    phrases = [
        ItemPhrases.of(item, question) for item, question in zip(items, bare_questions(items), strict=True)
    ]
    return phrases, runs_of([phrase.question for phrase in phrases])


def _proven(pool: Pool, rows: Rows, phrases: Sequence[ItemPhrases]) -> Mask:
    """Mask of the pairs whose short question is in the sample with an answer or with all options."""
    wanted, place = np.unique(rows, return_inverse=True)
    instructions, wholes = (
        [readings_of(text) for text in pool.texts(scope, wanted)] for scope in (Scope.INSTRUCTION, Scope.ALL)
    )
    return np.array(
        [each.is_proven_in(instructions[at], wholes[at]) for at, each in zip(place, phrases, strict=True)],
        np.bool_,
    )
