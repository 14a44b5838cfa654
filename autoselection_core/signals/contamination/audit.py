"""Audit of a pool without a model: lengths, duplicates and benchmark items."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Labels
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.contamination.contamination import (
    DEFAULT_LIMIT,
    MATCHES,
    Match,
    items_found,
    match_codes,
)
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.words import count_words, is_latin, words_and_signs


@dataclass(frozen=True)
class Overlap:
    """Counts of questions that occur twice in a benchmark's own files.

    Operators and brackets count: `a < b` and `a > b` are two questions.

    Attributes:
        questions: Questions of the files.
        repeated: Questions that repeat an earlier one word for word, whatever the choices.
        among_targets: Questions that are a question of the targets, by the exactness of the match.
    """

    questions: int
    repeated: int
    among_targets: Mapping[Match, int]


def overlap(benchmark: Benchmark) -> Overlap:
    """Overlap of the questions of a benchmark with each other and with those of its targets, as wholes."""
    questions = [item.question for item in benchmark.items]
    exact = {" ".join(text.split()) for text in benchmark.target_question_texts}
    words = {_said(text) for text in benchmark.target_question_texts}
    found = Counter(
        Match.EXACT if " ".join(text.split()) in exact else Match.NORMALISED
        for text in questions
        if _said(text) in words
    )
    total = len(questions) + benchmark.left_out
    return Overlap(total, total - len(set(map(_said, questions))), dict(found))


def _said(question: str) -> str:
    return " ".join(words_and_signs(question))


QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
NEAR_DUPLICATE = 0.8
"""Jaccard similarity of word 5-grams from which on two samples are near duplicates."""


@dataclass(frozen=True)
class Contaminated:
    """Benchmark items that are found in a pool.

    Attributes:
        rows: Rows of the samples that hold an item.
        items: Ids of the items that were found.
        matches: Numbers of samples that hold an item, by the most exact match.
        overlap: Repeated questions of the benchmark itself.
    """

    rows: tuple[int, ...]
    items: tuple[str, ...]
    matches: Mapping[Match, int]
    overlap: Overlap


@dataclass(frozen=True)
class Audit:
    """Findings about a pool.

    Attributes:
        samples: Number of samples.
        sources: Number of samples of each source.
        instruction_words: Quantiles (`QUANTILES`) of the length of instructions in words, see `count_words`.
        response_words: Quantiles of the length of responses in words.
        exact_duplicates: Samples equal to an earlier one, case and white space aside.
        near_duplicates: Samples that are nearly equal to an earlier one.
        contamination: Benchmark items that were found, by benchmark.
        other_scripts: Samples most of whose letters are not Latin.
        answered_anew: Samples whose question is that of an earlier one, with another answer.
        unfilled: Rows whose question has what looks like an unfilled place of a template.
        unfilled_place: The first such place.
        spelled_ends: Rows whose question spells its line ends as a backslash and an n.
    """

    samples: int
    sources: Mapping[str, int]
    instruction_words: tuple[int, ...]
    response_words: tuple[int, ...]
    exact_duplicates: int
    near_duplicates: int
    contamination: Mapping[str, Contaminated]
    other_scripts: int
    answered_anew: int = 0
    unfilled: tuple[int, ...] = ()
    unfilled_place: str = ""
    spelled_ends: tuple[int, ...] = ()

    @property
    def has_findings(self) -> bool:
        """Whether duplicates or benchmark items were found."""
        held = any(each.rows for each in self.contamination.values())
        return held or self.exact_duplicates > 0 or self.near_duplicates > 0


def audit(pool: Pool, benchmarks: Sequence[Benchmark] = (), limit: float = DEFAULT_LIMIT) -> Audit:
    """Audit of a pool.

    Args:
        pool: At least one sample.
        benchmarks: Benchmarks whose items are looked for.
        limit: Share of an item from which on, itself included, a sample holds it.
    """
    groups = np.asarray(ExactGroups().compute(pool, {})["exact"])
    pairs = JaccardPairs(min_similarity=NEAR_DUPLICATE).compute(pool, {})["near_duplicates"]
    assert isinstance(pairs, PairList), "pairs are pairs"
    places: dict[int, str] = {}
    spelled: list[int] = []
    for row, text in enumerate(pool.iter_texts(Scope.INSTRUCTION)):
        if place := unfilled_place(text):
            places[row] = place
        if spells_line_ends(text):
            spelled.append(row)
    counts = np.bincount(pool.source_codes, minlength=len(pool.source_names))
    return Audit(
        samples=len(pool),
        sources=dict(zip(pool.source_names, counts.tolist(), strict=True)),
        instruction_words=_word_quantiles(pool, Scope.INSTRUCTION),
        response_words=_word_quantiles(pool, Scope.RESPONSE),
        exact_duplicates=len(pool) - len(np.unique(groups)),
        near_duplicates=len(np.unique(pairs.high)),
        contamination={benchmark.name: _contaminated(pool, benchmark, limit) for benchmark in benchmarks},
        other_scripts=in_other_scripts(pool),
        answered_anew=_answered_anew(pool, np.asarray(groups)),
        unfilled=tuple(places),
        unfilled_place=next(iter(places.values()), ""),
        spelled_ends=tuple(spelled),
    )


_UNFILLED = re.compile(
    r"""(?:\A|(?<=[\s("'“«:,])(?<!f["']))"""
    r"(?:\{\{ ?[A-Za-z_][\w .]{0,40}\}\}|\{[A-Za-z_]{2,40}\}|<<[A-Za-z_]{2,40}>>)"
    r"""(?=[\s.,;:!?)"'”»]|\Z)"""
)


def unfilled_place(text: str) -> str:
    """The first place of a template that nothing was put into, as far as one can tell; empty for none.

    Braces within code and formulas are passed over where they follow another sign.

    Example:
        >>> unfilled_place("Translate {text} into French."), unfilled_place("Name {{ topic }}!")
        ('{text}', '{{ topic }}')
        >>> unfilled_place("Solve x^{max} and print(f'{name}')"), unfilled_place("Find {x}.")
        ('', '')
    """
    found = _UNFILLED.search(text) if "{" in text or "<<" in text else None
    return found.group() if found else ""


_SPELLED_END = re.compile(r"""[\w.?!:;)\]"']\\n(?:\\n|[A-Z(\[*\d-])""")


def spells_line_ends(text: str) -> bool:
    r"""Whether a text of one line has line ends that were escaped once too often.

    Code spells them, too, but has lines of its own.

    Example:
        >>> spells_line_ends(r"Which?\nOptions:\n- (A) DNA"), spells_line_ends(r"the gradient \nabla f")
        (True, False)
    """
    return "\\n" in text and "\n" not in text and _SPELLED_END.search(text) is not None


def _answered_anew(pool: Pool, groups: Labels) -> int:
    """Number of samples with an earlier one's question, case and white space aside, and another answer."""
    asked: dict[bytes, set[int]] = {}
    for text, group in zip(pool.iter_texts(Scope.INSTRUCTION), groups.tolist(), strict=True):
        name = hashlib.sha256(" ".join(text.casefold().split()).encode()).digest()
        asked.setdefault(name, set()).add(group)
    return sum(len(each) - 1 for each in asked.values())


def in_other_scripts(pool: Pool) -> int:
    """Number of samples most of whose letters are not Latin."""
    return sum(not is_latin(text) for text in pool.texts())


def _word_quantiles(pool: Pool, scope: Scope) -> tuple[int, ...]:
    words = [count_words(text) for text in pool.texts(scope)]
    return tuple(int(value) for value in np.quantile(words, QUANTILES, method="nearest"))


def _contaminated(pool: Pool, benchmark: Benchmark, limit: float) -> Contaminated:
    found = items_found(pool, benchmark.items)
    held = found.share >= limit
    items = sorted({benchmark.items[number].id for number in found.phrase[held]})
    codes = match_codes(pool, benchmark.items, found)[held]
    rows, place = np.unique(found.text[held], return_inverse=True)
    best = np.full(len(rows), len(MATCHES), np.int8)
    np.minimum.at(best, place, codes)
    counts = {each: int((best == number).sum()) for number, each in enumerate(MATCHES, start=1)}
    return Contaminated(tuple(rows.tolist()), tuple(items), counts, overlap(benchmark))
