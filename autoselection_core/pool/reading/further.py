"""Spellings that only a record is looked at for which has none of the known ones.

Their names mean other things elsewhere (`user` may be the name of a person, `data` anything), so they count
only where nothing else asks or answers, and where their values are of the kind that is meant.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from autoselection_core.identity import Json
from autoselection_core.pool.reading.content import calls_in, text_of
from autoselection_core.pool.reading.exchanges import (
    FURTHER_SYSTEMS,
    Found,
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
    HISTORIES,
    QUESTIONS,
    REASONING,
    SPEAKERS,
    SYSTEMS,
    TURN_LISTS,
    WEIGHT,
    role_of,
)
from autoselection_core.pool.reading.transcripts import turns_of_calling_text, turns_of_plain_text
from autoselection_core.pool.reading.turns import are_turns
from autoselection_core.pool.sample import Role

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

_REPLIES = "replies"
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


def _tree(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """Conversation along the best replies of a tree (Open Assistant): the lowest rank, else the first."""
    turn = record.get("prompt")
    if not isinstance(turn, Mapping) or _REPLIES not in turn:
        return None
    turns: list[Json] = []
    while isinstance(turn, Mapping):
        turns.append({key: turn.get(key) for key in ("role", "text")})
        replies = turn.get(_REPLIES)
        told = [each for each in replies if isinstance(each, Mapping)] if isinstance(replies, list) else []
        turn = min(told, key=_rank, default=None)
    return {**{key: value for key, value in record.items() if key != "prompt"}, _LIST: turns}


def _rank(reply: Mapping[str, Json]) -> float:
    rank = reply.get("rank")
    return float(rank) if isinstance(rank, int | float) else float("inf")


def _message_beside(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """An answer whose text and reasoning are beside the question, under the names that turns have."""
    if not all(isinstance(record.get(key), str) for key in _MESSAGE) or not any(map(record.get, QUESTIONS)):
        return None
    rest = {key: value for key, value in record.items() if key not in _MESSAGE}
    return {**rest, _ANSWER: [{"role": "assistant", **{key: record[key] for key in _MESSAGE}}]}


_MESSAGE_OF_USER, _TEXT_OF_BOT = "message", "text"


def _of_cohere(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """A question in `message` behind earlier turns, or beside an answer; the answer may be `text`."""
    asked, said, before = (record.get(key) for key in (_MESSAGE_OF_USER, _TEXT_OF_BOT, HISTORIES[1]))
    if any(record.get(key) for key in (*QUESTIONS, *TURN_LISTS)):
        return None
    if not isinstance(asked, str):
        is_answered = (
            asked is None and isinstance(said, str) and isinstance(before, list) and are_turns(before)
        )
        return {**record, _LIST: before, _ANSWER: said} if is_answered else None
    rest = {key: value for key, value in record.items() if key != _MESSAGE_OF_USER}
    if any(record.get(key) is not None for key in ANSWERS):
        return {**rest, _QUESTION: asked}
    if before is None or not isinstance(said, str):
        return None
    del rest[_TEXT_OF_BOT]
    last = before[-1] if isinstance(before, list) and before else None
    if isinstance(last, Mapping) and last.get(_MESSAGE_OF_USER) == said:
        return {**rest, _LIST: before}  # a response repeats the whole conversation
    return {**rest, _QUESTION: asked, _ANSWER: said}


_NODES, _LEAF, _HIDDEN = "mapping", "current_node", ("reasoning_recap",)
_STANDING = ("user_profile", "user_instructions")
_SPOKEN_PART = "audio_transcription"


def _branch(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The branch of a tree of messages that ends at its current node (exports of ChatGPT).

    A message to another recipient than all is a call, thoughts are reasoning of the turn behind them, and the
    user's standing instructions are a system message. Messages of other branches are counted.
    """
    nodes = record.get(_NODES)
    if not isinstance(nodes, Mapping) or not nodes or not all(map(_is_node, nodes.values())):
        return None
    path: dict[str, Json] = {}
    name = record.get(_LEAF) or next(
        (key for key in reversed(list(nodes)) if not _inside(nodes[key], "children")), None
    )
    while isinstance(name, str) and name in nodes and name not in path:
        path[name] = _inside(nodes[name], "message")
        name = _inside(nodes[name], "parent")
    messages = [each for each in reversed(path.values()) if isinstance(each, Mapping)]
    others = sum(isinstance(_inside(node, "message"), Mapping) for node in nodes.values()) - len(messages)
    rest = {key: value for key, value in record.items() if key != _NODES}
    beside: Mapping[str, Json] = {"messages_of_other_branches": others} if others else {}
    return {**rest, **beside, _LIST: list(_with_thoughts(messages))}


def _is_node(value: Json) -> bool:
    return isinstance(value, Mapping) and {"message", "parent"} <= value.keys()


def _inside(value: Json, key: str) -> Json:
    return value.get(key) if isinstance(value, Mapping) else None


def _with_thoughts(messages: Sequence[Mapping[str, Json]]) -> Iterator[Json]:
    thoughts: list[str] = []
    for message in messages:
        content = message.get("content")
        listed = _inside(content, "thoughts")
        if isinstance(listed, list):
            thoughts += [
                said for each in listed if isinstance(said := _inside(each, "content"), str) and said
            ]
        elif _inside(content, "content_type") not in _HIDDEN and (turn := _of_message(message)):
            if thoughts and role_of(str(turn["role"])) is Role.ASSISTANT:
                turn, thoughts = {**turn, REASONING[0]: "\n".join(thoughts)}, []
            yield turn


def _of_message(message: Mapping[str, Json]) -> Mapping[str, Json]:
    """The turn of a message; empty where it says nothing."""
    role, content, recipient = (
        _inside(message.get("author"), "role"),
        message.get("content"),
        _recipient(message),
    )
    told: list[Json] = [said for key in _STANDING if (said := _inside(content, key))]
    if told:
        return {"role": "system", "content": told}
    said = _said_in(content)
    turn: dict[str, Json] = {"role": role, "content": said}
    if role == "assistant" and recipient is not None:
        turn = {"role": role, "tool_calls": [{"name": recipient, "arguments": text_of(said, _NODES, str)}]}
    elif role == "user" and _inside(message.get("metadata"), "attachments"):
        turn["content"] = [{"type": "file"}]
    elif role != "user" and said in ("", [], [""]):
        return {}
    return {**turn, WEIGHT: message[WEIGHT]} if WEIGHT in message and role == "assistant" else turn


def _recipient(message: Mapping[str, Json]) -> str | None:
    """The tool that a message is for; None where it is for all."""
    named = message.get("recipient")
    return named if isinstance(named, str) and named != "all" else None


def _said_in(content: Json) -> Json:
    """The text of a message: its parts with the words of what was spoken, or one of its texts."""
    parts = _inside(content, "parts")
    if not isinstance(parts, list):
        found = (_inside(content, key) for key in ("text", "result", "model_set_context"))
        return next((text for text in found if isinstance(text, str)), content)
    spoken = [each for each in parts if _inside(each, "content_type") == _SPOKEN_PART]
    if spoken:
        return [text for each in spoken if isinstance(text := _inside(each, "text"), str)]
    return [{"type": each.get("content_type")} if isinstance(each, Mapping) else each for each in parts]


_LAYOUTS = (
    *(_branch, _of_cohere, exchange, request_alone, _tree, turns_by_number, turns_by_lists),
    *(turns_of_plain_text, turns_of_calling_text, _message_beside),
)
