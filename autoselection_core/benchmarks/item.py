"""Questions as their source states them, the items made of them, and tasks of the lm-evaluation-harness."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from autoselection_core.identity import Json, fingerprint
from autoselection_core.pool.sample import Message

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""Names of options, in the order presented."""

_SAID = frozenset(("yes", "no", "true", "false"))


def labels(count: int) -> tuple[str, ...]:
    """The names of so many options.

    Example:
        >>> labels(3), labels(27)[-2:]
        (('A', 'B', 'C'), ('26', '27'))
    """
    if count <= len(LETTERS):
        return tuple(LETTERS[:count])
    return tuple(str(number) for number in range(1, count + 1))


def are_labels(choices: Sequence[str]) -> bool:
    """Whether choices are names of options or yes and no, whose lengths carry no information.

    Example:
        >>> are_labels(["A", "B"]), are_labels(["Yes", "No"]), are_labels(["Paris", "Rome"])
        (True, True, False)
    """
    return tuple(choices) == labels(len(choices)) or {choice.lower() for choice in choices} <= _SAID


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


@dataclass(frozen=True)
class Item:
    """One question, as it is put to a model, with its right answer.

    Its texts are kept out of its `repr`, because a benchmark may be confidential.

    Attributes:
        question: The bare question, without options and instructions. Repeated questions and leaks into
            the targets are found by it.
        prompt: The messages that the model reads: system line, shots, question. Ends with a user turn.
        reference: The right answer in full; likelihood metrics score this text.
        choices: The texts to choose from, in the order presented; None for open questions.
        target: The short form of the right answer that a generated answer is compared with.
        reads: Type of the answer that is read from generated text; a name of `benchmarks.extraction`.
        order: The source's positions of the options in the order presented; empty for open questions.
        source: Id of the question that it was made from; None if it was not made from one.
        task: Task or subject within the benchmark; None where it has one task.
    """

    question: str = field(repr=False)
    prompt: tuple[Message, ...] = field(repr=False)
    reference: str = field(repr=False)
    choices: tuple[str, ...] | None = field(repr=False, default=None)
    target: str = ""
    reads: str = "text"
    order: tuple[int, ...] = ()
    source: str | None = None
    task: str | None = field(default=None, compare=False)

    @cached_property
    def id(self) -> str:
        """Hash of the question with its answer: 32 hexadecimal digits.

        The wording of the prompt and the order of the options leave it unchanged.
        """
        if self.source is not None:
            return self.source
        choices = tuple(sorted(self.choices)) if self.choices is not None else None
        return fingerprint({"question": self.question, "choices": choices, "answer": self.reference})

    @property
    def characters(self) -> int:
        """Characters of its prompt and of its longest answer."""
        asked = sum(len(message.content) for message in self.prompt)
        return asked + max(map(len, self.choices or (self.reference,)))

    @cached_property
    def prompt_hash(self) -> str:
        """The hash of the messages that the model reads and of the choices in the order presented."""
        messages = tuple((message.role.value, message.content) for message in self.prompt)
        return fingerprint({"prompt": messages, "choices": self.choices})


BACKENDS = ("hf", "vllm")
"""Backends that run the model: transformers, or vLLM where it is installed."""


@dataclass(frozen=True)
class HarnessTask:
    """Task of the harness, and how it is prompted and measured.

    Attributes:
        task: Its name.
        measure: The one of its metrics that is an item's value.
        folder: Folder of a YAML file of one's own.
        file: That file; None for the tasks that come with the harness.
        shots: Worked examples in front of each question; None for the task's own number.
        backend: Backend that runs the model.
        definition: Hash of the task's config.
    """

    task: str
    measure: str
    folder: Path
    file: str | None = None
    shots: int | None = None
    backend: str = BACKENDS[0]
    definition: str = ""

    @property
    def identity(self) -> Json:
        """Everything that a score follows from; what runs the model does not change it beyond rounding."""
        return {
            "task": self.task,
            "measure": self.measure,
            "shots": self.shots,
            "definition": self.definition,
        }


@dataclass(frozen=True)
class HarnessItem(Item):
    """An item that the harness scores.

    Attributes:
        document: Its number among the task's documents.
    """

    document: int = 0
