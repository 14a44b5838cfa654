"""Conversion of the turns of a chat record into messages."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NoReturn

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_text, holds_anything, spell_json, verbatim_text
from autoselection_core.pool.reading.content import (
    RESULT,
    USE,
    calls_in,
    has_text,
    is_item,
    known_parts,
    parsed,
    reasoning_text,
    text_of,
    without_channels,
    without_items,
)
from autoselection_core.pool.reading.spellings import (
    ANSWERS,
    ATTACHED,
    AUTHOR,
    CALL_FIELDS,
    CALL_ID,
    CONTENTS,
    FURTHER_CONTENTS,
    FURTHER_MARKS,
    MARKS,
    PARTS,
    QUESTIONS,
    REASONING,
    REFUSAL,
    SPEAKERS,
    SWITCHES,
    SYSTEMS,
    TURN_FIELDS,
    WEIGHT,
    is_call,
    role_of,
    weight_of,
)
from autoselection_core.pool.reading.view import Notes, Treatment
from autoselection_core.pool.sample import Message, QuarantineReason, Role, ToolCall

Turn = Mapping[str, Json]

_PAIR = (Role.USER, Role.ASSISTANT)
_OF_PYTHON = re.compile(r"\[?\{'")
"""Beginning of turns, or of one, as `str` writes them."""

_MAX_DIGITS = 9
_SAID_OF_A_TURN = 2
"""Fields of a turn that has a speaker and a text, and nothing else to look at."""


def conversation(value: Json, where: str, notes: Notes) -> list[Message]:
    """The messages of a list of turns, whichever way the list and its turns are written.

    A turn of calls alone continues the turn of the assistant before it, as templates write it.

    Args:
        value: A list of turns, its text as JSON, an object of lists or of numbers, or a single turn.
        where: Name of the field, for errors.
        notes: Takes the treatment of fields of the turns.

    Raises:
        RejectedRecordError: A turn is spoken by nobody known, or holds something other than text.
    """
    turns = turn_list(value, where)
    if turns and not isinstance(turns[0], dict):
        if all(isinstance(turn, str) and not _is_object(turn) for turn in turns):
            return alternating(list(turns), where)
        turns = [_spoken(turn) for turn in turns]
    spoken = without_channels(without_items(turns))
    try:
        return _joined(spoken, where, notes)
    except RejectedRecordError as rejection:
        if rejection.reason != QuarantineReason.UNKNOWN_ROLE:
            raise
        raise RejectedRecordError(
            rejection.reason, f"{rejection.detail}{_way_to_roles(spoken)}"
        ) from rejection


def _joined(turns: Sequence[Json], where: str, notes: Notes) -> list[Message]:
    messages: list[Message] = []
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            raise RejectedRecordError(
                QuarantineReason.NO_MESSAGES, f"turn {number} of {where} is not an object"
            )
        for message in _messages(turn, number, where, notes):
            if messages and _continues(messages[-1], message):
                messages[-1] = replace(messages[-1], calls=messages[-1].calls + message.calls)
            else:
                messages.append(message)
    return messages


def _way_to_roles(turns: Sequence[Json]) -> str:
    """The setting that says who the speakers are whose names are not known; nothing without any."""
    found = (_first(turn, (*SPEAKERS, AUTHOR)) for turn in turns if isinstance(turn, Mapping))
    names = dict.fromkeys(str(name) for name in found if isinstance(name, str | int))
    open_roles = [role for role in _PAIR if role not in set(map(role_of, names))] or [Role.ASSISTANT]
    unknown = [name for name in names if role_of(name) is None][: len(open_roles)]
    roles = zip(unknown, open_roles, strict=False)
    said = ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {role}" for name, role in roles)
    return f"; `speakers: {{{said}}}` in its source says who is who, where that is so" if said else ""


def turn_list(value: Json, where: str) -> Sequence[Json]:
    """The turns of a list, its text as JSON, an object of lists or numbers, or a turn; nulls are padding.

    Raises:
        RejectedRecordError: The value holds no turns.
    """
    found = _listed(_unpack(value, where))
    if isinstance(found, Mapping):
        found = {key: _listed(each) for key, each in found.items()}
        return _zip(found, where) if any(isinstance(each, list) for each in found.values()) else [found]
    if not isinstance(found, list | tuple):
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, f"the field {where} is no list")
    if len(found) == 1 and isinstance(found[0], list) and found[0] and all(map(are_turns, found[0])):
        found = found[0]  # a batch of one conversation
    return [_as_object(turn) for turn in found if turn is not None]


def _listed(value: Json) -> Json:
    """A list, in the order of the numbers, for an object whose keys are whole numbers.

    JSON of a table, a language whose lists are maps, and padded structures of Arrow write lists so.
    """
    if not isinstance(value, Mapping) or not value or not all(map(_is_number, value)):
        return value
    return [value[key] for key in sorted(value, key=int)]


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) <= _MAX_DIGITS


def are_turns(value: Json) -> bool:
    """Whether a value is a turn or a list of turns, each with a speaker or an item without one."""
    first = next((turn for turn in value if turn is not None), None) if isinstance(value, list) else value
    if not isinstance(first, dict):
        return False
    return any(first.get(key) is not None for key in SPEAKERS) or (isinstance(value, list) and is_item(first))


def spelled_turns(value: Json) -> Json:
    """The turn or the turns that a text spells as JSON, all with known speakers; None for any other value."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return None
    found = parsed(value)
    turns = found if isinstance(found, list) else [found]
    return found if turns and all(map(_is_spoken, turns)) else None


