"""Turns of a sample in the formats of training programs: role, text, and fields that any sample needs.

Every turn of an export has the same fields, null where it says nothing there: programs take the type of a
column from its first lines.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any, TypeAlias

from autoselection_core.pool.pool import CHARACTERS_A_TOKEN
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


@dataclass(frozen=True)
class Content:
    """Facts about the samples of a subset.

    Attributes:
        samples: Number of samples.
        has_tools: Whether a sample has definitions of tools.
        has_several_answers: Whether a sample has more than one answer of the assistant.
        not_alternating: Samples whose turns do not alternate between what is answered and the answer, after
            at most one system message. LLaMA-Factory skips them with a warning.
        tokens: Tokens of a sample on average; estimated from the characters where nobody counted.
        turn_fields: Fields of turns beside role and text (`autoselection_core.export.turns`).
        untaught: Samples with a turn of the assistant that is not taught.
        reasoning: Samples with a turn of the assistant that has reasoning.
    """

    samples: int
    has_tools: bool
    has_several_answers: bool
    not_alternating: int
    tokens: float
    turn_fields: tuple[str, ...] = ()
    untaught: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, samples: Iterable[Sample], tokens: float | None = None) -> "Content":
        """The facts about samples, read once.

        Args:
            samples: The samples.
            tokens: Tokens of a sample on average, where they were counted.
        """
        count = not_alternating = characters = untaught = reasoning = 0
        fields: set[str] = set()
        has_tools = has_several_answers = False
        for sample in samples:
            count += 1
            has_tools |= sample.tools is not None
            has_several_answers |= sum(each.role is Role.ASSISTANT for each in sample.messages) > 1
            not_alternating += not _alternates(sample)
            characters += sum(len(message.text) for message in sample.messages)
            fields |= fields_of(sample)
            untaught += any(not message.is_taught for message in sample.messages)
            reasoning += any(message.reasoning is not None for message in sample.messages)
        estimate = characters / CHARACTERS_A_TOKEN / max(count, 1)
        return cls(
            count,
            has_tools,
            has_several_answers,
            not_alternating,
            estimate if tokens is None else tokens,
            in_order(fields),
            untaught,
            reasoning,
        )


def _alternates(sample: Sample) -> bool:
    roles = [message.role for message in sample.messages]
    turns = roles[1:] if roles[0] is Role.SYSTEM else roles
    expected = cycle(((Role.USER, Role.TOOL), (Role.ASSISTANT,)))
    return len(turns) % 2 == 0 and all(role in asked for role, asked in zip(turns, expected, strict=False))
