"""Record format of a user's own benchmark: the roles of its fields, and the right choice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from autoselection_core.benchmarks.formats.choices import (
    FALSE,
    TRUE,
    YES_OR_NO,
    Choices,
    lists_choices,
    marks_of,
    only_mark,
    stripped_text,
    text_as_spelled,
)
from autoselection_core.benchmarks.item import Question
from autoselection_core.benchmarks.settings import AnswerBy, AnswerType, Options
from autoselection_core.errors.benchmarks import (
    MissingFieldError,
    NotAQuestionError,
    UnknownBenchmarkSettingError,
)
from autoselection_core.pool.reading.content import has_text
from autoselection_core.pool.reading.spellings import CONTEXTS, DEFINITIONS
from autoselection_core.pool.reading.view import FieldRoles, View, names_in, parts_of

Record = Mapping[str, Any]

_OPTIONS, _TARGETS = "options", "mc1_targets"
"""Further names of the field with the choices; the second one's choices are marked (TruthfulQA)."""

_MARKS = ("labels", "label")
"""Fields beside choices that mark the right one by 1 or true, and the others by 0 or false."""

_PASSAGES = frozenset((*CONTEXTS, *DEFINITIONS))
_SHOWN = 20
"""Fields of a record that an error lists."""


@dataclass(frozen=True)
class OwnFields(FieldRoles):
    """Fields of a record: names, paths into a field, or templates over several.

    Attributes:
        question: The question.
        answer: The right answer.
        choices: The texts to choose from: one field, or a field for each. By default `options` take the place
            of `choices` where they list texts.
        solution: The worked answer that ends in the short one.
        group: Task or subject.
        reads: Type of the answer.
    """

    question: str = "question"
    answer: str = "answer"
    choices: str | tuple[str, ...] = "choices"
    solution: str = "solution"
    group: str = "group"
    reads: str = "reads"

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "OwnFields":
        """The fields named in plain data.

        Raises:
            UnknownBenchmarkSettingError: A name is none of them.
            SettingError: A template is broken.
        """
        known = tuple(each.name for each in fields(cls))
        for name in values:
            if name not in known:
                raise UnknownBenchmarkSettingError("field", str(name), known)
        return cls.of(values, "fields.")


@dataclass(frozen=True)
class OwnFormat:
    """Record format of a user's own benchmark.

    Attributes:
        fields: Roles of the fields.
        answer_by: Form in which a record gives its right choice.
        options: Presentation of the options to a model.
        reads: Type of the answers; None for that of the right answer.
        chooses: Whether the model is to choose: yes and no are the choices of a question that lists none and
            has one of them as its answer.
    """

    fields: OwnFields = OwnFields()
    answer_by: AnswerBy = AnswerBy.AUTO
    options: Options = Options.LETTERS
    reads: AnswerType | None = None
    chooses: bool = False

    def question(self, record: Record) -> Question:
        """The question of a record.

        Raises:
            NotAQuestionError: The record holds none, or no right answer.
        """
        view = View(record)
        text = stripped_text(_fill(view, self.fields.question, "question"), self.fields.question)
        choices = self._choices(view)
        answer: object = self._marked(view, choices)
        if answer is None:
            answer = _fill(view, self.fields.answer, "answer")
        solution = view.value(self.fields.solution) if _is_there(view, self.fields.solution) else None
        group = view.value(self.fields.group)
        question = Question(
            text=text,
            answer="",
            solution=stripped_text(solution, self.fields.solution) if solution is not None else None,
            group=None if group is None else str(group),
        )
        if choices is None:
            found = self._open(question, answer, view)
        else:
            found = self._among(question, answer, choices, view)
        return replace(found, unread=tuple(_unread(view, text)))

    def _marked(self, view: View, choices: Choices | None) -> str | None:
        """The choice that is marked as right, in a record without a field for the answer.

        Raises:
            NotAQuestionError: None is marked, or several are.
        """
        if choices is None or self._is_answered(view):
            return None
        beside = (marks_of(view.value(name), len(choices.texts)) for name in _MARKS)
        marks = choices.marks or next(filter(None, beside), ())
        return choices.texts[only_mark(marks)] if marks else None

    def _is_answered(self, view: View) -> bool:
        return any(view.value(name) is not None for name in names_in(self.fields.answer))

    def _open(self, question: Question, answer: object, view: View) -> Question:
        if self.chooses and isinstance(answer, str) and answer.strip().lower() in TRUE | FALSE:
            answer = answer.strip().lower() in TRUE
        if isinstance(answer, bool):
            said = YES_OR_NO[0] if answer else YES_OR_NO[1]
            return _with(question, said, self._reads(view, AnswerType.YES_NO), YES_OR_NO, is_complete=True)
        usual = AnswerType.NUMBER if isinstance(answer, int | float) else AnswerType.TEXT
        return _with(
            question,
            stripped_text(answer, self.fields.answer),
            self._reads(view, usual),
            None,
            is_complete=False,
        )

    def _among(self, question: Question, answer: object, choices: Choices, view: View) -> Question:
        right = choices.right(answer, self.answer_by)
        is_complete = self.options is Options.TEXTS
        return _with(
            question, right, self._reads(view, AnswerType.TEXT), choices.texts, is_complete=is_complete
        )

    def _reads(self, view: View, usual: AnswerType) -> str:
        said = view.value(self.fields.reads) or self.reads or usual
        if said not in tuple(AnswerType):
            reason = f"`reads` must be one of {', '.join(AnswerType)}"
            raise NotAQuestionError(reason)
        return str(said)

    def _choices(self, view: View) -> Choices | None:
        named = self.fields.choices
        if isinstance(named, tuple):
            values = [view.value(name) for name in named]
            while values and (values[-1] is None or values[-1] == ""):
                values.pop()
            return Choices.of(values)
        value = view.value(named)
        if value is None and named == OwnFields.choices and lists_choices(options := view.value(_OPTIONS)):
            value = options
        is_answered = self._is_answered(view)
        if value is None and named == OwnFields.choices and not is_answered:
            value = view.value(_TARGETS)
        return None if value is None else Choices.of(value, may_be_marked=not is_answered)


def _with(
    question: Question, answer: str, reads: str, choices: tuple[str, ...] | None, *, is_complete: bool
) -> Question:
    return Question(
        question.text, answer, choices, question.solution, question.group, reads, is_complete=is_complete
    )


def _unread(view: View, question: str) -> Iterator[str]:
    """Fields of passages that nothing read, and that the question does not hold."""
    for name, value in view.record.items():
        is_passage = name.casefold() in _PASSAGES and name not in view.read and has_text(value)
        if is_passage and not (isinstance(value, str) and value.strip() in question):
            yield name


def _is_there(view: View, name: str) -> bool:
    return view.value(name) is not None


def _fill(view: View, template: str, role: str) -> object:
    """The value of a field, or the text of a template, of which every field must be there."""
    pieces = parts_of(template)
    for name in (name for _, name in pieces if name is not None):
        if view.value(name) is None and name not in view.record:
            there = ", ".join(list(view.record)[:_SHOWN]) or "none"
            reason = f"{name!r} is missing (its fields are {there}); name the {role} under `fields`"
            raise MissingFieldError(reason, name)
    if len(pieces) == 1 and pieces[0][0] == "" and pieces[0][1] is not None:
        return view.value(pieces[0][1])
    return "".join(
        text + ("" if name is None else text_as_spelled(view.value(name), name)) for text, name in pieces
    )
