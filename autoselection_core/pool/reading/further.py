"""Spellings that only a record is looked at for which has none of the known ones.

Their names mean other things elsewhere (`user` may be the name of a person, `data` anything), so they count
only where nothing else asks or answers, and where their values are of the kind that is meant.
"""

import json
from collections.abc import Iterator, Mapping

from autoselection_core.identity import Json
from autoselection_core.pool.reading.content import calls_in
from autoselection_core.pool.reading.exchanges import (
    FURTHER_SYSTEMS,
    Found,
    cohere_message,
    exchange,
    field_in,
    fields_in,
    request_alone,
    text_in,
    with_contents,
)
from autoselection_core.pool.reading.published import turns_by_lists, turns_by_number
from autoselection_core.pool.reading.spellings import (
    ANSWERS,
    FURTHER_TURN_LISTS,
    QUESTIONS,
    REASONING,
    SPEAKERS,
    SYSTEMS,
    TURN_LISTS,
)
from autoselection_core.pool.reading.transcripts import turns_of_calling_text, turns_of_plain_text
from autoselection_core.pool.reading.trees import best_replies, current_branch
from autoselection_core.pool.reading.turns import are_turns

_LIST, _QUESTION, _ANSWER, _SYSTEM = "conversation", "question", "answer", "system"
_PAIRS = (
    *(("user", "assistant"), ("human", "assistant"), ("human", "bot"), ("user", "bot"), ("human", "gpt")),
    *(("user_message", "assistant_message"), ("user_message", "bot_message"), ("message_1", "message_2")),
    *(("input_text", "output_text"), ("user_input", "response"), ("q", "a")),
)
_FURTHER_QUESTIONS = ("question_stem",)
_FURTHER_ANSWERS = ("answers", "answerkey", "correct_answer", "best_answer", "solutions", "ideal")
_MIN_TEXTS = 2
_ASKED_ALONE = "question_id"
"""Field beside texts of which the user says all (MT-Bench)."""

_MESSAGE = ("content", REASONING[0])
"""Text and reasoning of an answer, as APIs of models return them."""


def further_spelling(record: Mapping[str, Json]) -> Mapping[str, Json]:
    """The record under known names, where it has further ones; else the record itself."""
    laid_out = next((found for way in _LAYOUTS if (found := way(record)) is not None), None)
    renamed = dict(_rename(record) if laid_out is None else _systems(laid_out))
    record = record if laid_out is None else laid_out
    if not renamed:
        return record
    rest = {key: value for key, value in record.items() if key not in {old for old, _ in renamed.values()}}
    return {**rest, **{name: value for name, (_, value) in renamed.items()}}


def _rename(record: Mapping[str, Json]) -> Iterator[tuple[str, Found]]:
    """Known name, and field, of each field that is known by a further name."""
    asks = any(record.get(key) is not None for key in (*TURN_LISTS, *QUESTIONS))
    answers = any(record.get(key) is not None for key in ANSWERS)
    if not asks:
        yield from _asking(record)
    if not answers and (asks or field_in(record, _FURTHER_QUESTIONS[0])[1] is not None):
        found = [(key, _one_answer(value)) for key, value in fields_in(record, _FURTHER_ANSWERS)]
        yield from ((_ANSWER, (key, value)) for key, value in found[:1] if value is not None)
    yield from _systems(record)


def _systems(record: Mapping[str, Json]) -> Iterator[tuple[str, Found]]:
    if not any(key in record for key in SYSTEMS):
        yield from ((_SYSTEM, (key, text_in(value))) for key, value in fields_in(record, FURTHER_SYSTEMS))


def _asking(record: Mapping[str, Json]) -> Iterator[tuple[str, Found]]:
    for key, value in fields_in(record, FURTHER_TURN_LISTS):
        if _are_turns(turns := with_contents(value)) and not (_ASKED_ALONE in record and _are_texts(turns)):
            yield _LIST, (key, turns)
            return
    for names in _PAIRS:
        question, answer = (field_in(record, name) for name in names)
        question, answer = ((key, _said(value)) for key, value in (question, answer))
        if isinstance(question[1], str) and isinstance(answer[1], str):
            yield _QUESTION, question
            yield _ANSWER, answer
            return
    for found in fields_in(record, _FURTHER_QUESTIONS):
        if isinstance(found[1], str):
            yield _QUESTION, found


def _said(value: Json) -> Json:
    """The text of a turn with a speaker (CAMEL's societies), or the value."""
    return value.get("content") if isinstance(value, Mapping) and are_turns(value) else value


def _are_turns(value: Json) -> bool:
    if isinstance(value, Mapping):
        return any(isinstance(value.get(key), list) for key in SPEAKERS)
    return (isinstance(value, list) and are_turns(value)) or _are_texts(value)


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and len(value) >= _MIN_TEXTS and all(isinstance(t, str) for t in value)


def _one_answer(value: Json) -> Json:
    """The first of several answers that mean the same, or a turn with the calls that are the answer."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, Mapping):
        value = value.get("text")
    if isinstance(value, list) and calls_in(value) is not None:
        return [{"role": "assistant", "tool_calls": value}]
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, Mapping):
        first = first.get("text")
    return first if isinstance(first, str) and first.strip() else None


def _message_beside(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """An answer whose text and reasoning are beside the question, under the names that turns have."""
    if not all(isinstance(record.get(key), str) for key in _MESSAGE) or not any(map(record.get, QUESTIONS)):
        return None
    rest = {key: value for key, value in record.items() if key not in _MESSAGE}
    return {**rest, _ANSWER: [{"role": "assistant", **{key: record[key] for key in _MESSAGE}}]}


_LAYOUTS = (
    *(current_branch, cohere_message, exchange, request_alone, best_replies, turns_by_number),
    *(turns_by_lists, turns_of_plain_text, turns_of_calling_text, _message_beside),
)