def _is_spoken(turn: Json) -> bool:
    """Whether a turn has a known speaker and says something."""
    speaker = _first(turn, SPEAKERS) if isinstance(turn, Mapping) else None
    if not isinstance(turn, Mapping) or not isinstance(speaker, str) or role_of(speaker) is None:
        return False
    return any(turn.get(key) is not None for key in (*CONTENTS, *CALL_FIELDS))


def alternating(value: Json, where: str) -> list[Message]:
    """The messages of a list of plain texts, of which the user's is the first.

    Raises:
        RejectedRecordError: The list holds something other than texts.
    """
    spoken = zip(turn_list(value, where), _PAIR * len(turn_list(value, where)), strict=False)
    return [
        Message(role, text_of(text, where, verbatim_text if role is Role.ASSISTANT else canonical_text))
        for text, role in spoken
    ]


def _unpack(value: Json, where: str) -> Json:
    if not isinstance(value, str):
        return value
    try:
        found: Json = json.loads(value)
    except (ValueError, RecursionError) as error:
        looks = "; it looks like a list of Python, write it by json.dumps" if _OF_PYTHON.match(value) else ""
        detail = f"the field {where} is a text that is no JSON list of turns{looks}"
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, detail) from error
    return _unpack(found, where) if isinstance(found, str) and found != value else found


def _zip(lists: Mapping[str, Json], where: str) -> list[Json]:
    """The turns of an object of lists; a list that is null is left out."""
    columns = {key: each for key, each in lists.items() if isinstance(each, list)}
    if len({len(column) for column in columns.values()}) > 1:
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, f"the lists of {where} differ in length")
    rows = (row for row in zip(*columns.values(), strict=True) if any(each is not None for each in row))
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _as_object(turn: Json) -> Json:
    """An object for the list of pairs that an Arrow map is read as."""
    if (
        isinstance(turn, list)
        and turn
        and all(isinstance(pair, list) and len(pair) == len(_PAIR) for pair in turn)
    ):
        return {str(pair[0]): pair[1] for pair in turn if isinstance(pair, list)}
    return turn


def _spoken(turn: Json) -> Json:
    """An object for a turn that is a list of two texts: speaker and text, or question and answer."""
    if isinstance(turn, str) and _is_object(turn):
        return json.loads(turn)  # type: ignore[no-any-return] # it was parsed a moment ago
    if not isinstance(turn, list) or len(turn) != len(_PAIR) or not all(isinstance(t, str) for t in turn):
        return turn
    if role_of(str(turn[0])) is not None:
        return {SPEAKERS[0]: turn[0], CONTENTS[0]: turn[1]}
    return dict(zip(_PAIR, turn, strict=True))


def _is_object(text: str) -> bool:
    """Whether a text is a turn as JSON."""
    if text.lstrip()[:1] != "{":
        return False
    try:
        return are_turns(json.loads(text))
    except (ValueError, RecursionError):
        return False


def _continues(before: Message, message: Message) -> bool:
    only_calls = message.calls and not message.content and message.reasoning is None
    return (
        bool(only_calls)
        and before.role is message.role is Role.ASSISTANT
        and before.is_taught == message.is_taught
    )


