"""From a record, in the format of its source, to a sample.

The format is recognised for each record, by its keys:

- `messages` (OpenAI) or `conversations` (ShareGPT): a list of turns, each with a role (`role` or `from`) and
  a text (`content` or `value`), and with `function_call` or `tool_calls` where the assistant calls tools.
- `instruction` (Alpaca), `question` or `prompt`: one turn, answered under `output`, `response` or `answer`;
  Alpaca adds `input` to the question and may have a `history` of earlier pairs.

Every format may have `system`, `tools` or `functions`, and `label`. Other fields are kept beside the origin.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_object
from autoselection_core.pool.reason import Reason
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.pool.turns import content_text, conversation

TURN_LISTS = ("messages", "conversations")
QUESTIONS = ("instruction", "question", "prompt")
ANSWERS = ("output", "response", "answer")
TOOLS = ("tools", "functions")
FORMATS: Mapping[str, str] = {
    "messages": "OpenAI",
    "conversations": "ShareGPT",
    "instruction": "Alpaca",
    "question": "question/answer",
    "prompt": "prompt/response",
}
"""What the format is called that a field is told by."""

_PAIR = (Role.USER, Role.ASSISTANT)

Record = Mapping[str, Json]


@dataclass(frozen=True)
class Reading:
    """What a record says.

    Attributes:
        sample: The conversation.
        extras: Fields that are no part of it, as canonical JSON; None without.
        trimmed: Turns after the last answer, which were cut.
        format: Which format the record has.
    """

    sample: Sample
    extras: str | None
    trimmed: int
    format: str


def read_record(record: Json) -> Reading:
    """The sample that a record of any known format holds.

    Raises:
        RejectedRecordError: It holds none, and why.
    """
    if not isinstance(record, Mapping):
        raise RejectedRecordError(Reason.NO_MESSAGES, "the record is not an object")
    record = {key: value for key, value in record.items() if value is not None}
    if record.get("label") is False:
        raise RejectedRecordError(Reason.UNDESIRABLE, "its label is false")
    read, turns = _turns(record)
    kept = _up_to_the_last_answer(turns)
    tools = next((key for key in TOOLS if key in record), None)
    extras: Record = {key: value for key, value in record.items() if key not in {*read, "system", tools}}
    definitions = canonical_object(record[tools]) if tools else None
    return Reading(
        Sample(tuple(kept), definitions), canonical_object(extras), len(turns) - len(kept), FORMATS[read[0]]
    )


def _turns(record: Record) -> tuple[tuple[str, ...], list[Message]]:
    """The fields that hold the conversation, and the conversation."""
    for key in TURN_LISTS:
        if key in record:
            return (key,), [*_system(record), *conversation(_list(record, key))]
    for key in QUESTIONS:
        if key in record:
            return (key, "input", "history", *ANSWERS), [*_system(record), *_pairs(record, key)]
    known = ", ".join((*TURN_LISTS, *QUESTIONS))
    raise RejectedRecordError(Reason.NO_MESSAGES, f"none of the fields {known}")


def _system(record: Record) -> Iterator[Message]:
    text = content_text(record.get("system", ""), "system")
    if text:
        yield Message(Role.SYSTEM, text)


def _pairs(record: Record, key: str) -> Iterator[Message]:
    """Questions and answers in turn."""
    for pair in _list(record, "history") if "history" in record else ():
        if not isinstance(pair, list | tuple) or len(pair) != len(_PAIR):
            raise RejectedRecordError(Reason.NO_MESSAGES, "history holds something other than pairs")
        for role, text in zip(_PAIR, pair, strict=True):
            yield Message(role, content_text(text, "history"))
    yield Message(Role.USER, _question(record, key))
    yield Message(Role.ASSISTANT, _answer(record))


def _question(record: Record, key: str) -> str:
    parts = [content_text(record[key], key), content_text(record.get("input", ""), "input")]
    question = "\n".join(part for part in parts if part)
    if not question:
        raise RejectedRecordError(Reason.NO_MESSAGES, f"the field {key} is empty")
    return question


def _answer(record: Record) -> str:
    answers = {key: content_text(record[key], key) for key in ANSWERS if key in record}
    if not answers:
        raise RejectedRecordError(Reason.NO_ANSWER, f"none of the fields {', '.join(ANSWERS)}")
    different = set(answers.values()) - {""}
    if not different:
        raise RejectedRecordError(Reason.EMPTY_ANSWER, f"the field {next(iter(answers))} is empty")
    if len(different) > 1:
        raise RejectedRecordError(Reason.CONTRADICTION, f"{' and '.join(answers)} differ")
    return different.pop()


def _list(record: Record, key: str) -> Sequence[Json]:
    value = record[key]
    if not isinstance(value, list | tuple):
        raise RejectedRecordError(Reason.NO_MESSAGES, f"the field {key} is no list")
    return value


def _up_to_the_last_answer(turns: list[Message]) -> list[Message]:
    """A turn that nobody answers teaches nothing, but would be read."""
    if not turns:
        raise RejectedRecordError(Reason.NO_MESSAGES, "the list of turns is empty")
    answers = [number for number, turn in enumerate(turns) if turn.role is Role.ASSISTANT]
    if not answers:
        raise RejectedRecordError(Reason.NO_ANSWER, "no turn is spoken by the assistant")
    if not all(turns[number].content for number in answers):
        raise RejectedRecordError(Reason.EMPTY_ANSWER, "a turn of the assistant is empty")
    return turns[: answers[-1] + 1]
