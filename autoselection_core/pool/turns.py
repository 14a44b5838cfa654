"""From the turns of a chat record to messages."""

from collections.abc import Iterator, Mapping, Sequence

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_object, canonical_text
from autoselection_core.pool.reason import Reason
from autoselection_core.pool.sample import Message, Role

ROLES: Mapping[Json, Role] = {
    "system": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
    "function_call": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
    "observation": Role.TOOL,
}


def conversation(turns: Sequence[Json]) -> Iterator[Message]:
    """The messages of turns with `role` and `content`, or `from` and `value`.

    Raises:
        RejectedRecordError: A turn is spoken by nobody known, or holds something other than text.
    """
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, Mapping):
            raise RejectedRecordError(Reason.NO_MESSAGES, f"turn {number} is not an object")
        name = turn.get("role", turn.get("from"))
        if not isinstance(name, str) or name not in ROLES:
            raise RejectedRecordError(Reason.UNKNOWN_ROLE, f"turn {number} is spoken by {name!r}")
        yield Message(ROLES[name], _said(turn, f"turn {number}"))


def _said(turn: Mapping[str, Json], where: str) -> str:
    """The text of a turn, and below it the calls of tools."""
    content = turn.get("content", turn.get("value"))
    calls = [call for key in ("function_call", "tool_calls") if (call := turn.get(key))]
    spelled = [canonical_object(call) or "" for call in calls]
    text = "" if content is None else content_text(content, where)
    return "\n".join(part for part in [text, *spelled] if part)


def content_text(value: Json, where: str) -> str:
    """The text of a string, a number, or a list of text parts.

    Args:
        value: What a record holds.
        where: What the record calls it.

    Raises:
        RejectedRecordError: It is something else.
    """
    if isinstance(value, str):
        return canonical_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return canonical_object(value) or ""
    if isinstance(value, list):
        return canonical_text("".join(_part(part, where) for part in value))
    raise RejectedRecordError(Reason.NO_MESSAGES, f"{where} is no text")


def _part(value: Json, where: str) -> str:
    if isinstance(value, Mapping) and isinstance(text := value.get("text"), str):
        return text
    raise RejectedRecordError(Reason.NO_MESSAGES, f"{where} holds something other than text")
