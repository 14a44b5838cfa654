"""Conversations in the fields that a source names: a list of turns, or one text with marks between turns."""

from collections.abc import Iterator

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.pool.canonical import canonical_text, verbatim_text
from autoselection_core.pool.reading.rules import Fields
from autoselection_core.pool.reading.turns import alternating, conversation, turn_list
from autoselection_core.pool.reading.view import View
from autoselection_core.pool.reason import Reason
from autoselection_core.pool.sample import Message, Role

_MARKED = (Role.USER, Role.ASSISTANT)

_MARKS = (
    ("### Human:", "### Assistant:"),
    ("### Instruction:", "### Response:"),
    ("[|Human|]", "[|AI|]"),
    ("<|user|>", "<|assistant|>"),
    ("USER:", "ASSISTANT:"),
    ("Human:", "Assistant:"),
    ("User:", "Assistant:"),
    ("Question:", "Answer:"),
    ("Q:", "A:"),
)


def marks_in(text: str) -> tuple[str, str] | None:
    """Usual marks of questions and answers, where a text holds a pair of them and ends with an answer."""
    for asked, answered in _MARKS:
        if 0 <= text.find(asked) < text.find(answered) and text.rpartition(answered)[2].strip():
            return asked, answered
    return None


def named_turns(view: View, name: str) -> list[Message]:
    """The turns of the field that a source names; a list of plain texts alternates, and the user begins.

    Raises:
        RejectedRecordError: The record has no such field, or it holds no turns.
    """
    value = view.value(name)
    if value is None:
        raise RejectedRecordError(Reason.MISSING_FIELD, f"the record has no field {name!r}")
    if all(isinstance(turn, str) for turn in turn_list(value, name)):
        return alternating(value, name)
    return conversation(value, name, view.notes)


def split_text(view: View, fields: Fields) -> list[Message]:
    """The turns of one text, cut at the marks; one white space behind a mark belongs to it.

    With one mark, question and answer are the texts before and behind its last occurrence. With two, each
    starts the turns of its role, and the text before the first is a system message.

    Raises:
        RejectedRecordError: The record has no such field, or a mark does not occur.
    """
    text = view.filled(fields.text or "", verbatim_text)
    pieces = list(_pieces(text, fields.markers))
    if not any(role is Role.ASSISTANT for role, _ in pieces):
        detail = f"the field {fields.text} nowhere holds {fields.markers[-1]!r}"
        raise RejectedRecordError(Reason.NO_ANSWER, detail)
    return [Message(role, text) for role, text in pieces if role is not Role.SYSTEM or text]


def _pieces(text: str, markers: tuple[str, ...]) -> Iterator[tuple[Role, str]]:
    if len(markers) == 1:
        asked, found, answered = text.rpartition(markers[0])
        if found:
            yield Role.USER, canonical_text(asked)
            yield Role.ASSISTANT, _behind(answered)
        return
    starts = dict(zip(_MARKED, markers, strict=True))
    role, rest = Role.SYSTEM, text
    while rest or role is not Role.SYSTEM:
        at = {each: place for each, mark in starts.items() if (place := rest.find(mark)) >= 0}
        following = min(at, key=lambda each: at[each], default=None)
        said = rest if following is None else rest[: at[following]]
        yield role, _behind(said).rstrip() if role is Role.ASSISTANT else canonical_text(said)
        if following is None:
            return
        role, rest = following, rest[at[following] + len(starts[following]) :]


def _behind(text: str) -> str:
    return text[1:] if text[:1].isspace() else text