def _messages(turn: Turn, number: int, where: str, notes: Notes) -> Iterator[Message]:
    name = _first(turn, SPEAKERS)
    if name is None and any(key != key.strip().casefold() for key in turn):
        turn = {key.strip().casefold(): value for key, value in turn.items()}
        name = _first(turn, SPEAKERS)
    if name is None and (spoken := list(_by_speaker(turn))):
        for each in spoken:
            yield from _messages(each, number, where, notes)
        return
    role = role_of(name) if isinstance(name, str) else None
    if role is None or not isinstance(name, str):
        _reject_speaker(turn, name, f"turn {number} of {where}")
    content = known_parts(_content(turn, role))
    if isinstance(content, list) and _holds(content, RESULT):
        yield from _with_results(turn, content, number, where, notes)
        return
    if len(turn) > _SAID_OF_A_TURN:
        _require_whole(turn, role, f"turn {number} of {where}")
        _note_fields(turn, where, notes, content)
    message = _message(turn, role, name, content, f"turn {number} of {where}")
    if message.reasoning and isinstance(content, list):
        notes.add(f"{where}[].reasoning", Treatment.REASONING)
    if message.calls:
        notes.add(f"{where}[].tool_calls", Treatment.CALLS)
    if message.content or role is not Role.SYSTEM:
        yield message


def _require_whole(turn: Turn, role: Role, where: str) -> None:
    """Refuse a question that comes with pictures or files, which nothing reads."""
    for key, value in turn.items() if role is Role.USER else ():
        if key.casefold() in ATTACHED and holds_anything(value):
            raise RejectedRecordError(QuarantineReason.MEDIA, f"{where} comes with {key}, which are not read")


def _reject_speaker(turn: Turn, name: Json, where: str) -> NoReturn:
    """Put a turn aside whose speaker is not known."""
    if name is None:
        detail = f"{where} has no speaker ({', '.join(SPEAKERS)}); its fields are {', '.join(turn) or 'none'}"
        raise RejectedRecordError(QuarantineReason.UNKNOWN_ROLE, detail)
    raise RejectedRecordError(QuarantineReason.UNKNOWN_ROLE, f"{where} is spoken by {name!r}")


def _message(turn: Turn, role: Role, name: str, content: Json, where: str) -> Message:
    if role is Role.ASSISTANT:
        return _answer(turn, name, content, where)
    return _result(turn, content, where) if role is Role.TOOL else Message(role, text_of(content, where))


def _content(turn: Turn, role: Role) -> Json:
    """The text or parts of a turn; a system message may be under the name of one."""
    there = [turn[key] for key in CONTENTS if turn.get(key) is not None]
    if not there and not any(turn.get(key) for key in (*CALL_FIELDS, PARTS, REFUSAL)):
        there = [said for key in FURTHER_CONTENTS if isinstance(said := turn.get(key), str)]
    content = next((each for each in there if each not in ("", [])), there[0] if there else None)
    if content in (None, "", []) and role is Role.ASSISTANT and isinstance(turn.get(REFUSAL), str):
        return turn[REFUSAL]
    if content in (None, "", []) and isinstance(parts := turn.get(PARTS), list):
        return parts
    if content in (None, "") and role is Role.SYSTEM:
        return _first(turn, SYSTEMS) or content
    return content


def _by_speaker(turn: Turn) -> Iterator[dict[str, Json]]:
    """The turns of one without a speaker: fields by speaker, `input` with `output`, or a type that is one."""
    roles = {key: role for key in turn if (role := role_of(key)) is not None and turn[key] is not None}
    marks = {key: turn[key] for key in MARKS if key in turn}
    yield from ({"role": key, "content": turn[key], **marks} for key in roles)
    if set(_PAIR) & set(roles.values()):
        return
    asked, answered = (_first(turn, keys) for keys in (QUESTIONS, ANSWERS))
    author, kind = turn.get(AUTHOR), turn.get("type")
    speaker = author.get("role") if isinstance(author, Mapping) else author or kind
    if asked is not None and answered is not None:
        yield {"role": _PAIR[0], "content": asked}
        yield {"role": _PAIR[1], "content": answered, **marks}
    elif not roles and isinstance(speaker, str) and (speaker is author or role_of(speaker) is not None):
        inner = turn.get("data")  # LangChain writes a message under `data`
        rest = {key: value for key, value in turn.items() if key not in (AUTHOR, "type")}
        yield {**(inner if isinstance(inner, Mapping) else rest), "role": speaker}


