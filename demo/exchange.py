"""The value that the demo's generators hand around: one question and its answer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One question with one answer.

    Attributes:
        prompt: What the user writes.
        answer: What the assistant replies.
        kind: Ground truth for tests and documents ("clean", "wrong", "off_topic", ...). Never written into a
            pool file, so no signal can read it.
        topic: Name of the task or of the off-topic theme.
    """

    prompt: str
    answer: str
    kind: str
    topic: str
