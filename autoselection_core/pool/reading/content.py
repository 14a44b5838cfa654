"""Content of a field or turn: texts as strings, numbers, lines or typed parts; tool calls of several APIs."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_object, canonical_text, spell_json, without_nulls
from autoselection_core.pool.reading.spellings import CONTENTS, REFUSAL, SPEAKERS
from autoselection_core.pool.sample import QuarantineReason, ToolCall

Spell: TypeAlias = Callable[[str], str]
"""`canonical_text` or `verbatim_text`."""

_THOUGHT = ("thinking", "reasoning", "redacted_thinking")
_MEDIA = ("image", "audio", "video", "file", "document")
_MEDIA_KEYS = (*_MEDIA, "inlinedata", "inline_data", "filedata", "file_data")
"""Fields of parts without a type that hold a picture, sound, video or file (Gemini, Bedrock)."""


USE, RESULT = "tool_use", "tool_result"
"""Types of parts that are a call and the result of one, as Anthropic writes them."""

_ARGUMENTS = ("arguments", "parameters", "input", "args")
_USES = ("functionCall", "function_call", "toolUse")
_RESULTS = ("functionResponse", "function_response", "toolResult")
"""Fields of parts that are a call and the result of one, as Gemini and Bedrock write them."""

_REASONED, _REASONED_TEXT = "reasoningContent", "reasoningText"
_CHANNEL, _ANALYSIS, _RECIPIENT = "channel", "analysis", "recipient"
_FUNCTIONS = "functions."
_HARMONY = (_CHANNEL, _RECIPIENT, "content_type")
"""Fields of a turn that name its channel, as Harmony writes them."""


def text_of(value: Json, where: str, spell: Spell = canonical_text) -> str:
    """The text of a string, a number, a truth value, a list of texts, or typed parts; empty for null.

    Texts of a list get a line each, typed parts follow one another.

    Args:
        value: Value of a field.
        where: Name of the field, for errors.
        spell: Canonical form of the text.

    Raises:
        RejectedRecordError: It holds something else.
    """
    if isinstance(value, str):
        return spell(value)
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return canonical_object(value) or ""
    if isinstance(value, list | tuple):
        return spell(_join(value, where))
    return spell(_part(value, where))


def has_text(value: Json) -> bool:
    """Whether a value holds a text anywhere that is not blank.

    Example:
        >>> has_text({"note": ["see page 3"]}), has_text({"note": [" ", 3]})
        (True, False)
    """
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, Mapping):
        return any(map(has_text, value.values()))
    return isinstance(value, list) and any(map(has_text, value))


def reasoning_text(value: Json) -> str:
    """The texts of the typed parts that are reasoning, joined by newlines."""
    if not isinstance(value, list | tuple):
        return ""
    thoughts = [_thought(part) for part in value if isinstance(part, Mapping) and _is_thought(part)]
    return canonical_text("\n".join(text for text in thoughts if text))


def _join(parts: list[Json] | tuple[Json, ...], where: str) -> str:
    there = [part for part in parts if part is not None]
    if all(isinstance(part, str | int | float) for part in there):
        return "\n".join(part if isinstance(part, str) else canonical_object(part) or "" for part in there)
    return "".join(_part(part, where) for part in there)


def _part(part: Json, where: str) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, f"{where} is no text")
    if not part:
        return ""
    kind = part.get("type")
    names = (*CONTENTS, REFUSAL) if kind == REFUSAL else CONTENTS
    said = next((text for key in names if (text := _plain(part.get(key))) is not None), None)
    if _is_thought(part):
        return ""
    if isinstance(kind, str) and any(medium in kind for medium in _MEDIA):
        raise RejectedRecordError(QuarantineReason.MEDIA, f"{where} holds a part of type {kind}")
    medium = next((key for key in part if part[key] and key.casefold() in _MEDIA_KEYS), None)
    if said is None and kind is None and medium is not None:
        raise RejectedRecordError(QuarantineReason.MEDIA, f"{where} holds a part with {medium}")
    if said is None and isinstance(inner := part.get("parts"), list):
        return _join(inner, where)
    if said is None:
        what = (
            f"a part of type {kind}, which is no text"
            if isinstance(kind, str)
            else "something other than text"
        )
        detail = f"{where} holds {what}{_named_inside(part, where)}"
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, detail)
    return said


def _plain(text: Json) -> str | None:
    """A text, or that of a text with annotations beside it (OpenAI's Assistants); None for anything else."""
    said = text.get("value") if isinstance(text, Mapping) and "annotations" in text else text
    return said if isinstance(said, str) else None


def _named_inside(part: Mapping[str, Json], where: str) -> str:
    """The way to name the text of an object, where the object is a field."""
    turns = next((key for key, value in part.items() if _is_list_of_turns(value)), None)
    if turns is not None and where.isidentifier():
        return f"; name its turns under `fields`, as in `turns: {where}.{turns}`"
    lengths = {key: len(value) for key, value in part.items() if isinstance(value, str)}
    if not lengths or not where.isidentifier() or isinstance(part.get("type"), str):
        return ""
    longest = max(lengths, key=lambda key: lengths[key])
    return f"; its fields are {', '.join(part)}: name one under `fields`, as in `{where}.{longest}`"


def _is_list_of_turns(value: Json) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, Mapping) and any(key in first for key in SPEAKERS)


