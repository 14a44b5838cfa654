"""Small pools from plain text."""

from collections.abc import Iterable

from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample


def question_and_answer(question: str, answer: str) -> Sample:
    """A sample of one turn each."""
    return Sample((Message(Role.USER, question), Message(Role.ASSISTANT, answer)))


def pool_of(samples: Iterable[Sample], *, source: str = "made-up") -> Pool:
    """A pool of some samples, all of one source; equal samples become one."""
    return Pool.from_samples(
        (sample, [Origin(source, f"made-up#{line}")]) for line, sample in enumerate(samples, start=1)
    )


def pool_of_answers(answers: Iterable[str], *, question: str = "Say it.") -> Pool:
    """A pool whose samples answer one question."""
    return pool_of(question_and_answer(question, answer) for answer in answers)
