"""Questions in the form that a metric needs: items to score, samples that describe the task."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autoselection_core.benchmarks.item import LETTERS, Item, Question, labels
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.identity import fingerprint
from autoselection_core.pool.sample import Message, Role, Sample

_REFERS_TO_OTHERS = re.compile(
    r"\b(?:above|below|both|neither|[A-J] (?:and|or|nor) [A-J]|[A-J], ?[A-J])\b", re.IGNORECASE
)
"""Options such as "all of the above": their order is part of the question."""

_FINAL_LINE = {
    "letter": 'Think, then end with a line "Answer: X", where X is the letter of the right option.',
    "yes_no": 'Think, then end with a line "Answer: X", where X is yes or no.',
    "number": 'Think, then end with a line "#### N", where N is the final number.',
    "text": 'Think, then end with a line "Answer: X", where X is the final answer alone.',
    "option": 'Think, then end with a line "Answer: X", where X is the number of the right option.',
}


SYSTEM = "You solve problems step by step and give the final answer in the form that is asked for."
"""The system line where answers are written and the benchmark sets none."""


@dataclass(frozen=True)
class PromptForm:
    """Prompt form of the questions of one benchmark.

    Attributes:
        metric: Metric of an item.
        shots: Worked examples in front of each question, as turns of the conversation.
        system: The system line; None for none.
    """

    metric: Metric
    shots: int = 0
    system: str | None = None

    def item(self, question: Question, examples: Sequence[Question]) -> Item:
        """The item of a question.

        Args:
            question: The question.
            examples: Questions that shots are taken from: those of the question's own group first.
        """
        return Item(
            question=question.text,
            prompt=(*self._opening(), *self._shots(question, examples), self._user(question)),
            reference=self._reference(question),
            choices=self._choices(question),
            target=self._target(question),
            reads=_reads(question),
            order=presented_order(question),
            source=question.id,
            task=question.group,
        )

    def target(self, question: Question) -> Sample:
        """The sample of a target question: asked as the items are, answered in full."""
        return Sample((self._user(question), Message(Role.ASSISTANT, self._taught(question))))

    def _opening(self) -> tuple[Message, ...]:
        return (Message(Role.SYSTEM, self.system),) if self.system else ()

    def _shots(self, question: Question, examples: Sequence[Question]) -> tuple[Message, ...]:
        own = [example for example in examples if example.group == question.group] or list(examples)
        turns = [
            turn
            for example in own[: self.shots]
            for turn in (self._user(example), Message(Role.ASSISTANT, self._taught(example)))
        ]
        return tuple(turns)

    def _user(self, question: Question) -> Message:
        lines = [question.text]
        if self.metric.chooses or self.metric is Metric.ANSWER_ACCURACY:
            lines += listed_options(question)
        if self.metric is Metric.ANSWER_ACCURACY:
            has_numbers = _has_labels(question) and _reads(question) == "number"
            lines += ["", _FINAL_LINE["option" if has_numbers else _reads(question)]]
        return Message(Role.USER, "\n".join(lines))

    def _taught(self, question: Question) -> str:
        if self.metric.chooses:
            return self._target(question)
        if self.metric is Metric.ANSWER_ACCURACY and question.reads != "number":
            worked = f"{question.solution}\n" if question.solution else ""
            return f"{worked}Answer: {self._target(question)}"
        return question.full_answer

    def _reference(self, question: Question) -> str:
        return self._target(question) if self.metric.chooses else question.full_answer

    def _choices(self, question: Question) -> tuple[str, ...] | None:
        if question.choices is None or not self.metric.chooses:
            return question.choices
        return labels(len(question.choices)) if _has_labels(question) else question.choices

    def _target(self, question: Question) -> str:
        if not _has_labels(question):
            return question.answer
        assert question.choices is not None, "only questions with choices have letters"
        position = presented_order(question).index(question.choices.index(question.answer))
        return labels(len(question.choices))[position]


def presented_order(question: Question) -> tuple[int, ...]:
    """The source's positions of the options in the order presented; empty for open questions.

    The order follows from the hash of question and options, so it is the same in every process and does not
    depend on where the source puts the right answer. Options that speak of other options stay as they are.
    """
    choices = question.choices or ()
    positions = tuple(range(len(choices)))
    if question.is_complete or any(_REFERS_TO_OTHERS.search(choice) for choice in choices):
        return positions
    content = [question.text, *sorted(choices)]
    return tuple(sorted(positions, key=lambda position: fingerprint([*content, choices[position]])))


def listed_options(question: Question) -> list[str]:
    """The options as lines with their labels; none where the question lists them itself."""
    if not _has_labels(question) or question.choices is None:
        return []
    options = [question.choices[position] for position in presented_order(question)]
    named = zip(labels(len(options)), options, strict=True)
    return ["", *(f"{label}. {option}" for label, option in named)]


def _reads(question: Question) -> str:
    """Type of an answer: the label of an option, or the type that the question names."""
    if question.choices is None or question.is_complete:
        return question.reads
    return "letter" if len(question.choices) <= len(LETTERS) else "number"


def _has_labels(question: Question) -> bool:
    return question.choices is not None and not question.is_complete