def _thought(part: Mapping[str, Json]) -> str:
    """The text of a part that is reasoning, or of the parts that it holds."""
    found = next((part[key] for key in (*_THOUGHT, *CONTENTS) if part.get(key) is not None), "")
    return text_of(found, "reasoning", str)


def _is_thought(part: Mapping[str, Json]) -> bool:
    """Whether a part is reasoning: by its type, or by the mark that Gemini sets."""
    return part.get("type") in _THOUGHT or part.get("thought") is True


def calls_in(value: Json) -> tuple[ToolCall, ...] | None:
    """Tool calls of a value: one or a list, as JSON or as its text; None where something is no call.

    Arguments are an object, or the text of one. Fields that are null are left out of an object: Arrow pads
    the arguments of all calls of a column to one type, and to leave an argument out means the same. In a text
    they were written on purpose, and stay.

    Raises:
        RejectedRecordError: Arguments hold a number or a character that JSON cannot spell.
    """
    found = list(_each(parsed(value)))
    calls = [_call(each) for each in found]
    whole = tuple(call for call in calls if call is not None)
    return whole if whole and len(whole) == len(found) else None


def _each(value: Json) -> Iterator[Json]:
    for call in value if isinstance(value, list | tuple) else (value,):
        told = without_nulls(call)
        if told:
            yield told


def _call(value: Json) -> ToolCall | None:
    if not isinstance(value, Mapping):
        return None
    said = value.get("function", value)
    if not isinstance(said, Mapping) or not isinstance(name := said.get("name"), str) or not name:
        return None
    given = next((said[key] for key in _ARGUMENTS if key in said), None)
    if given is None and any(isinstance(each, Mapping) and each for each in said.values()):
        return None  # its arguments have another name
    called = value.get("id")
    return ToolCall(name, _arguments(given), str(called) if called else None)


def _arguments(value: Json) -> str:
    """Arguments as canonical JSON: an object or a list, `{}` for none, else the text that they are."""
    given = _as_mapping(parsed(value))
    found = given if isinstance(value, str) else without_nulls(given)
    if found is None or found == "":
        return "{}"
    if isinstance(found, list | Mapping):
        return spell_json(found)
    return spell_json(value if isinstance(value, str) else spell_json(found))


