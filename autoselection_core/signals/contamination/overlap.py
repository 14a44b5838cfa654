"""Overlap within a benchmark: questions among its targets, and repeated questions."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.signals.contamination.matches import Match
from autoselection_core.words import words_and_signs


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
