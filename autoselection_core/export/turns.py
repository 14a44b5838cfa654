"""Turns of a sample in the formats of training programs: role, text, and further fields.

Every turn of an export has the same fields, null where it says nothing there: programs take the type of a
column from its first lines.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from autoselection_core.pool.sample import Message, Role, Sample, ToolCall

Turn: TypeAlias = dict[str, Any]
"""A turn as JSON."""

REASONING, CALLS, NAME, CALL_ID = "reasoning_content", "tool_calls", "name", "tool_call_id"
WEIGHT, TRAIN = "weight", "train"

_FIELDS = (REASONING, CALLS, NAME, CALL_ID, WEIGHT)

_SHAREGPT: Mapping[Role, str] = {
    Role.SYSTEM: "system",
    Role.USER: "human",
    Role.ASSISTANT: "gpt",
    Role.TOOL: "observation",
}


def fields_of(sample: Sample) -> set[str]:
    """The fields beside role and text that the turns of a sample need."""
    further = (_further(message) for message in sample.messages if not message.is_plain)
    return {field for said in further for field, value in said.items() if value is not None}


def in_order(fields: set[str]) -> tuple[str, ...]:
    """Fields of turns in the order in which they are written."""
    return tuple(field for field in _FIELDS if field in fields)


def messages(sample: Sample, fields: tuple[str, ...]) -> list[Turn]:
    """Turns as TRL and OpenAI have them; arguments of calls are objects, as chat templates take them."""
    return [_message(each, fields, _object_call) for each in sample.messages]


def messages_with_texts(sample: Sample, fields: tuple[str, ...]) -> list[Turn]:
    """Turns as axolotl has them: arguments are JSON texts, and `train` says which turns are taught."""
    return [_with_train(_message(each, fields, _text_call), each) for each in sample.messages]


def sharegpt(sample: Sample, fields: tuple[str, ...]) -> list[Turn]:
    """Turns of from and value; calls are a turn of their own, which continues the one before it."""
    return [turn for message in sample.messages for turn in _sharegpt_turns(message, fields)]


def _message(message: Message, fields: tuple[str, ...], spell: Callable[[ToolCall], Turn]) -> Turn:
    further = _further(message)
    if message.calls:
        further[CALLS] = [spell(call) for call in message.calls]
    turn: Turn = {"role": message.role.value, "content": message.content}
    return {**turn, **{field: further.get(field) for field in fields}}


def _with_train(turn: Turn, message: Message) -> Turn:
    if WEIGHT not in turn:
        return turn
    is_taught = message.role is Role.ASSISTANT and message.is_taught
    return {**{key: value for key, value in turn.items() if key != WEIGHT}, TRAIN: is_taught}


def _sharegpt_turns(message: Message, fields: tuple[str, ...]) -> Iterator[Turn]:
    further = {field: _further(message).get(field) for field in fields if field != CALLS}
    if message.content or not message.calls:
        yield {"from": _SHAREGPT[message.role], "value": message.content, **further}
        further = {**further, **({REASONING: None} if REASONING in further else {})}
    if message.calls:
        calls = [call.to_json() for call in message.calls]
        value = json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=False)
        yield {"from": "function_call", "value": value, **further}


def _further(message: Message) -> Turn:
    """Fields of a message beside role and content, by name; a weight where it is not taught."""
    return {
        REASONING: message.reasoning,
        CALLS: message.calls or None,
        NAME: message.name,
        CALL_ID: message.call_id,
        WEIGHT: None if message.is_taught else 0,
    }


def _object_call(call: ToolCall) -> Turn:
    return _call(call, json.loads(call.arguments))


def _text_call(call: ToolCall) -> Turn:
    arguments = json.loads(call.arguments)
    return _call(call, arguments if isinstance(arguments, str) else call.arguments)


def _call(call: ToolCall, arguments: Any) -> Turn:  # noqa: ANN401 any JSON
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}