def _as_mapping(value: Json) -> Json:
    """An object for the list of pairs that an Arrow map is read as."""
    pairs = value if isinstance(value, list) else []
    if pairs and all(isinstance(pair, list) and len(pair) == len(("key", "value")) for pair in pairs):
        return {str(pair[0]): pair[1] for pair in pairs if isinstance(pair, list)}
    return value


def parsed(value: Json) -> Json:
    """Value of a JSON text, if it is an object or a list; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        found: Json = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, list | dict) else value


def known_parts(content: Json) -> Json:
    """Typed parts of a turn, with calls and results in the terms of Anthropic; any other content as it is."""
    if not isinstance(content, list):
        return content
    return [known for part in content for known in _with_result(part)]


_CALL_AND_RESULT, _OF_ITSELF, _START = "toolCallId", "toolInvocation", "step-start"
_TOOL_PART = "tool-"


def _with_result(part: Json) -> Sequence[Json]:
    """A part, or the call and its result that one is (AI SDK); nothing for the mark of a step."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(kind, str):
        return (_known_part(part),)
    inner = part.get(_OF_ITSELF)
    call = inner if isinstance(inner, Mapping) else part
    if _CALL_AND_RESULT not in call:
        return () if kind == _START else (_known_part(part),)
    name, called = call.get("toolName") or kind.removeprefix(_TOOL_PART), call[_CALL_AND_RESULT]
    use: Json = {"type": USE, "name": name, "id": called, "input": call.get("input", call.get("args"))}
    found = call.get("output", call.get("result"))
    result: Json = {"type": RESULT, "tool_use_id": called, "content": found}
    return (use,) if found is None else (use, result)


def _known_part(part: Json) -> Json:
    if not isinstance(part, Mapping) or "type" in part:
        return _plain_kind(part)
    for key in _USES:
        if isinstance(used := part.get(key), Mapping):
            return {"type": USE, **used, "id": used.get("toolUseId", used.get("id"))}
    for key in _RESULTS:
        if isinstance(found := part.get(key), Mapping):
            called = found.get("toolUseId", found.get("id"))
            content = found.get("content", found.get("response"))
            return {"type": RESULT, "tool_use_id": called, "name": found.get("name"), "content": content}
    if isinstance(thought := part.get(_REASONED), Mapping) and isinstance(
        text := thought.get(_REASONED_TEXT), Mapping
    ):
        return {"type": "thinking", **text}
    return part


def _plain_kind(part: Json) -> Json:
    """A part whose type names the kind of tool, such as `mcp_tool_use`, without that kind."""
    kind = part.get("type") if isinstance(part, Mapping) else None
    if not isinstance(part, Mapping) or not isinstance(kind, str):
        return part
    plain = next((each for each in (USE, RESULT) if kind.endswith(f"_{each}")), None)
    return part if plain is None else {**part, "type": plain}


_MESSAGE, _REASONING_ITEM = "message", "reasoning"
_CALL_ITEMS = ("function_call", "custom_tool_call")
_OF_ITEMS: Mapping[str, str] = {
    **dict.fromkeys(_CALL_ITEMS, "name"),
    **{f"{kind}_output": "call_id" for kind in _CALL_ITEMS},
    _REASONING_ITEM: "summary",
}
"""Types of items of OpenAI's Responses beside messages, and a field that each of them has."""

_ITEM_KEYS = ("type", "id", "status")
"""Fields of an item that say nothing of the conversation."""


def is_item(turn: Json) -> bool:
    """Whether a turn is an item of OpenAI's Responses without a speaker: a call, its result, or reasoning."""
    if not isinstance(turn, Mapping) or any(turn.get(key) is not None for key in SPEAKERS):
        return False
    kind = turn.get("type")
    return isinstance(kind, str) and kind in _OF_ITEMS and _OF_ITEMS[kind] in turn


def is_message(turn: Json) -> bool:
    """Whether a turn is a message among items of OpenAI's Responses."""
    return isinstance(turn, Mapping) and turn.get("type") == _MESSAGE


