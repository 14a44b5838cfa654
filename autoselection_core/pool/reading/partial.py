"""Records that are a part of an example, a turn, a request or a response alone; and the way forward."""

from collections.abc import Iterator, Mapping

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool.reading.exchanges import RESPONSES, is_request, is_response
from autoselection_core.pool.reading.spellings import CONTENTS, FURTHER_CONTENTS, SPEAKERS, role_of
from autoselection_core.pool.reading.turns import are_turns, conversation
from autoselection_core.pool.reading.view import Notes
from autoselection_core.pool.reason import QuarantineReason
from autoselection_core.pool.sample import Role

_SAID = (*CONTENTS, *FURTHER_CONTENTS)
_GROUPS = (
    *("conversation_id", "conv_id", "dialog_id", "dialogue_id", "thread_id", "session_id", "chat_id"),
    *("conversation", "dialog", "dialogue", "thread", "session"),
)
"""Fields that name the conversation of a turn."""

_BATCH = "custom_id"


def reject_part(record: Mapping[str, Json], reason: QuarantineReason, fields: str) -> None:
    """Put a record aside that holds no question by itself, where it can be told what it is a part of.

    Args:
        record: The record.
        reason: Why it is put aside.
        fields: What it lacks, and its fields, in words.

    Raises:
        RejectedRecordError: It is a part, or hides its turns in another field.
    """
    if (turn := _single_turn(record)) is not None:
        raise RejectedRecordError(reason, f"{fields}; {turn}")
    if any(isinstance(each := record.get(key), Mapping) and each.get("error") for key in RESPONSES):
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"{fields}; its response is an error")
    name = _turns_inside(record)
    if is_request(record) or (name is not None and not _has_answer(record, name)):
        where = f"`fields: {{turns: {name}}}` and `answer:`" if name else "`answer:`"
        way = f"{where} in its source, with the name of the field that does, read the two"
        detail = f"{fields}; it asks, and no field that is known answers: {way}{_batch(record, 'answers')}"
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, detail)
    if name is not None:
        setting = f"fields: {{turns: {name}}}"
        raise UndeclaredAnswerError(reason, f"{fields}; `{setting}` in its source reads it", setting)
    if is_response(record):
        detail = f"{fields}; it is the response of a model without what was asked"
        raise RejectedRecordError(reason, f"{detail}{_batch(record, 'requests')}")


def fields_inside(record: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Name and value of each field, and of those inside of it or of the first in its list."""
    for key, value in record.items():
        yield key, value
        first, place = (value[0], f"{key}.0") if isinstance(value, list) and value else (value, key)
        if isinstance(first, Mapping):
            yield from ((f"{place}.{inner}", each) for inner, each in first.items())


def labelled(record: Mapping[str, Json]) -> tuple[str, str] | None:
    """Paths to the first text and to the first that an annotator gave, in an export of Label Studio."""
    shown = record.get("data")
    if not isinstance(record.get("annotations"), list) or not isinstance(shown, Mapping):
        return None
    asked = next((f"data.{key}" for key, each in shown.items() if isinstance(each, str)), None)
    given = _given(record)
    return None if asked is None or given is None else (asked, given)


def _given(record: Mapping[str, Json]) -> str | None:
    path: list[str] = ["annotations", "0", "result"]
    found: Json = record
    for step in path:
        found = _step(found, step)
    results = found if isinstance(found, list) else []
    for number in range(len(results)):
        for kind in ("text", "choices"):
            texts = _step(_step(results[number], "value"), kind)
            if isinstance(texts, list) and texts and isinstance(texts[0], str):
                return ".".join([*path, str(number), "value", kind, "0"])
    return None


def _step(value: Json, step: str) -> Json:
    if isinstance(value, Mapping):
        return value.get(step)
    return (
        value[int(step)] if isinstance(value, list) and step.isdecimal() and int(step) < len(value) else None
    )


def _single_turn(record: Mapping[str, Json]) -> str | None:
    """What a record is that is one turn of a conversation, and the way forward; None for any other."""
    speaker = next((key for key in SPEAKERS if isinstance(record.get(key), str)), None)
    said = next((key for key in _SAID if isinstance(record.get(key), str)), None)
    if speaker is None or said is None or role_of(str(record[speaker])) is None:
        return None
    what = "it is one turn of a conversation: write the turns of each as a list under `messages`, on one line"
    group = next((key for key in _GROUPS if key in record), None)
    if group is None:
        return what
    turns = f"map({{role: .{speaker}, content: .{said}}})"
    return f"{what}, as `jq -cs 'group_by(.{group})[] | {{{group}: .[0].{group}, messages: {turns}}}'` does"


def _turns_inside(record: Mapping[str, Json]) -> str | None:
    """The first field with a list of turns that can be read."""
    found = fields_inside(record)
    return next((name for name, value in found if isinstance(value, list) and _are_readable(value)), None)


def _are_readable(value: Json) -> bool:
    try:
        return are_turns(value) and all(
            turn.content or turn.calls for turn in conversation(value, "", Notes())
        )
    except RejectedRecordError:
        return False


def _has_answer(record: Mapping[str, Json], name: str) -> bool:
    """Whether the assistant speaks in a list of turns."""
    turns = dict(fields_inside(record))[name]
    listed = turns if isinstance(turns, list) else []
    said = (turn[key] for turn in listed if isinstance(turn, Mapping) for key in SPEAKERS if key in turn)
    names = [each for each in said if isinstance(each, str)]
    return not names or any(role_of(each) is Role.ASSISTANT for each in names)


def _batch(record: Mapping[str, Json], others: str) -> str:
    if _BATCH not in record:
        return ""
    return f"; the {others} of a batch are in a file of their own: join the two by `{_BATCH}` first"
