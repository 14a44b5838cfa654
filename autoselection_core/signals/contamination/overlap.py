"""What stands twice in a benchmark: questions among its targets, and questions that are repeated."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.signals.contamination.matches import Match
from autoselection_core.signals.contamination.phrases import words_of


@dataclass(frozen=True)
class Overlap:
    """Questions of a benchmark that stand twice in its own files.

    Attributes:
        questions: Questions of the files.
        repeated: Those that repeat an earlier one word for word, whatever the choices.
        among_targets: Questions that are a question of the targets, by how they match.
    """

    questions: int
    repeated: int
    among_targets: Mapping[Match, int]


def overlap(benchmark: Benchmark) -> Overlap:
    """Compare the questions of a benchmark with each other and with those of its targets, as wholes."""
    questions = [item.question for item in benchmark.items]
    exact = {" ".join(text.split()) for text in benchmark.target_question_texts}
    words = {words_of(text) for text in benchmark.target_question_texts}
    found = Counter(
        Match.EXACT if " ".join(text.split()) in exact else Match.NORMALISED
        for text in questions
        if words_of(text) in words
    )
    total = len(questions) + benchmark.left_out
    return Overlap(total, total - len(set(map(words_of, questions))), dict(found))
