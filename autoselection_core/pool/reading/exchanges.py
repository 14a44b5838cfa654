"""Exchanges with the API of a model, a request and its response, as logs and files of batches hold them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from autoselection_core.identity import Json
from autoselection_core.pool.reading.spellings import (
    ANSWERS,
    HISTORIES,
    PARTS,
    QUESTIONS,
    SYSTEMS,
    TURN_LISTS,
    role_of,
)
from autoselection_core.pool.reading.turns import are_turns
from autoselection_core.pool.sample import Role

FURTHER_SYSTEMS = ("systeminstruction", "system_instruction", "systemprompt", "preamble")
_CONVERSATION, _QUESTION, _ANSWER = "conversation", "question", "answer"

Found: TypeAlias = tuple[str, Json]
"""Name of a field as the record spells it, and its value."""


def fields_in(record: Mapping[str, Json], names: Iterable[str]) -> Iterator[Found]:
    """The fields of some names that are there, in the order of the names."""
    yield from (found for found in (field_in(record, name) for name in names) if found[1] is not None)


def field_in(record: Mapping[str, Json], name: str) -> Found:
    """The field of a name in any case; null where there is none."""
    key = next((key for key in record if key.casefold() == name), name)
    return key, record.get(key)


def with_contents(value: Json) -> Json:
    """Turns, or one, whose text is under `parts`, as Gemini writes them."""
    if isinstance(value, list):
        return [with_contents(each) for each in value]
    if isinstance(value, Mapping) and "parts" in value and "content" not in value:
        return {("content" if key == "parts" else key): each for key, each in value.items()}
    return value


def text_in(value: Json) -> Json:
    """The parts of a system message, or the message."""
    return value["parts"] if isinstance(value, Mapping) and "parts" in value else value


_REQUEST, _REQUESTED = "input", ("messages", "tools")


def request_alone(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """A record whose `input` is a request with turns under `messages` (OpenAI's preference data)."""
    request = record.get(_REQUEST)
    if not isinstance(request, Mapping) or not are_turns(request.get(_REQUESTED[0])):
        return None
    rest = {key: value for key, value in request.items() if key not in _REQUESTED}
    beside = {key: value for key, value in record.items() if key != _REQUEST}
    told = {key: request[key] for key in _REQUESTED if request.get(key)}
    return {**beside, **({_REQUEST: rest} if rest else {}), **told}


_MESSAGE_OF_USER, _TEXT_OF_BOT = "message", "text"


def cohere_message(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """A question in `message` behind earlier turns, or beside an answer; the answer may be `text`."""
    asked, said, before = (record.get(key) for key in (_MESSAGE_OF_USER, _TEXT_OF_BOT, HISTORIES[1]))
    if any(record.get(key) for key in (*QUESTIONS, *TURN_LISTS)):
        return None
    if not isinstance(asked, str):
        is_answered = (
            asked is None and isinstance(said, str) and isinstance(before, list) and are_turns(before)
        )
        return {**record, _CONVERSATION: before, _ANSWER: said} if is_answered else None
    rest = {key: value for key, value in record.items() if key != _MESSAGE_OF_USER}
    if any(record.get(key) is not None for key in ANSWERS):
        return {**rest, _QUESTION: asked}
    if before is None or not isinstance(said, str):
        return None
    del rest[_TEXT_OF_BOT]
    last = before[-1] if isinstance(before, list) and before else None
    if isinstance(last, Mapping) and last.get(_MESSAGE_OF_USER) == said:
        return {**rest, _CONVERSATION: before}  # a response repeats the whole conversation
    return {**rest, _QUESTION: asked, _ANSWER: said}


_REQUESTS = ("request", "request_body", "body", "params", "payload", "modelInput", "inputs", _REQUEST)
RESPONSES = ("response", "response_body", "result", "modelOutput", "output", "outputs", "completion")
_OUTPUT = "output"

_STREAMED = ("data: {", "event: ")
"""Beginnings of a stream of events, which holds an answer in pieces."""

_CONTENTS = "contents"
"""Turns of a request to Gemini."""

_WRAPS = ("body", "params", "json", "inputBodyJson", "outputBodyJson")
_ASKED = ("messages", "contents", "input", "prompt")
_ASKED_OF_COHERE, _OF_COHERE = "message", {"generation_id", "response_id"}
_INSTRUCTIONS = "instructions"
_BESIDE = "_metadata"

Part: TypeAlias = tuple[list[Json], Mapping[str, Json]]
"""Turns of a request or a response, and its other fields."""


def exchange(record: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """A request to the API of a model and its response, as logs and files of batches hold them.

    What else the two say is kept beside. Of several answers the first is read; one in a field of its own
    beside the response is another one.
    """
    asked = next(((key, found) for key in _REQUESTS if (found := _request_in(record.get(key)))), None)
    answered = next(((key, found) for key in RESPONSES if (found := _response_in(record.get(key)))), None)
    if answered is not None and _answers(record):
        return None
    if asked is None:
        return _beside_response(record, answered)
    key, (turns, request) = asked
    rest = {name: value for name, value in record.items() if name != key}
    if answered is not None:
        name, (reply, response) = answered
        rest = {field: value for field, value in rest.items() if field != name} | _metadata(name, response)
        turns = [*turns, *reply]
    elif request_alone(record) is not None or not (_ends_in_answer(turns) or _answers(record)):
        return None
    known = {field: request[field] for field in (SYSTEMS[0], _REQUESTED[1]) if field in request}
    beside = {field: value for field, value in request.items() if field not in known}
    return {**rest, **_metadata(key, beside), **known, _REQUESTED[0]: turns}


def _beside_response(
    record: Mapping[str, Json], answered: tuple[str, Part] | None
) -> Mapping[str, Json] | None:
    """The record of a question in known fields, with the answer of the response beside it."""
    if not any(record.get(key) for key in TURN_LISTS) and are_turns(record.get(_CONTENTS)):
        contents = with_contents(record[_CONTENTS])
        record = {**_without(record, (_CONTENTS,)), _REQUESTED[0]: contents}
    asks = next((key for key in (*TURN_LISTS, *QUESTIONS) if record.get(key)), None)
    part = _response_of(record) if answered is None else answered[1]
    if asks is None or part is None or _answers(record):
        return None
    reply, response = part
    rest = dict(response)
    if answered is not None:
        others = {key: value for key, value in record.items() if key != answered[0]}
        rest = {**others, **_metadata(answered[0], response)}
    turns = rest.get(asks)
    return {**rest, asks: [*turns, *reply]} if isinstance(turns, list) else {**rest, _ANSWER: reply}


def _metadata(key: str, rest: Mapping[str, Json]) -> dict[str, Json]:
    return {f"{key}{_BESIDE}": dict(rest)} if rest else {}


def _ends_in_answer(turns: list[Json]) -> bool:
    last = turns[-1]
    speaker = last.get("role") if isinstance(last, Mapping) else None
    return isinstance(speaker, str) and role_of(speaker) is Role.ASSISTANT


def _answers(record: Mapping[str, Json]) -> bool:
    """Whether a field that is known holds an answer as text."""
    texts = (text for name in ANSWERS if isinstance(text := record.get(name), str))
    return any(
        text and _response_in(text) is None and not text.lstrip().startswith(_STREAMED) for text in texts
    )


def _object(value: Json) -> Mapping[str, Json] | None:
    """An object, or that which a text spells as JSON; with what it wraps."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if not isinstance(value, Mapping):
        return None
    inner = next((each for key in _WRAPS if isinstance(each := value.get(key), Mapping | str)), None)
    return value if inner is None else _object(inner) or value


def _request_in(value: Json) -> Part | None:
    """Turns of a request, and its other fields, with system message and tools under known names."""
    request = _with_messages(_object(value))
    key = None if request is None else next((key for key in _ASKED if request.get(key)), None)
    if request is None or key is None:
        return None
    turns = with_contents(request[key])
    if isinstance(turns, str) and key in _ASKED[2:]:
        turns = [{"role": "user", "content": turns}]
    if not isinstance(turns, list) or not are_turns(turns):
        return None
    rest = {name: said for name, said in request.items() if name != key}
    told = next(fields_in(rest, (*SYSTEMS, *FURTHER_SYSTEMS, _INSTRUCTIONS)), None)
    if told is not None:
        del rest[told[0]]
        rest[SYSTEMS[0]] = text_in(told[1])
    return turns, rest


def _with_messages(request: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    """A request with turns: one to Cohere has its question beside earlier turns."""
    asked = None if request is None else request.get(_ASKED_OF_COHERE)
    if request is None or not isinstance(asked, str):
        return request
    before = request.get(HISTORIES[1])
    turns = [*(before if isinstance(before, list) else []), {"role": "user", "content": asked}]
    return {**_without(request, (_ASKED_OF_COHERE, HISTORIES[1])), _REQUESTED[0]: turns}


def _response_in(value: Json) -> Part | None:
    response = _object(value)
    found = None if response is None else _response_of(response)
    turns = None if response is None else response.get(_REQUESTED[0])
    if response is None or found is not None or not isinstance(turns, list) or not are_turns(turns):
        return found
    return None if _asks(turns[0]) else (turns, _without(response, _REQUESTED[:1]))


def _response_of(response: Mapping[str, Json]) -> Part | None:
    """The turns with which a response answers, and its other fields."""
    if are_turns(response) and "content" in response:
        turn: Json = {"role": response.get("role"), "content": response["content"]}
        return None if _asks(response) else ([turn], _without(response, ("role", "content")))
    if isinstance(said := response.get("text"), str) and _OF_COHERE & response.keys():
        return [{"role": "assistant", "content": said}], _without(response, ("text", HISTORIES[1]))
    items = response.get(_OUTPUT)
    if isinstance(items, list) and are_turns(items):
        return items, _without(response, (_OUTPUT,))
    if isinstance(items, Mapping) and (inner := _response_of(items)) is not None:
        return inner[0], {**_without(response, (_OUTPUT,)), **inner[1]}  # Converse of Bedrock
    return _first_reply(response)


def _first_reply(response: Mapping[str, Json]) -> Part | None:
    """The first of the replies that a response lists, as a turn, and its other fields."""
    for key, turn_of in _REPLIES_OF.items():
        said = response.get(key)
        several = said if isinstance(said, list) else [said]
        if len(several) > 1 and all(isinstance(each, str) for each in several):
            continue  # several answers, of which none is known to be the best
        if several and (turn := turn_of(several[0])) is not None:
            others: dict[str, Json] = {f"other_{key}": list(several[1:])} if several[1:] else {}
            return [turn], {**_without(response, (key,)), **others}
    return None


def _asks(turn: Json) -> bool:
    """Whether a turn is one of the user or the system."""
    speaker = turn.get("role") if isinstance(turn, Mapping) else None
    return isinstance(speaker, str) and role_of(speaker) in {Role.USER, Role.SYSTEM}


def _without(record: Mapping[str, Json], names: Iterable[str]) -> dict[str, Json]:
    return {key: value for key, value in record.items() if key not in names}


def _with_role(said: Json) -> Json:
    """A message as a turn of the assistant; None for anything else."""
    if not isinstance(said, Mapping) or not {"content", PARTS, "tool_calls"} & said.keys() or _asks(said):
        return None
    return with_contents({"role": "assistant", **said})


def _of_choice(said: Json) -> Json:
    if not isinstance(said, Mapping):
        return None
    text = said.get("text") if {"index", "finish_reason"} & said.keys() else None
    return _with_role(said.get("message")) or _of_text(text)


def _of_candidate(said: Json) -> Json:
    return _with_role(said.get("content")) if isinstance(said, Mapping) else None


def _of_text(said: Json) -> Json:
    text = said.get("text") if isinstance(said, Mapping) else said
    return {"role": "assistant", "content": text} if isinstance(text, str) and text.strip() else None


def _of_generations(said: Json) -> Json:
    return _of_text(said[0] if isinstance(said, list) and said else said)


_REPLIES_OF: Mapping[str, Callable[[Json], Json]] = {
    "choices": _of_choice,
    "candidates": _of_candidate,
    "message": _with_role,
    "outputs": _of_text,
    "generated_text": _of_text,
    "generations": _of_generations,
}
"""Fields that hold answers: of OpenAI, Gemini, Ollama and Anthropic's batches, vLLM, TGI, LangChain."""


def is_request(record: Mapping[str, Json]) -> bool:
    """Whether a record asks a model and nothing answers."""
    return any(_request_in(record.get(key)) for key in _REQUESTS) and exchange(record) is None


def is_response(record: Mapping[str, Json]) -> bool:
    """Whether a record answers as a model does, and nothing asks."""
    is_one = _response_of(record) is not None or any(_response_in(record.get(key)) for key in RESPONSES)
    return is_one and exchange(record) is None
