"""Canonical form of the content of a record.

Records that differ only in the way they are written down are the same sample: Unicode composition (NFC),
line ends, white space around a message that is no answer, the order of keys in JSON.
`docs/decisions/0001-identity.md` gives the reasons.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json, canonical_json
from autoselection_core.pool.sample import QuarantineReason


def canonical_text(text: str) -> str:
    r"""Canonical form of a message other than an answer: without white space around it.

    Raises:
        RejectedRecordError: The text holds half a surrogate pair, which no UTF-8 can spell.

    Example:
        >>> canonical_text(" e\u0301t\u00e9\r\n") == "\u00e9t\u00e9"
        True
    """
    return verbatim_text(text).strip()


def verbatim_text(text: str) -> str:
    r"""Canonical form of an answer: composition and line ends are unified, white space around it stays.

    Indentation at the start of an answer is part of it, as in Python or YAML.

    Raises:
        RejectedRecordError: The text holds half a surrogate pair, which no UTF-8 can spell.

    Example:
        >>> verbatim_text("    return e\u0301\r\n")
        '    return é\n'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _encodable(text))
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def canonical_object(value: Json) -> str | None:
    """Canonical JSON of a value; None for null and empty ones. A string of JSON is parsed first.

    Raises:
        RejectedRecordError: The value holds a number or a character that has no spelling.
    """
    if isinstance(value, str):
        value = _spell_in(value)
    if value is None or (isinstance(value, str | list | Mapping) and not value):
        return None
    return spell_json(value)


def spell_json(value: Json) -> str:
    """Canonical JSON of a value from a record.

    Raises:
        RejectedRecordError: The value holds a number or a character that has no spelling.
    """
    try:
        return _encodable(canonical_json(value))
    except (ValueError, RecursionError) as error:
        raise RejectedRecordError(QuarantineReason.BAD_JSON, str(error)) from error


def spell_out(value: Json) -> Json:
    r"""A JSON value in which everything has a spelling: numbers without one are null, half pairs U+FFFD.

    Example:
        >>> spell_out({"score": float("inf"), "note": "half \ud800"})
        {'score': None, 'note': 'half �'}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {str(spell_out(key)): spell_out(each) for key, each in value.items()}
    return [spell_out(each) for each in value] if isinstance(value, list | tuple) else value


def without_nulls(value: Json) -> Json:
    """A JSON value without the fields that are null: Arrow pads records with them to one type.

    Example:
        >>> without_nulls({"stop": "Mill", "port": None, "via": [{"a": None}, None]})
        {'stop': 'Mill', 'via': [{}, None]}
    """
    if isinstance(value, Mapping):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list | tuple) else value


def holds_anything(value: Json) -> bool:
    """Whether a value says something: neither null, empty, nor made of what is, as Arrow pads structures.

    Example:
        >>> holds_anything({"bytes": None, "path": ""}), holds_anything([{"path": "a.png"}])
        (False, True)
    """
    if isinstance(value, Mapping):
        return any(map(holds_anything, value.values()))
    return any(map(holds_anything, value)) if isinstance(value, list | tuple) else bool(value)


def _spell_in(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return canonical_text(text)
    return value


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        detail = f"half a surrogate pair at character {error.start}"
        raise RejectedRecordError(QuarantineReason.BAD_UTF8, detail) from error
    return text


_UNSEEN = re.compile(r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]*+")


def says_something(text: str) -> bool:
    r"""Whether a text has a character that can be seen.

    Example:
        >>> says_something("\u200b\n"), says_something("\u200ba")
        (False, True)
    """
    return _UNSEEN.fullmatch(text) is None
