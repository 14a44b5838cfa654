"""Treatment of the fields of a record beside its questions and answers."""

from enum import StrEnum
from typing import TypeAlias


class Treatment(StrEnum):
    """Treatment of a field."""

    RENDERED = "part of the question"
    INDEX = "index of a choice, read as that choice"
    FULLER = "said within a fuller field, which is read"
    KEPT = "text kept beside, not trained on"
    UNSPELLED = "kept beside, without what JSON cannot spell"
    LEFT = "text of a turn, not kept"
    REASONING = "reasoning, taught where the model's template takes it"
    CALLS = "tool calls, in the terms of the model's template"
    UNTAUGHT = "turns that are not taught"
    WEIGHT = "turn weights other than 0 and 1, read as 1"
    REJECTED = "answer not chosen, kept beside"


Note: TypeAlias = tuple[str, Treatment]
"""A field and its treatment."""


class Notes:
    """Set of notes on the fields of a record: each is kept once."""

    def __init__(self) -> None:
        self._taken: set[Note] = set()

    def add(self, field: str, treatment: Treatment) -> None:
        """Note the treatment of a field."""
        self._taken.add((field, treatment))

    def all(self) -> tuple[Note, ...]:
        """The notes, in order."""
        return tuple(sorted(self._taken)) if self._taken else ()
