"""Questions of one choice to its adviser, with their record."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import TypeVar

from autoselection_core.errors.search import UnusableAnswerError
from autoselection_core.history.values import History
from autoselection_core.identity import Json
from autoselection_core.solver.advice.exchange import AdviserQuestion, Answers, Exchange, Reply, exchanges_of
from autoselection_core.solver.advice.reading import json_in
from autoselection_core.solver.advice.settings import AdviserRole, AdviserSettings

_DIGITS = 4


def question_of(settings: AdviserSettings, role: AdviserRole, facts: Json) -> AdviserQuestion:
    """The question of a role about some facts; the same facts are the same question, letter by letter."""
    version, system = prompt_of(role)
    user = json.dumps(_round(facts), ensure_ascii=False, sort_keys=True)
    return AdviserQuestion(
        role.value, version, settings.model, system, user, settings.temperature, settings.max_tokens
    )


@cache
def prompt_of(role: AdviserRole) -> tuple[str, str]:
    """Version and text of a role's prompt file."""
    file = files("autoselection_core.solver.advice") / "prompts" / f"{role.value}.md"
    first, _, rest = file.read_text(encoding="utf-8").partition("\n")
    return first.removeprefix("version:").strip(), rest.strip()


def _round(value: Json) -> Json:
    """Numbers with few digits: a model reads no more, and a last bit changes no question."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {name: _round(each) for name, each in value.items()}
    return [_round(each) for each in value] if isinstance(value, list) else value


T = TypeVar("T")

_SILENT = "not asked: the endpoint gave no answer to the question before"


@dataclass(frozen=True)
class Adviser:
    """A language model that a solver may ask.

    Attributes:
        settings: Model and roles.
        answers: Source of its answers.
        unit: Unit of the utilities, as prompts name it.
    """

    settings: AdviserSettings
    answers: Answers
    unit: str = ""


@dataclass(eq=False)
class Consultation:
    """The questions of one choice.

    What the history recorded is not asked again, so the answer that an anchor came from stays the answer.
    What is new is asked and kept in `exchanges`. After a question without any answer the rest of the choice
    goes on without the model: a silent endpoint costs one wait, not one a question.

    Attributes:
        adviser: The adviser; None where none is asked.
        history: History of the search.
        exchanges: New questions of this choice, with their answers.
    """

    adviser: Adviser | None
    history: History
    exchanges: list[Exchange] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known = {} if self.adviser is None else exchanges_of(self.history)
        self._is_silent = False

    def has(self, role: AdviserRole) -> bool:
        """True where an adviser is asked in a role."""
        return self.adviser is not None and role.value in self.adviser.settings.roles

    def consult(self, role: AdviserRole, facts: Json, read: Callable[[object], tuple[T, str]]) -> T | None:
        """Answer of a role, or None where the numbers decide.

        Args:
            role: Role that is asked.
            facts: Facts of the prompt.
            read: Parser of the answer's JSON: its value, and what of it is of no use; raises
                `UnusableAnswerError` where all of it is.
        """
        if self.adviser is None or role.value not in self.adviser.settings.roles:
            return None
        question = question_of(self.adviser.settings, role, facts)
        known = self._known.get(question.fingerprint)
        if known is not None:
            return _understood(known, read)[0]
        reply = Reply(None, _SILENT) if self._is_silent else self.adviser.answers.reply(question)
        self._is_silent = reply.text is None
        value, exchange = _understood(Exchange.of(question, reply), read)
        self._known[exchange.question] = exchange
        self.exchanges.append(exchange)
        return value


def _understood(exchange: Exchange, read: Callable[[object], tuple[T, str]]) -> tuple[T | None, Exchange]:
    """Parsed answer, and the exchange with what is wrong with it."""
    if exchange.answer is None:
        return None, exchange
    try:
        value, problem = read(json_in(exchange.answer))
    except UnusableAnswerError as error:
        return None, replace(exchange, problem=str(error))
    return value, replace(exchange, problem=problem)
