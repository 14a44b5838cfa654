"""Tool calls of a turn, in the spellings of OpenAI and ShareGPT."""

import json
from collections.abc import Iterator, Mapping

from autoselection_core.identity import Json
from autoselection_core.pool.canonical import spell_json, without_nulls
from autoselection_core.pool.sample import ToolCall

_ARGUMENTS = ("arguments", "parameters", "input")


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
