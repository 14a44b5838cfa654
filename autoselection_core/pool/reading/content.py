"""Content of a field: texts as strings, numbers, lines or typed parts; tool calls of OpenAI and ShareGPT."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_object, canonical_text, spell_json, without_nulls
from autoselection_core.pool.reading.spellings import CONTENTS
from autoselection_core.pool.reason import QuarantineReason
from autoselection_core.pool.sample import ToolCall

Spell: TypeAlias = Callable[[str], str]
"""`canonical_text` or `verbatim_text`."""

_THOUGHT = ("thinking", "reasoning")
_ARGUMENTS = ("arguments", "parameters", "input")
_MEDIA = ("image", "audio", "video", "file", "document")


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
    thoughts = [_thought(part) for part in value if isinstance(part, Mapping)]
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
    kind = part.get("type")
    said = next((text for key in CONTENTS if isinstance(text := part.get(key), str)), None)
    if _is_thought(kind):
        return ""
    if isinstance(kind, str) and any(medium in kind for medium in _MEDIA):
        raise RejectedRecordError(QuarantineReason.MEDIA, f"{where} holds a part of type {kind}")
    if said is None:
        detail = f"{where} holds something other than text{_named_inside(part, where)}"
        raise RejectedRecordError(QuarantineReason.NO_MESSAGES, detail)
    return said


def _named_inside(part: Mapping[str, Json], where: str) -> str:
    """The way to name the text of an object, where the object is a field."""
    lengths = {key: len(value) for key, value in part.items() if isinstance(value, str)}
    if not lengths or not where.isidentifier():
        return ""
    longest = max(lengths, key=lambda key: lengths[key])
    return f"; its fields are {', '.join(part)}: name one under `fields`, as in `{where}.{longest}`"


def _thought(part: Mapping[str, Json]) -> str:
    if not _is_thought(part.get("type")):
        return ""
    return next((text for key in (*_THOUGHT, *CONTENTS) if isinstance(text := part.get(key), str)), "")


def _is_thought(kind: Json) -> bool:
    return isinstance(kind, str) and kind in _THOUGHT


def calls_in(value: Json) -> tuple[ToolCall, ...] | None:
    """Tool calls of a value: one or a list, as JSON or as its text; None where something is no call.

    Arguments are an object, or the text of one. Fields that are null are left out of them: Arrow pads the
    arguments of all calls of a column to one type, and to leave an argument out means the same.

    Raises:
        RejectedRecordError: Arguments hold a number or a character that JSON cannot spell.
    """
    found = list(_each(_parse(value)))
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
    called = value.get("id")
    return ToolCall(name, _arguments(given), str(called) if called else None)


def _arguments(value: Json) -> str:
    """Arguments as canonical JSON: an object or a list, `{}` for none, else the text that they are."""
    found = without_nulls(_as_mapping(_parse(value)))
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


def _parse(value: Json) -> Json:
    """Parsed value of a JSON text, if it is an object or a list; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        found: Json = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, list | dict) else value
