"""Turns of a sample in the terms of a chat template: its fields for tool calls, results and reasoning.

Templates differ in what they take, which is found by rendering a short conversation: reasoning under one of
three names, calls under `tool_calls`. Calls that a template does not take become text of the answer, so that
they are taught all the same; reasoning that it does not take is left out.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.identity import canonical_json
from autoselection_core.pool.reading.spellings import REASONING
from autoselection_core.pool.sample import Message, Sample, ToolCall

TemplateTurn: TypeAlias = dict[str, Any]
"""A turn as `apply_chat_template` takes it."""

_PROBE = "autoselectionprobe"
_ASKED: TemplateTurn = {"role": "user", "content": "q"}


def template_turns(sample: Sample, tokenizer: Any) -> list[TemplateTurn]:  # noqa: ANN401 transformers has no types
    """The turns of a sample as the template of a tokenizer takes them."""
    if all(message.is_plain for message in sample.messages):
        return [{"role": str(message.role), "content": message.content} for message in sample.messages]
    has_calls = any(message.calls for message in sample.messages)
    has_reasoning = any(message.reasoning for message in sample.messages)
    calls_as_fields = has_calls and takes_calls(tokenizer)
    field = reasoning_field(tokenizer) if has_reasoning else None
    return [_turn(message, calls_as_fields=calls_as_fields, reasoning=field) for message in sample.messages]


def takes_calls(tokenizer: Any) -> bool:  # noqa: ANN401 transformers has no types
    """Whether the template writes tool calls."""
    called = {"role": "assistant", "content": "", "tool_calls": [_call(ToolCall(_PROBE), "000000001")]}
    result = {"role": "tool", "content": "r", "name": _PROBE, "tool_call_id": "000000001"}
    return _is_written(tokenizer, [_ASKED, called]) or _is_written(tokenizer, [_ASKED, called, result])


def reasoning_field(tokenizer: Any) -> str | None:  # noqa: ANN401 transformers has no types
    """The field under which the template takes reasoning; None where it takes none."""
    for field in REASONING:
        if _is_written(tokenizer, [_ASKED, {"role": "assistant", "content": "a", field: _PROBE}]):
            return field
    return None


def apply_template(
    tokenizer: Any,  # noqa: ANN401 transformers has no types
    turns: Sequence[TemplateTurn],
    tools: Any = None,  # noqa: ANN401 any JSON
    *,
    answer_follows: bool = False,
    sample_id: str = "",
) -> str:
    """Text of turns in the template.

    Raises:
        ChatTemplateError: The template refuses them.
    """
    from autoselection_core.models.chat.template_sandbox import rendered

    written = partial(
        tokenizer.apply_chat_template,
        turns,
        tools=tools,
        tokenize=False,
        add_generation_prompt=answer_follows,
    )
    return rendered(str(tokenizer.chat_template), (turns, tools), written, sample_id)


def _turn(message: Message, *, calls_as_fields: bool, reasoning: str | None) -> TemplateTurn:
    turn: TemplateTurn = {"role": str(message.role), "content": message.content}
    if message.reasoning is not None and reasoning is not None:
        turn[reasoning] = message.reasoning
    if message.calls and calls_as_fields:
        turn["tool_calls"] = [_call(call, call.id) for call in message.calls]
    elif message.calls:
        turn["content"] = with_calls_as_text(message)
    named = {"name": message.name, "tool_call_id": message.call_id}
    return {**turn, **{field: said for field, said in named.items() if said is not None}}


def with_calls_as_text(message: Message) -> str:
    """Text of an answer with its calls below it, as canonical JSON, a line each."""
    calls = [canonical_json(call.to_json()) for call in message.calls]
    return "\n".join(part for part in (message.content, *calls) if part)


def _call(call: ToolCall, call_id: str | None) -> Mapping[str, Any]:
    named = {} if call_id is None else {"id": call_id}
    said = call.to_json()
    return {**named, "type": "function", "function": {"name": call.name, "arguments": said["arguments"]}}


def _is_written(tokenizer: Any, turns: Sequence[TemplateTurn]) -> bool:  # noqa: ANN401 transformers has no types
    try:
        return _PROBE in apply_template(tokenizer, turns)
    except ChatTemplateError:
        return False
