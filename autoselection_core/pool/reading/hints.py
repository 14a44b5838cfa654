"""Reasons for which records are put aside, with the way forward: the setting that reads them, or a command.

A record may lack a question or an answer under a known name, hold several answers of which none is known to
be the best, or be a part of an example: a turn, a request or a response alone.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

from autoselection_core.errors.pool import RejectedRecordError, UndeclaredAnswerError
from autoselection_core.identity import Json
from autoselection_core.pool.reading.content import has_text
from autoselection_core.pool.reading.exchanges import RESPONSES, is_request, is_response
from autoselection_core.pool.reading.spellings import (
    ANSWER_LISTS,
    ANSWERS,
    CONTENTS,
    CONTEXTS,
    FURTHER_CONTENTS,
    QUESTIONS,
    SPEAKERS,
    SYSTEMS,
    TURN_LISTS,
    role_of,
)
from autoselection_core.pool.reading.transcripts import marks_in
from autoselection_core.pool.reading.turns import are_turns, conversation
from autoselection_core.pool.reading.view import Notes, View
from autoselection_core.pool.sample import QuarantineReason, Role

_SAID = (*CONTENTS, *FURTHER_CONTENTS)
_GROUPS = (
    *(
        "conversation_id",
        "conv_id",
        "sessionId",
        "session_uuid",
        "dialog_id",
        "dialogue_id",
        "thread_id",
        "session_id",
        "chat_id",
    ),
    *("conversation", "dialog", "dialogue", "thread", "session"),
)
"""Fields that name the conversation of a turn."""

_WITHIN = ("message", "payload")
"""Fields with the turn of a line, as logs of agents write them."""

_BATCH = "custom_id"

_SIDES = (
    *(
        ("accept", "reject"),
        ("win", "lose"),
        ("winner", "loser"),
        ("good", "bad"),
        ("better", "worse"),
        ("_w", "_l"),
    ),
    *(("chosen", "rejected"), ("preferred", "dispreferred"), ("preferred", "non_preferred")),
    *(("preferred", "rejected"), ("accepted", "rejected"), ("response_j", "response_k")),
)
"""Words in the names of two answers of which the first is better."""

_ORDERS = ("ranking", "rankings", "order", "preference_order")
"""Lists that order several answers."""

_MIN_ANSWERS = 2

_STEMS = (*ANSWERS, "model", "reply", "generation")
_APART = (("_a", "_b"), ("_A", "_B"), ("_1", "_2"), ("_0", "_1"), ("1", "2"))
"""Names of two answers of which nothing says which is better."""


def reject_unnamed(view: View, reason: QuarantineReason, lacking: str, what: str) -> NoReturn:
    """Put a record aside with its fields, and with the setting that reads it where one can be told."""
    fields = f"{lacking}; its fields are {', '.join(view.record) or 'none'}"
    for key, value in view.record.items():
        if isinstance(value, str) and (marks := marks_in(value)):
            setting = split_setting(key, marks)
            raise UndeclaredAnswerError(reason, f"{fields}; `{setting}` in its source may read it", setting)
    if what == "question" and (listing := _list_of_records(view.record)) is not None:
        raise RejectedRecordError(
            reason, f"{fields}; {listing} lists records: write each on a line of its own"
        )
    if what == "question":
        for told in (_way_to_a_history(view.record), _way_to_records(view.record)):
            if told:
                raise RejectedRecordError(reason, f"{fields}; {told}")
        _reject_part(view.record, reason, fields)
    else:
        reject_without_choice(view.record)
    way = way_inside(view.record, what) or _way_by_name(view.record, what)
    way = way or (_way_to_a_leaf(view.record) if what == "answer" else "")
    raise RejectedRecordError(reason, f"{fields}; name the {what} under `fields` in its source{way}")


def reject_without_choice(record: Mapping[str, Json]) -> None:
    """Put a record aside whose answers are two, under other names, or none."""
    for key in record:
        if any(good in key and key.replace(good, bad) in record for good, bad in _SIDES):
            setting = f"answer: {key}"
            detail = (
                f"its field {key} is the better of two answers; with `{setting}` in its source it is read"
            )
            raise UndeclaredAnswerError(QuarantineReason.PREFERENCE, detail, setting)
    for first, second in _APART:
        sides = [
            f"{stem}{first}" for stem in _STEMS if {f"{stem}{first}", f"{stem}{second}"} <= record.keys()
        ]
        if sides:
            other = sides[0].removesuffix(first) + second
            detail = (
                f"its answers are {sides[0]} and {other}; `answer: {sides[0]}` in its source reads the first"
            )
            raise RejectedRecordError(QuarantineReason.PREFERENCE, f"{detail}, whichever is better")
    _reject_list(record)
    answers = record.get("answers")
    if isinstance(answers, list | Mapping) and not has_text(answers):
        raise RejectedRecordError(QuarantineReason.NO_ANSWER, "the field answers is there and holds no text")


def _reject_list(record: Mapping[str, Json]) -> None:
    """Put a record aside that lists several answers, with what may say which is the best."""
    for key in ANSWER_LISTS:
        said = record.get(key)
        texts = said if isinstance(said, list) and all(isinstance(each, str) for each in said) else []
        if len(texts) < _MIN_ANSWERS:
            continue
        several = f"its {key} are {len(texts)} answers"
        order = next((name for name in _ORDERS if isinstance(record.get(name), list)), None)
        if order is None:
            way = f"`answer: {key}.0` in its source reads the first"
            raise RejectedRecordError(QuarantineReason.NO_ANSWER, f"{several}; {way}")
        way = f"`jq -c '.answer = .{key}[.{order}[0]]'` writes the best, where {order} begins with its place"
        detail = f"{several}, and {order} may list their places or their ranks; {way}"
        raise RejectedRecordError(QuarantineReason.PREFERENCE, detail)


def split_setting(field: str, marks: tuple[str, ...]) -> str:
    """The setting that reads one text with marks."""
    return f"fields: {{text: {field}, split_on: {json.dumps(marks, ensure_ascii=False)}}}"


def way_inside(record: Mapping[str, Json], what: str) -> str:
    """The setting that names question, answer or both inside of other fields, where they can be told."""
    texts = {name: value for name, value in _fields_inside(record) if isinstance(value, str | list)}
    asked, answered = _labelled(record) or (
        next((name for name in texts if name.rpartition(".")[2] in known), None)
        for known in (QUESTIONS, ANSWERS)
    )
    if asked is None and answered and "." in answered:
        asked = next((name for name in texts if name.rpartition(".")[0] in QUESTIONS), None)
    given = texts.get(answered or "")
    if isinstance(given, list) and given and isinstance(given[0], Mapping) and "value" in given[0]:
        answered = f"{answered}.0.value"  # of one of several annotators (Argilla)
    if what == "question" and asked and answered and "." in answered:
        return f", as in `fields: {{question: {asked}, answer: {answered}}}`"
    inner = asked if what == "question" else answered
    return f", as in `{what}: {inner}`" if inner else ""


_LABELS = ("label", "labels", "gold", "answer_idx", "correct_idx")
_GIVEN = (
    *ANSWERS,
    *(
        "label",
        "gold",
        "correct",
        "expected",
        "truth",
        "reference",
        "reply",
        "result",
        "summary",
        "highlights",
    ),
    *("story", "continuation", "chosen", "revision", "revised", "edited"),
)
"""Words in the names of fields that may answer."""

_ABOUT = frozenset(
    (
        *("type", "kind", "object", "lang", "language", "category", "subcategory", "task", "topic", "tags"),
        *("url", "link", "model", "generator", "version", "license", "licence", "split", "subset", "domain"),
        *("difficulty", "timestamp", "ts", "date", "created", "created_at", "time", "name", "user", "author"),
        *("from", "to", "sender", "hash", "status", "repo", "path", "file", "filename", "dataset"),
    )
)
"""Fields that say something about a record, and rarely ask or answer."""

_SHOWN = 3


def _way_by_name(record: Mapping[str, Json], what: str) -> str:
    """The settings that the names of texts suggest; nothing where they suggest none."""
    told = [
        key for key in record if key.casefold() not in _ABOUT and not key.casefold().endswith(("id", "url"))
    ]
    texts = [key for key in told if isinstance(said := record[key], str) and said.strip()]
    if what == "answer":
        scalars = [key for key in told if isinstance(record[key], str | int | float) and key not in QUESTIONS]
        named = [key for key in scalars if any(word in key.casefold() for word in _GIVEN)]
        others = [key for key in texts if key not in (*QUESTIONS, *CONTEXTS, *SYSTEMS)]
        return _perhaps("answer", named or (others if len(others) == 1 else []))
    asked = [key for key in texts if key not in (*ANSWERS, *SYSTEMS)]
    if any(key in ANSWERS for key in texts):
        return _perhaps("question", asked)
    if way := _way_to_a_label(record, asked):
        return way
    inner = [f"{key}.{name}" for key in told for name in _of_two_texts(record[key])]
    question, answer, *_ = [*(asked if len(asked) > 1 else inner), "", ""]
    return f", as in `fields: {{question: {question}, answer: {answer}}}`" if answer else ""


def _perhaps(what: str, names: Sequence[str]) -> str:
    shown = " or ".join(f"`{what}: {name}`" for name in names[:_SHOWN])
    return f", perhaps {shown}" if shown else ""


def _of_two_texts(value: Json) -> Sequence[str]:
    """Names of the fields of an object that holds two texts and nothing else; none for any other value."""
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        return ()
    return tuple(value) if len(value) == len(("en", "de")) else ()


def _way_to_a_label(record: Mapping[str, Json], texts: Sequence[str]) -> str:
    """The setting for texts with a label, among choices where the record lists some; nothing without one."""
    label = next((key for key in record if key.casefold() in _LABELS), None)
    if label is None or not texts:
        return ""
    stems = Counter(key.rstrip("0123456789") for key in texts if key[-1:].isdecimal())
    choices = [key for key in texts if stems[key.rstrip("0123456789")] > 1]
    asked = [key for key in texts if key not in choices and not key.casefold().startswith("label")]
    lists = [key for key, value in record.items() if _are_texts(value)]
    listed = f"[{', '.join(choices)}]" if choices else next(iter(lists), "")
    if listed and asked:
        return f", as in `fields: {{question: {asked[0]}, choices: {listed}, answer: {label}}}`"
    spelled = next((key for key in texts if key.casefold().startswith("label")), label)
    asked = asked or choices
    both = "\\n".join(f"{{{key}}}" for key in asked[:2])
    question = asked[0] if len(asked) == 1 else f'"{both}"'
    return f", as in `fields: {{question: {question}, answer: {spelled}}}`" if asked else ""


_DEEPEST = 5
_OF_NO_ANSWER = frozenset(("id", "type", "types", "start", "end", "url", "title", "lang"))


def _way_to_a_leaf(record: Mapping[str, Json]) -> str:
    """The setting for a text inside of other fields that may answer (DROP, WikiSQL); nothing without one."""
    asked = [key for key in record if key in QUESTIONS and isinstance(record[key], str)]
    if len(asked) > 1:
        ends = [key for key in asked if str(record[key]).rstrip().endswith("?")] or asked
        other = next(key for key in asked if key != ends[0])
        return f", perhaps `fields: {{question: {ends[0]}, answer: {other}}}`"
    leaves = [
        place
        for key, value in record.items()
        if isinstance(value, Mapping | list) and key not in (*QUESTIONS, *CONTEXTS, *SYSTEMS)
        for place in _leaves(value, key)
    ]
    named = [place for place in leaves if any(word in place.casefold() for word in _GIVEN)]
    direct = [place for place in leaves if place.count(".") == 1 and not place.endswith(".0")]
    return _perhaps("answer", (named or direct)[:1])


def _leaves(value: Json, place: str) -> Iterator[str]:
    """Places of texts inside of a field, the first of each list alone."""
    name = place.rpartition(".")[2].casefold()
    if place.count(".") >= _DEEPEST or name in _OF_NO_ANSWER:
        return
    if isinstance(value, str) and value.strip():
        yield place
    elif isinstance(value, list) and value:
        yield from _leaves(value[0], f"{place}.0")
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{place}.{key}")


_HISTORY, _CANDIDATES = "history", "candidates"


def _way_to_a_history(record: Mapping[str, Json]) -> str:
    """The command for turns whose answers are candidates, of which the last is right (PersonaChat)."""
    steps, said = ".", record
    listed = record.get("utterances")
    if isinstance(listed, list) and listed and isinstance(listed[-1], Mapping):
        steps, said = ".utterances[-1]", listed[-1]
    if not all(_are_texts_of(said.get(key)) for key in (_HISTORY, _CANDIDATES)):
        return ""
    way = f"`jq -c '{steps} | {{dialog: (.{_HISTORY} + .{_CANDIDATES}[-1:])}}'`"
    return f"it continues a history by one of its candidates: {way} writes its turns, where the last is right"


def _are_texts_of(value: Json) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)


def _way_to_records(record: Mapping[str, Json]) -> str:
    """The setting for records in a list inside of the file's only object (Rasa); nothing without one."""
    for key, value in record.items():
        for name, listed in value.items() if isinstance(value, Mapping) else ():
            several = listed if isinstance(listed, list) and len(listed) > 1 else []
            if several and not are_turns(several) and all(_has_two_texts(each) for each in several):
                way = f"`records: {key}.{name}` in its source reads them"
                return f"{key}.{name} lists records: where the file is this one object, {way}"
    return ""


