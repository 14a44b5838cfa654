"""Metrics of an item, with their units and the direction that is better."""

from enum import StrEnum


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
