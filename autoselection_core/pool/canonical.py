"""The one spelling of what a record says.

What differs only in the way it is written down is the same sample: Unicode composition (NFC), line ends,
white space around a message, the order of keys in JSON. `docs/decisions/0001-identity.md` says why.
"""

import json
import unicodedata
from collections.abc import Mapping

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json, canonical_json
from autoselection_core.pool.reason import Reason


def canonical_text(text: str) -> str:
    r"""The one spelling of a message.

    Raises:
        RejectedRecordError: The text holds half a surrogate pair, which no UTF-8 can spell.

    Example:
        >>> canonical_text(" e\u0301t\u00e9\r\n") == "\u00e9t\u00e9"
        True
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", _encodable(text))
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def canonical_object(value: Json) -> str | None:
    """The one spelling of a JSON value; None when it says nothing. A string that spells JSON stands for it.

    Raises:
        RejectedRecordError: The value holds a number or a character that has no spelling.
    """
    if isinstance(value, str):
        value = _spelled_in(value)
    if value is None or (isinstance(value, str | list | Mapping) and not value):
        return None
    try:
        return _encodable(canonical_json(value))
    except (ValueError, RecursionError) as error:
        raise RejectedRecordError(Reason.BAD_JSON, str(error)) from error


def _spelled_in(text: str) -> Json:
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
        raise RejectedRecordError(Reason.BAD_UTF8, detail) from error
    return text