def _has_two_texts(value: Json) -> bool:
    texts = [each for each in value.values() if isinstance(each, str)] if isinstance(value, Mapping) else []
    return len(texts) > 1


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(each, str) for each in value)


def _list_of_records(record: Mapping[str, Json]) -> str | None:
    """The first field with several objects that ask: one of them alone would be a record."""
    for key, value in record.items():
        several = value if isinstance(value, list) and len(value) > 1 and not are_turns(value) else []
        first = several[0] if several else None
        if isinstance(first, Mapping) and any(name in first for name in (*QUESTIONS, *TURN_LISTS)):
            return key
    return None


def _reject_part(record: Mapping[str, Json], reason: QuarantineReason, fields: str) -> None:
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


def _fields_inside(record: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    """Name and value of each field, and of those inside of it or of the first in its list."""
    for key, value in record.items():
        yield key, value
        first, place = (value[0], f"{key}.0") if isinstance(value, list) and value else (value, key)
        if isinstance(first, Mapping):
            yield from ((f"{place}.{inner}", each) for inner, each in first.items())


def _labelled(record: Mapping[str, Json]) -> tuple[str, str] | None:
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
    whole = next(
        (key for key in _WITHIN if isinstance(inner := record.get(key), Mapping) and are_turns(inner)), None
    )
    turn = record if whole is None else record[whole]
    if not isinstance(turn, Mapping):
        return None
    speaker = next((key for key in SPEAKERS if isinstance(turn.get(key), str)), None)
    said = next((key for key in _SAID if isinstance(turn.get(key), str | list)), None)
    if speaker is None or said is None or role_of(str(turn[speaker])) is None:
        return None
    what = "it is one turn of a conversation: write the turns of each as a list under `messages`, on one line"
    group = next((key for key in _GROUPS if key in record), None)
    if group is None:
        return what
    turns = f"map({{role: .{speaker}, content: .{said}}})" if whole is None else f"map(.{whole})"
    return f"{what}, as `jq -cs 'group_by(.{group})[] | {{{group}: .[0].{group}, messages: {turns}}}'` does"


def _turns_inside(record: Mapping[str, Json]) -> str | None:
    """The first field with a list of turns that can be read."""
    found = _fields_inside(record)
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
    turns = dict(_fields_inside(record))[name]
    listed = turns if isinstance(turns, list) else []
    said = (turn[key] for turn in listed if isinstance(turn, Mapping) for key in SPEAKERS if key in turn)
    names = [each for each in said if isinstance(each, str)]
    return not names or any(role_of(each) is Role.ASSISTANT for each in names)


def _batch(record: Mapping[str, Json], others: str) -> str:
    if _BATCH not in record:
        return ""
    return f"; the {others} of a batch are in a file of their own: join the two by `{_BATCH}` first"
