"""Samples: conversations to learn from, with their origins."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

from autoselection_core.identity import Json, canonical_json, fingerprint


class Role(StrEnum):
    """Speaker of a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Scope(StrEnum):
    """Selection of the messages of a sample that are read.

    `RESPONSE` is the taught text of the assistant, `INSTRUCTION` everything else.
    """

    ALL = "all"
    INSTRUCTION = "instruction"
    RESPONSE = "response"

    def holds(self, role: Role) -> bool:
        """Whether ordinary messages of a role are read."""
        return self is Scope.ALL or (role is Role.ASSISTANT) == (self is Scope.RESPONSE)


@dataclass(frozen=True)
class ToolCall:
    """Call of a tool by the assistant.

    Attributes:
        name: The tool.
        arguments: Its arguments, as canonical JSON: an object, or a text that is no JSON.
        id: Id that its result refers to; None where the record gives none.
    """

    name: str
    arguments: str = "{}"
    id: str | None = None

    def to_json(self) -> dict[str, Json]:
        """The call as JSON, with its arguments as a value and not as text."""
        named = {} if self.id is None else {"id": self.id}
        return {"arguments": json.loads(self.arguments), "name": self.name, **named}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """The call that `to_json` has spelled."""
        return cls(said["name"], canonical_json(said["arguments"]), said.get("id"))


@dataclass(frozen=True)
class Message:
    """Message of one role in one turn.

    Attributes:
        role: Speaker.
        content: The text, verbatim. Readers normalise it, a `Message` does not.
        reasoning: Reasoning of the assistant before its answer; None without.
        calls: Tools that the assistant calls in this turn, after the text.
        name: The tool that a result comes from; None where the record names none.
        call_id: The id of the call that a result answers; None where the record has none.
        is_taught: Whether a model is trained on this turn of the assistant.
    """

    role: Role
    content: str
    reasoning: str | None = None
    calls: tuple[ToolCall, ...] = ()
    name: str | None = None
    call_id: str | None = None
    is_taught: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether the message has no more than role and content."""
        return self.is_taught and not self.calls and self.reasoning is self.name is self.call_id is None

    @property
    def details(self) -> dict[str, Json]:
        """Fields of the message beside role and content; empty for most messages."""
        said: dict[str, Json] = {}
        if self.reasoning is not None:
            said["reasoning"] = self.reasoning
        if self.calls:
            said["calls"] = [call.to_json() for call in self.calls]
        if self.name is not None:
            said["name"] = self.name
        if self.call_id is not None:
            said["call_id"] = self.call_id
        if not self.is_taught:
            said["taught"] = False
        return said

    @classmethod
    def with_details(cls, role: Role, content: str, said: Mapping[str, Any] | None) -> Self:
        """The message of a role, a content and the `details` that it had."""
        if not said:
            return cls(role, content)
        calls = tuple(map(ToolCall.from_json, said.get("calls", ())))
        named = (said.get("reasoning"), calls, said.get("name"), said.get("call_id"))
        return cls(role, content, *named, is_taught=said.get("taught", True))

    @property
    def text(self) -> str:
        """Reasoning, content and calls (canonical JSON, one a line) as one text."""
        calls = [canonical_json(call.to_json()) for call in self.calls]
        return "\n".join(part for part in (self.reasoning, self.content, *calls) if part)

    def is_in(self, scope: Scope) -> bool:
        """Whether a scope holds the message; a turn that is not taught is no response."""
        if self.role is Role.ASSISTANT and not self.is_taught:
            return scope is not Scope.RESPONSE
        return scope.holds(self.role)


_OWN_IDS = (
    *("id", "uuid", "uid", "record_id", "sample_id", "example_id", "question_id", "q_id", "qid", "prompt_id"),
    *("conversation_id", "message_id", "idx"),
)


@dataclass(frozen=True)
class Origin:
    """Origin of a sample: one record in which it was found.

    Attributes:
        source: Name of the source.
        locator: The place in the source, as `file#line`; the file has no folder of this machine in it.
        licence: The licence that the source states, None where it states none.
        extras: The record's other fields as canonical JSON, None where it has none.
    """

    source: str
    locator: str
    licence: str | None = None
    extras: str | None = None

    @property
    def own_id(self) -> str | None:
        """The id that the record itself gives, under a usual name; None without one.

        Example:
            >>> Origin("sums", "sums.jsonl#7", extras='{"level":2,"question_id":"q-17"}').own_id
            'q-17'
        """
        fields = json.loads(self.extras) if self.extras else {}
        named = {key.casefold(): value for key, value in fields.items()} if isinstance(fields, dict) else {}
        found = (value for key in _OWN_IDS if isinstance(value := named.get(key), str | int))
        return next((str(value) for value in found), None)


@dataclass(frozen=True)
class Sample:
    """A conversation that ends with an answer of the assistant.

    Attributes:
        messages: The turns, in order.
        tools: Definitions of the tools that the assistant may call, as canonical JSON; None without.
    """

    messages: tuple[Message, ...]
    tools: str | None = None

    @cached_property
    def id(self) -> str:
        """32 hexadecimal digits that name the messages and tools, and nothing else."""
        turns: list[Json] = [
            (each.role, each.content) if each.is_plain else (each.role, each.content, each.details)
            for each in self.messages
        ]
        return fingerprint({"messages": turns, "tools": self.tools})

    @property
    def details(self) -> str | None:
        """The details of every message, in order, as canonical JSON; None where no message has any."""
        if all(message.is_plain for message in self.messages):
            return None
        return canonical_json([message.details or None for message in self.messages])

    def text(self, scope: Scope = Scope.ALL) -> str:
        """The texts of the messages in a scope, joined by newlines."""
        return "\n".join(message.text for message in self.messages if message.is_in(scope))


class QuarantineReason(StrEnum):
    """The reasons for which ingestion quarantines a record. A record has one: the first that holds."""

    TOO_LONG = "over-long record"
    BAD_UTF8 = "bad UTF-8"
    BAD_JSON = "bad JSON"
    BAD_ROW = "bad table row"
    OTHER_PLACE = "elsewhere in the file"
    UNDESIRABLE = "marked undesirable"
    MEDIA = "images, sound or video"
    PREFERENCE = "preference pair"
    MISSING_FIELD = "named field missing"
    NO_MESSAGES = "no messages"
    UNKNOWN_ROLE = "unknown role"
    EMPTY_QUESTION = "empty question"
    NO_ANSWER = "no assistant answer"
    EMPTY_ANSWER = "empty answer"
    UNTAUGHT = "no turn to learn"
    CONTRADICTION = "contradicting answers"
    UNREAD = "unreadable passage"