def without_items(turns: Sequence[Json]) -> Sequence[Json]:
    """Turns for the items of OpenAI's Responses.

    A call is one of the assistant, and reasoning is that of the turn of the assistant behind it.
    """
    are_items = any(is_item(turn) or is_message(turn) for turn in turns)
    return list(_of_items(turns)) if are_items else turns


def _of_items(turns: Sequence[Json]) -> Iterator[Json]:
    thoughts: list[str] = []
    for turn in turns:
        if isinstance(turn, Mapping) and is_item(turn) and turn["type"] == _REASONING_ITEM:
            thoughts += [text for key in ("summary", "content") if (text := _texts_of(turn.get(key)))]
            continue
        spoken = _turn_of(turn) if isinstance(turn, Mapping) else turn
        if thoughts and isinstance(spoken, Mapping) and spoken.get("role") == "assistant":
            spoken, thoughts = {**spoken, "reasoning_content": "\n".join(thoughts)}, []
        yield spoken
    if thoughts:
        yield {"role": "assistant", "reasoning_content": "\n".join(thoughts)}


def _texts_of(parts: Json) -> str:
    found = (
        [part.get("text") for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    )
    return "\n".join(text for text in found if isinstance(text, str))


def _turn_of(item: Mapping[str, Json]) -> Json:
    """The turn of an item; any other turn as it is."""
    if is_message(item):
        return {key: value for key, value in item.items() if key not in _ITEM_KEYS}
    if not is_item(item):
        return item
    call = item.get("call_id")
    if item["type"] in _CALL_ITEMS:
        given = item.get("arguments", item.get("input"))
        return {"role": "assistant", "tool_calls": [{"name": item["name"], "arguments": given, "id": call}]}
    return {"role": "tool", "content": item.get("output"), "tool_call_id": call}


def without_channels(turns: Sequence[Json]) -> Sequence[Json]:
    """Turns without the channels of Harmony.

    `analysis` is the reasoning of the turn of the assistant behind it, and a turn to the recipient
    `functions.NAME` is a call.
    """
    if not any(isinstance(turn, Mapping) and isinstance(turn.get(_CHANNEL), str) for turn in turns):
        return turns
    return list(_of_harmony(turns))


def _of_harmony(turns: Sequence[Json]) -> Iterator[Json]:
    thoughts: list[str] = []
    for turn in turns:
        channel = turn.get(_CHANNEL) if isinstance(turn, Mapping) else None
        if (
            isinstance(turn, Mapping)
            and channel == _ANALYSIS
            and not str(turn.get(_RECIPIENT) or "").startswith(_FUNCTIONS)
        ):
            thoughts.append(text_of(turn.get("content"), _ANALYSIS, str))
            continue
        reasoning = {"reasoning_content": "\n".join(thoughts)} if thoughts else {}
        if isinstance(turn, Mapping) and channel is not None:
            yield {**_called(turn), **reasoning}
        else:
            yield from [{"role": "assistant", **reasoning}] if reasoning else []
            yield turn
        thoughts = []
    if thoughts:
        yield {"role": "assistant", "reasoning_content": "\n".join(thoughts)}


def _called(turn: Mapping[str, Json]) -> dict[str, Json]:
    """A turn without its channel; its text as the arguments of a call where it is one."""
    rest = {key: value for key, value in turn.items() if key not in _HARMONY}
    recipient, speaker = turn.get(_RECIPIENT), turn.get("role")
    if isinstance(speaker, str) and speaker.startswith(_FUNCTIONS):
        return {**rest, "role": "tool", "name": speaker}
    if not isinstance(recipient, str) or not recipient.startswith(_FUNCTIONS):
        return rest
    given = text_of(rest.pop("content", None), _RECIPIENT, str)
    call: Json = {"name": recipient.removeprefix(_FUNCTIONS), "arguments": given}
    return {**rest, "tool_calls": [call]}
