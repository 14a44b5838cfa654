"""Chat settings of a base model: what happens to system lines and reasoning, and which template is used.

They are kept in `tokenizer_config.json` of the model's folder: every loaded tokenizer has them, and a trained
model that is saved keeps them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from autoselection_core.pool.sample import Message, Role
from autoselection_core.space import Choice, check_settings

CHAT_SETTINGS = "autoselection"
"""Field of tokenizer_config.json that holds the settings."""

FOLDED = "its system line was folded into the user turn"
SYSTEM_DROPPED = "its system line was dropped"
REASONING_DROPPED = "its reasoning was dropped"
REASONING_CUT = "reasoning was left out by the template"
REASONING_READ = "reasoning was read and not taught: the template spells it in another way"
ANSWER_CUT = "an answer was cut at `max_tokens`, and its end is not taught"
"""Changes that are made to a sample before it is trained on; counted and shown."""

_OPEN, _CLOSE = "<think>", "</think>"


class SystemLines(StrEnum):
    """Treatment of system lines."""

    REFUSE = "refuse"
    FOLD = "fold"
    DROP = "drop"


class Reasoning(StrEnum):
    """Treatment of an answer's reasoning."""

    KEEP = "keep"
    REFUSE = "refuse"
    DROP = "drop"


@dataclass(frozen=True)
class ChatSettings:
    """Treatment of conversations before they meet the chat template.

    Attributes:
        system: `refuse` leaves system lines to the template, and a sample whose system line it refuses or
            leaves out is not trained on; `fold` writes them above the next user turn; `drop` leaves them out.
        reasoning: `keep` leaves reasoning to the template, which may write the last turn's only; `refuse`
            does not train on samples whose reasoning it leaves out; `drop` removes reasoning everywhere.
        chat_template: A file with a Jinja template, `chatml`, or empty for the model's own.

    Raises:
        SettingError: A value is none of these.
    """

    system: Annotated[str, Choice(tuple(each.value for each in SystemLines))] = SystemLines.REFUSE.value
    reasoning: Annotated[str, Choice(tuple(each.value for each in Reasoning))] = Reasoning.KEEP.value
    chat_template: str = ""

    def __post_init__(self) -> None:
        """Refuse unknown values."""
        check_settings(self)

    @property
    def is_default(self) -> bool:
        """Whether nothing is changed."""
        return self == ChatSettings()

    @classmethod
    def of_tokenizer(cls, tokenizer: Any) -> "ChatSettings":  # noqa: ANN401 transformers has no types
        """The settings that a tokenizer was saved with."""
        return cls(**tokenizer.init_kwargs.get(CHAT_SETTINGS, {}))

    def apply(self, messages: Sequence[Message]) -> tuple[tuple[Message, ...], tuple[str, ...]]:
        """Messages as the template gets them, and the changes that were made to them."""
        changed, changes = tuple(messages), []
        if self.system != SystemLines.REFUSE and any(each.role is Role.SYSTEM for each in changed):
            folds = self.system == SystemLines.FOLD
            changed = tuple(_fold(changed) if folds else _without_system(changed))
            changes.append(FOLDED if folds else SYSTEM_DROPPED)
        if self.reasoning == Reasoning.DROP and any(map(has_reasoning, changed)):
            changed = tuple(map(without_reasoning, changed))
            changes.append(REASONING_DROPPED)
        return changed, tuple(changes)


def has_reasoning(message: Message) -> bool:
    """Whether an answer has reasoning, in a field of its own or as a `<think>` block of its text."""
    return message.role is Role.ASSISTANT and (bool(message.reasoning) or _CLOSE in message.content)


def reasoning_of(message: Message) -> str:
    """The reasoning of an answer, without the marks around it; the first of them may be missing."""
    before = message.content.rpartition(_CLOSE)[0]
    return message.reasoning or (before.partition(_OPEN)[2] if _OPEN in before else before)


def without_reasoning(message: Message) -> Message:
    """An answer without its reasoning."""
    if not has_reasoning(message):
        return message
    return replace(message, reasoning=None, content=answer_behind_reasoning(message.content))


def answer_behind_reasoning(text: str) -> str:
    """The text behind a `<think>` block; the whole text where it has none.

    Example:
        >>> answer_behind_reasoning("<think>2 and 2</think>4")
        '4'
    """
    return text.rpartition(_CLOSE)[2].lstrip("\n") if _CLOSE in text else text


def _without_system(messages: Sequence[Message]) -> Iterator[Message]:
    return (message for message in messages if message.role is not Role.SYSTEM)


def _fold(messages: Sequence[Message]) -> Iterator[Message]:
    """System lines above the next user turn; those that none follows stay, and the template decides."""
    waiting: list[Message] = []
    for message in messages:
        if message.role is Role.SYSTEM:
            waiting.append(message)
        elif message.role is Role.USER and waiting:
            lines = [*(each.content for each in waiting), message.content]
            waiting = []
            yield replace(message, content="\n\n".join(line for line in lines if line))
        else:
            yield message
    yield from waiting
