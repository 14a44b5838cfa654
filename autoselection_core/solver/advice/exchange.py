"""Question to a language model and its reply, recorded with the choice that they belong to."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Protocol, Self

from autoselection_core.history.values import CheapTrial, FailedTrial, History, Observation, Pending
from autoselection_core.identity import Json, fingerprint
from autoselection_core.solver.advice.settings import FIRST_ADVISER_SETTINGS


@dataclass(frozen=True)
class AdviserQuestion:
    """Question to a language model.

    Attributes:
        role: As in `Role`.
        version: Version of the role's prompt file.
        model: Name of the model.
        system: Description of the role.
        user: The facts, as JSON.
        temperature: Of the answer.
        max_tokens: Maximum length of the answer.
    """

    role: str
    version: str
    model: str
    system: str
    user: str
    temperature: float
    max_tokens: int

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the question, by first names of its fields: equal questions have one recorded answer."""
        return fingerprint(
            {FIRST_ADVISER_SETTINGS.get(name, name): value for name, value in asdict(self).items()}
        )


@dataclass(frozen=True)
class Reply:
    """Reply of a language model.

    Attributes:
        text: The model's text; None where there is none.
        problem: Reason why there is none.
        seconds: Duration.
        tokens_read: Length of the question as the endpoint counts it; None where it does not say.
        tokens_written: Length of the answer, likewise.
    """

    text: str | None
    problem: str = ""
    seconds: float = 0.0
    tokens_read: int | None = None
    tokens_written: int | None = None


class Answers(Protocol):
    """Source of replies: an endpoint, or the record of an earlier run."""

    def reply(self, question: AdviserQuestion) -> Reply:
        """The answer, or the reason why there is none; never raises for what the other side does."""
        ...


@dataclass(frozen=True)
class Exchange:
    """Question, its answer, and the reason where the answer was not used.

    Attributes:
        role: As in `Role`.
        version: Version of the role's prompt file.
        model: Name of the model.
        question: Fingerprint of the question.
        system: First part of the prompt.
        user: Second part of the prompt.
        answer: The model's text, unchanged; None where there is none.
        problem: Why the answer, or a part of it, was not used and the numbers decided; empty if all was.
        seconds: Duration of the answer.
        tokens_read: Length of the prompt.
        tokens_written: Length of the answer.
    """

    role: str
    version: str
    model: str
    question: str
    system: str
    user: str
    answer: str | None
    problem: str = ""
    seconds: float = 0.0
    tokens_read: int | None = None
    tokens_written: int | None = None

    @classmethod
    def of(cls, question: AdviserQuestion, reply: Reply) -> Self:
        """The exchange before the answer was read."""
        return cls(
            question.role,
            question.version,
            question.model,
            question.fingerprint,
            question.system,
            question.user,
            reply.text,
            reply.problem,
            reply.seconds,
            reply.tokens_read,
            reply.tokens_written,
        )

    @property
    def reply(self) -> Reply:
        """Reply as it was recorded."""
        problem = self.problem if self.answer is None else ""
        return Reply(self.answer, problem, self.seconds, self.tokens_read, self.tokens_written)

    def to_json(self) -> dict[str, Json]:
        """The exchange as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Silent:
    """Source without replies.

    Attributes:
        problem: Reason in every reply.
    """

    problem: str

    def reply(self, _question: AdviserQuestion) -> Reply:
        """See `Answers.reply`."""
        return Reply(None, self.problem)


@dataclass(frozen=True, eq=False)
class Recorded:
    """Source of recorded replies, with which a search is asked again without its model.

    Attributes:
        exchanges: By the fingerprint of the question.
    """

    exchanges: Mapping[str, Exchange]

    def reply(self, question: AdviserQuestion) -> Reply:
        """See `Answers.reply`."""
        found = self.exchanges.get(question.fingerprint)
        return Reply(None, "no answer to this question was recorded") if found is None else found.reply


def exchanges_in(proposals: Iterable[Mapping[str, Any]]) -> dict[str, Exchange]:
    """The exchanges that proposals recorded, by question; the first of equal questions."""
    found: dict[str, Exchange] = {}
    for proposal in proposals:
        for entry in proposal.get("advice") or ():
            found.setdefault(entry["question"], Exchange(**entry))
    return found


def exchanges_of(history: History) -> dict[str, Exchange]:
    """The exchanges of all trials in a history, by question."""
    entries: list[Observation | Pending | FailedTrial | CheapTrial] = [
        *history.observations,
        *history.cheap,
        *history.pending,
        *history.failures,
    ]
    return exchanges_in(entry.proposal for entry in sorted(entries, key=lambda entry: entry.trial))
