"""Texts in the value of a field: strings, numbers, lists of lines, and typed parts."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_object, canonical_text
from autoselection_core.pool.reading.spellings import CONTENTS
from autoselection_core.pool.reason import QuarantineReason

Spell: TypeAlias = Callable[[str], str]
"""`canonical_text` or `verbatim_text`."""

_THOUGHT = ("thinking", "reasoning")
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
