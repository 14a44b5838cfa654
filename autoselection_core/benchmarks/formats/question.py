"""A question as its source states it, before it is put to a model in some form."""

from dataclasses import dataclass, field
from functools import cached_property

from autoselection_core.identity import fingerprint


@dataclass(frozen=True)
class Question:
    """One record of a benchmark or of its targets. Its texts are kept out of its `repr`.

    Attributes:
        text: The question, without options unless `is_complete`.
        answer: The right answer in its short form; one of the choices where there are some.
        choices: The texts to choose from, in the source's order; None for open questions.
        solution: The worked answer that ends in the short one; None where the source has none.
        group: Task or subject; shots come from the same group.
        reads: Type of the answer that is read from generated text; a name of `benchmarks.extraction`.
        is_complete: Whether the text lists its options itself, or needs none to be listed: their order stays.
        unread: Fields of passages beside it that are no part of it.
    """

    text: str = field(repr=False)
    answer: str = field(repr=False)
    choices: tuple[str, ...] | None = field(repr=False, default=None)
    solution: str | None = field(repr=False, default=None)
    group: str | None = None
    reads: str = "text"
    is_complete: bool = False
    unread: tuple[str, ...] = field(compare=False, default=())

    @cached_property
    def id(self) -> str:
        """The hash of question, choices and right answer: 32 hexadecimal digits, whatever is measured."""
        choices = tuple(sorted(self.choices)) if self.choices is not None else None
        return fingerprint({"question": self.text, "choices": choices, "answer": self.full_answer})

    @property
    def full_answer(self) -> str:
        """The worked answer where there is one, else the short one."""
        return self.solution or self.answer