def _with_results(turn: Turn, content: Json, number: int, where: str, notes: Notes) -> Iterator[Message]:
    """The results of tools among the parts of a turn (Anthropic), and what else it says, in their order."""
    parts: list[Json] = [part for part in content if part is not None] if isinstance(content, list) else []
    marks = {key: turn[key] for key in MARKS if key in turn}
    for is_result, group in groupby(parts, key=lambda part: _holds([part], RESULT)):
        some = list(group)
        for part in some if is_result else ():
            if isinstance(part, Mapping):
                called = {CALL_ID: part.get("tool_use_id"), "name": part.get("name")}
                yield _result(called, part.get("content"), f"turn {number} of {where}")
        if not is_result and (_holds(some, USE) or has_text(some)):
            said = {SPEAKERS[0]: _first(turn, SPEAKERS), CONTENTS[0]: some, **marks}
            yield from _messages(said, number, where, notes)


def _holds(content: Json, kind: str) -> bool:
    """Whether a part of the content is of a type."""
    parts = content if isinstance(content, list) else []
    return any(isinstance(part, Mapping) and part.get("type") == kind for part in parts)


def _answer(turn: Turn, name: str, content: Json, where: str) -> Message:
    calls: tuple[ToolCall, ...] = ()
    if is_call(name) and (said := calls_in(content)) is not None:
        calls, content = said, None
    if isinstance(content, list) and _holds(content, USE):
        calls = calls_in([part for part in content if _holds([part], USE)]) or ()
        content = [part for part in content if not _holds([part], USE)]
    text = text_of(content, where, verbatim_text)
    if len(turn) <= _SAID_OF_A_TURN and not isinstance(content, list) and (calls or content is not None):
        return Message(Role.ASSISTANT, text, calls=calls)
    for key in CALL_FIELDS:
        if turn.get(key) is None:
            continue
        if (called := calls_in(turn[key])) is not None:
            calls += called
        elif turn[key]:
            text = "\n".join(part for part in (text, spell_json(turn[key])) if part)
    thought = "\n".join(part for part in (_reasoning(turn, where), reasoning_text(content)) if part)
    return Message(Role.ASSISTANT, text, thought or None, calls, is_taught=_is_taught(turn))


def _reasoning(turn: Turn, where: str) -> str:
    return thought_of(_first(turn, REASONING), where)


def thought_of(value: Json, where: str) -> str:
    """The reasoning that a field holds; empty for a switch such as "on", and for a truth value."""
    if isinstance(value, bool) or (isinstance(value, str) and value.strip().casefold() in SWITCHES):
        return ""
    return text_of(value, where)


def _result(turn: Turn, content: Json, where: str) -> Message:
    """The result of a tool, which may be any JSON."""
    is_data = isinstance(content, Mapping) or (isinstance(content, list) and not _are_parts(content))
    text = spell_json(content) if is_data else text_of(content, where)
    name, call = turn.get("name"), turn.get(CALL_ID)
    return Message(Role.TOOL, text, name=str(name) if name else None, call_id=str(call) if call else None)


def _are_parts(content: list[Json]) -> bool:
    return all(isinstance(part, Mapping) and isinstance(part.get("text"), str) for part in content)


def _is_taught(turn: Turn) -> bool:
    return all(weight_of(turn.get(key)) != 0 for key in MARKS)


def _first(turn: Turn, keys: tuple[str, ...]) -> Json:
    for key in keys:
        if (value := turn.get(key)) is not None:
            return value
    return None


def _note_fields(turn: Turn, where: str, notes: Notes, content: Json) -> None:
    """Note the fields of a turn beside its text."""
    for key, value in turn.items():
        field = f"{where}[].{key}"
        if key in REASONING and value:
            notes.add(field, Treatment.REASONING)
        elif key in MARKS and not _is_taught(turn):
            notes.add(field, Treatment.UNTAUGHT)
        elif key == WEIGHT and weight_of(value) not in (None, 0, 1):
            notes.add(field, Treatment.WEIGHT)
        elif value is not None and (key in FURTHER_MARKS or (key in MARKS and weight_of(value) is None)):
            notes.add(field, Treatment.MARK)
        elif value is not content and (_adds(key, value, content) if key in TURN_FIELDS else has_text(value)):
            notes.add(field, Treatment.LEFT)


def _adds(key: str, value: Json, content: Json) -> bool:
    """Whether another text of a turn is not within its content."""
    if key not in CONTENTS or not isinstance(value, str) or not isinstance(content, str):
        return False
    return value.strip() not in content
