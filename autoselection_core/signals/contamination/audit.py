"""Audit of a pool without a model: lengths, duplicates and benchmark items."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

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
    """

    samples: int
    sources: Mapping[str, int]
    instruction_words: tuple[int, ...]
    response_words: tuple[int, ...]
    exact_duplicates: int
    near_duplicates: int
    contamination: Mapping[str, Contaminated]
    other_scripts: int

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
    )


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
