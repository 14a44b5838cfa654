"""Metrics of an item, with their units and the direction that is better."""

from collections.abc import Sequence
from enum import StrEnum
from statistics import median


class Direction(StrEnum):
    """Direction in which a metric improves."""

    HIGHER = "higher"
    LOWER = "lower"


class Metric(StrEnum):
    """Metric that gives an item its value. A benchmark's score is the mean of its items' values.

    Attributes:
        LOG_LIKELIHOOD: Mean log-likelihood of the reference answer per token, in nats.
        BITS_PER_BYTE: Negative log-likelihood of the reference answer per UTF-8 byte, in bits.
        CHOICE_ACCURACY: 1 if the right choice has the highest log-likelihood, 0 otherwise; `acc` of the
            lm-evaluation-harness.
        CHOICE_ACCURACY_NORM: The same of the log-likelihood per character, so that a text is not chosen for
            being short; `acc_norm` of the harness. Letters, numbers of options and yes or no are compared as
            they are.
        ANSWER_ACCURACY: 1 if the answer read from the generated text is the right one, 0 otherwise.
        TASK_SCORE: Value that a task of the lm-evaluation-harness gives an item; more is better.
    """

    LOG_LIKELIHOOD = "log_likelihood"
    BITS_PER_BYTE = "bits_per_byte"
    CHOICE_ACCURACY = "choice_accuracy"
    CHOICE_ACCURACY_NORM = "choice_accuracy_norm"
    ANSWER_ACCURACY = "answer_accuracy"
    TASK_SCORE = "task_score"

    @property
    def unit(self) -> str:
        """The unit of a value and of its mean."""
        return _UNITS[self]

    @property
    def direction(self) -> Direction:
        """Direction that is better."""
        return Direction.LOWER if self is Metric.BITS_PER_BYTE else Direction.HIGHER

    @property
    def chooses(self) -> bool:
        """Whether the model chooses among texts by their likelihood."""
        return self in {Metric.CHOICE_ACCURACY, Metric.CHOICE_ACCURACY_NORM}

    @property
    def reads_answers(self) -> bool:
        """Whether a value is the likelihood of the right answer, and follows its form, too."""
        return self in {Metric.LOG_LIKELIHOOD, Metric.BITS_PER_BYTE}

    @property
    def sign(self) -> float:
        """1 where higher is better, -1 where lower is."""
        return 1.0 if self.direction is Direction.HIGHER else -1.0


_UNITS = {
    Metric.LOG_LIKELIHOOD: "nats/token",
    Metric.BITS_PER_BYTE: "bits/byte",
    Metric.CHOICE_ACCURACY: "share",
    Metric.CHOICE_ACCURACY_NORM: "share",
    Metric.ANSWER_ACCURACY: "share",
    Metric.TASK_SCORE: "task's own",
}


_UNLIKE = 5
"""Ratio of the lengths of answers from which on they are of different kinds."""


def median_length(texts: Sequence[str]) -> int:
    """Median number of characters of some texts without the space around them; 0 without texts."""
    return round(median(len(text.strip()) for text in texts)) if texts else 0


def form_warning(name: str, metric: Metric | None, own: int, samples: int, chosen: int | None = None) -> str:
    """Warning that answers of items and samples differ in length by a factor of five; empty where not.

    Args:
        name: Name of the benchmark.
        metric: Its metric; None where it is not known.
        own: Median length of its right answers in characters; 0 where it is not known.
        samples: That of the answers of the samples; 0 where it is not known.
        chosen: That of the answers of a recommended subset; None where there is none.

    Example:
        >>> form_warning("sums", Metric.LOG_LIKELIHOOD, 2, 200, 60)[:69]
        'sums: its answers have 2 characters, those of the samples 200 and tho'
        >>> form_warning("sums", Metric.ANSWER_ACCURACY, 2, 200)
        ''
    """
    if metric is None or not metric.reads_answers or not own or not samples:
        return ""
    if max(own, samples) < _UNLIKE * min(own, samples):
        return ""
    of_subset = "" if chosen is None else f" and those of the recommended subset {chosen:,}"
    return (
        f"{name}: its answers have {own:,} characters, those of the samples {samples:,}{of_subset} "
        "(medians). Their likelihood then follows the form of an answer more than what was learnt, so a "
        "better score may be one of form alone: give the questions choices and take `metric: "
        "choice_accuracy`, take `metric: answer_accuracy`, or write the items' answers as the samples do."
    )
