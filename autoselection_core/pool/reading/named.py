"""Conversations in the fields, or of the speakers, that a source names: turns, or one text with marks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_text, verbatim_text
from autoselection_core.pool.reading.content import parsed
from autoselection_core.pool.reading.rules import Fields, Rules
from autoselection_core.pool.reading.spellings import AUTHOR, FURTHER_TURN_LISTS, SPEAKERS, TURN_LISTS
from autoselection_core.pool.reading.turns import alternating, conversation, turn_list
from autoselection_core.pool.reading.view import View
from autoselection_core.pool.sample import Message, QuarantineReason, Role

_MARKED = (Role.USER, Role.ASSISTANT)


def with_named_speakers(record: Mapping[str, Json], rules: Rules) -> Mapping[str, Json]:
    """The record, with the roles that its source gives to speakers in the place of their names.

    They are replaced in lists of turns only: under the known names, and in the field that the source names.
    """
    named = (rules.fields.turns or "").partition(".")[0]
    lists = {*TURN_LISTS, *FURTHER_TURN_LISTS, named.casefold()}
    return {
        key: _spoken_by(parsed(value), rules.role_by_speaker) if key.strip().casefold() in lists else value
        for key, value in record.items()
    }


def _spoken_by(value: Json, roles: Mapping[str, str]) -> Json:
    if isinstance(value, list):
        return [_spoken_by(each, roles) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {
        roles.get(key.casefold(), key): _role(each, roles)
        if key.strip().casefold() in (*SPEAKERS, AUTHOR)
        else _spoken_by(each, roles)
        for key, each in value.items()
    }


def _role(speaker: Json, roles: Mapping[str, str]) -> Json:
    """The role of a speaker, or of each of a list of them; others as they are."""
    if isinstance(speaker, list):
        return [_role(each, roles) for each in speaker]
    if isinstance(speaker, Mapping):
        return _spoken_by(speaker, roles)
    return roles.get(str(speaker).strip().casefold(), speaker)


def named_turns(view: View, name: str) -> list[Message]:
    """The turns of the field that a source names; a list of plain texts alternates, and the user begins.

    Raises:
        RejectedRecordError: The record has no such field, or it holds no turns.
    """
    value = view.value(name)
    if value is None:
        raise RejectedRecordError(QuarantineReason.MISSING_FIELD, f"the record has no field {name!r}")
    if all(isinstance(turn, str) for turn in turn_list(value, name)):
        return alternating(value, name)
    return conversation(value, name, view.notes)


def split_text(view: View, fields: Fields) -> list[Message]:
    """The turns of one text, cut at the marks; one white space behind a mark belongs to it.

    With one mark, question and answer are the texts before and behind its last occurrence. With two, each
    starts the turns of its role, and the text before the first is a system message. Further marks are left
    out where they begin or end a turn, and may not be within one.

    Raises:
        RejectedRecordError: The record has no such field, a mark does not occur, or is within a turn.
    """
    text = view.fill(fields.text or "", verbatim_text)
    pieces = list(_pieces(text, fields.markers))
    if not any(role is Role.ASSISTANT for role, _ in pieces):
        detail = f"the field {fields.text} nowhere holds {fields.markers[-1]!r}"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    return [Message(role, text) for role, text in pieces if role is not Role.SYSTEM or text]


def _pieces(text: str, markers: tuple[str, ...]) -> Iterator[tuple[Role, str]]:
    if len(markers) == 1:
        asked, found, answered = text.rpartition(markers[0])
        if found:
            yield Role.USER, canonical_text(asked)
            yield Role.ASSISTANT, _behind(answered)
        return
    asks, answers, *beside = markers
    before, *rest = re.split(f"({re.escape(asks)}|{re.escape(answers)})", text)
    yield Role.SYSTEM, canonical_text(_without(before, beside))
    for mark, said in zip(rest[::2], rest[1::2], strict=True):
        turn = _without(said, beside)
        for each in beside:
            if each in turn:
                detail = f"the mark {each!r} is within a turn, as of a speaker that `split_on` does not name"
                raise RejectedRecordError(QuarantineReason.UNREAD, detail)
        is_answer = mark != asks
        yield _MARKED[is_answer], _behind(turn).rstrip() if is_answer else canonical_text(turn)


def _without(text: str, marks: Sequence[str]) -> str:
    """A text without the marks around it, and without the white space outside of a mark."""
    start, end = 0, len(text)
    while mark := next(
        (each for each in marks if text.startswith(each, _past_blank(text, start, end))), None
    ):
        start = _past_blank(text, start, end) + len(mark)
    while mark := next(
        (each for each in marks if text.endswith(each, start, _before_blank(text, start, end))), None
    ):
        end = _before_blank(text, start, end) - len(mark)
    return text[start:end]


def _past_blank(text: str, start: int, end: int) -> int:
    while start < end and text[start].isspace():
        start += 1
    return start


def _before_blank(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1].isspace():
        end -= 1
    return end


def _behind(text: str) -> str:
    return text[1:] if text[:1].isspace() else text


@dataclass(frozen=True)
class Shape:
    """A record whose fields have no known names, and the entry of `pool:` that reads it.

    Attributes:
        title: Kind of data that has this shape.
        record: The record, as JSON.
        entry: The entry of `pool:`, as YAML.
        said: Role and content of each message that is read.
    """

    title: str
    record: str
    entry: str
    said: tuple[tuple[str, str], ...]


SHAPES = (
    Shape(
        "A question in two fields, and a number as answer",
        '{"Body": "Tom has 3 pens and buys 2.", "Question": "How many are there?", "Answer": 5.0}',
        'path: word_problems.json\nfields: {question: "{Body} {Question}", answer: Answer}',
        (("user", "Tom has 3 pens and buys 2. How many are there?"), ("assistant", "5.0")),
    ),
    Shape(
        "A generated answer beside the expected one",
        '{"problem": "Find y with y - 1 = 4.", "generated_solution": "y = 5", "expected_answer": "5"}',
        "path: math/*.parquet\nanswer: generated_solution",
        (("user", "Find y with y - 1 = 4."), ("assistant", "y = 5")),
    ),
    Shape(
        "A question, a chain of thought and an answer",
        '{"Question": "Is 7 prime?", "Complex_CoT": "Neither 2 nor 3 divides it.", "Response": "Yes."}',
        "path: thoughts.jsonl\nfields: {question: Question, reasoning: Complex_CoT, answer: Response}",
        (("user", "Is 7 prime?"), ("assistant", "Yes.")),
    ),
    Shape(
        "A trajectory of an agent",
        '{"sys": "You are a robot.",'
        ' "traj": [{"role": "human", "content": "Go."}, {"role": "bot", "content": "I go."}]}',
        "path: agents.jsonl\nfields: {turns: traj, system: sys}",
        (("system", "You are a robot."), ("user", "Go."), ("assistant", "I go.")),
    ),
    Shape(
        "One text with marks before the turns",
        '{"text": "### Human: Hi there### Assistant: Hello.### Human: Bye### Assistant: Goodbye."}',
        'path: chats.parquet\nfields: {text: text, split_on: ["### Human:", "### Assistant:"]}',
        (("user", "Hi there"), ("assistant", "Hello."), ("user", "Bye"), ("assistant", "Goodbye.")),
    ),
    Shape(
        "A preference pair, read by the chosen answer",
        '{"prompt": "Name a bird.", "chosen": "A lapwing.", "rejected": "Birds are animals."}',
        "path: hf://ours/preferences@main:train\nanswer: chosen",
        (("user", "Name a bird."), ("assistant", "A lapwing.")),
    ),
    Shape(
        "A passage in fields of fields",
        '{"q": "Who came?", "doc": {"body": "Vos came."}, "answers": {"text": ["Vos", "Mr Vos"]}}',
        'path: reading.json\nfields: {question: "{q}\\n{doc.body}", answer: answers.text.0}',
        (("user", "Who came?\nVos came."), ("assistant", "Vos")),
    ),
    Shape(
        "Endings, and the index of the right one",
        '{"ctx": "The ice in the glass", "endings": ["burns.", "melts."], "label": "1"}',
        "path: endings.jsonl\nfields: {question: ctx, choices: endings, answer: label, answer_by: index}",
        (("user", "The ice in the glass\nA. burns.\nB. melts."), ("assistant", "B. melts.")),
    ),
)
"""Eight shapes of public data sets; the records are made up."""
