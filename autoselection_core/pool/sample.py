"""One conversation to learn from, and where it came from."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from autoselection_core.identity import Json, fingerprint


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class Scope(StrEnum):
    """Which messages of a sample are read.

    `RESPONSE` is what the assistant says, `INSTRUCTION` everything else.
    """

    ALL = "all"
    INSTRUCTION = "instruction"
    RESPONSE = "response"

    def holds(self, role: Role) -> bool:
        """Whether messages of a role are read."""
        return self is Scope.ALL or (role is Role.ASSISTANT) == (self is Scope.RESPONSE)


@dataclass(frozen=True)
class Message:
    """What one role says in one turn.

    Attributes:
        role: Who speaks.
        content: The text, verbatim. Readers normalise it (`canonical_text`), a `Message` does not.
    """

    role: Role
    content: str


@dataclass(frozen=True)
class Origin:
    """Where a sample was found once.

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
        turns: list[Json] = [(message.role, message.content) for message in self.messages]
        return fingerprint({"messages": turns, "tools": self.tools})

    def text(self, scope: Scope = Scope.ALL) -> str:
        """The contents of the messages in a scope, joined by newlines."""
        return "\n".join(message.content for message in self.messages if scope.holds(message.role))
