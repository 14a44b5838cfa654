"""Contents of an export's samples, as far as the way to write them depends on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle

from autoselection_core.export.turns import fields_of, in_order
from autoselection_core.pool.sample import Role, Sample

_CHARACTERS_A_TOKEN = 4
"""Characters of text a token: a rule of thumb, used where a campaign counts no tokens."""


@dataclass(frozen=True)
class Content:
    """Facts about the samples of a subset.

    Attributes:
        samples: Number of samples.
        has_tools: Whether a sample has definitions of tools.
        has_several_answers: Whether a sample has more than one answer of the assistant.
        not_alternating: Samples whose turns do not alternate between what is answered and the answer, after
            at most one system message. LLaMA-Factory skips them with a warning.
        tokens: Tokens of a sample on average; estimated from the characters where nobody counted.
        turn_fields: Fields of turns beside role and text (`autoselection_core.export.turns`).
        untaught: Samples with a turn of the assistant that is not taught.
        reasoning: Samples with a turn of the assistant that has reasoning.
    """

    samples: int
    has_tools: bool
    has_several_answers: bool
    not_alternating: int
    tokens: float
    turn_fields: tuple[str, ...] = ()
    untaught: int = 0
    reasoning: int = 0

    @classmethod
    def of(cls, samples: Iterable[Sample], tokens: float | None = None) -> "Content":
        """The facts about samples, read once.

        Args:
            samples: The samples.
            tokens: Tokens of a sample on average, where they were counted.
        """
        count = not_alternating = characters = untaught = reasoning = 0
        fields: set[str] = set()
        has_tools = has_several_answers = False
        for sample in samples:
            count += 1
            has_tools |= sample.tools is not None
            has_several_answers |= sum(each.role is Role.ASSISTANT for each in sample.messages) > 1
            not_alternating += not _alternates(sample)
            characters += sum(len(message.text) for message in sample.messages)
            fields |= fields_of(sample)
            untaught += any(not message.is_taught for message in sample.messages)
            reasoning += any(message.reasoning is not None for message in sample.messages)
        estimate = characters / _CHARACTERS_A_TOKEN / max(count, 1)
        return cls(
            count,
            has_tools,
            has_several_answers,
            not_alternating,
            estimate if tokens is None else tokens,
            in_order(fields),
            untaught,
            reasoning,
        )


def _alternates(sample: Sample) -> bool:
    roles = [message.role for message in sample.messages]
    turns = roles[1:] if roles[0] is Role.SYSTEM else roles
    expected = cycle(((Role.USER, Role.TOOL), (Role.ASSISTANT,)))
    return len(turns) % 2 == 0 and all(role in asked for role, asked in zip(turns, expected, strict=False))
