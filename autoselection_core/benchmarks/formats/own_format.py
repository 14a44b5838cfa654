"""Record format of a user's own benchmark: the roles of its fields, and the right choice."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from string import ascii_uppercase
from typing import Any, NoReturn

from autoselection_core.benchmarks.formats.question import Question
from autoselection_core.benchmarks.settings import AnswerBy, AnswerType, Options
from autoselection_core.errors.benchmarks import (
    MissingFieldError,
    NotAQuestionError,
    UnknownBenchmarkSettingError,
)
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.reading.content import has_text
from autoselection_core.pool.reading.spellings import CONTEXTS, DEFINITIONS
from autoselection_core.pool.reading.view import View, names_in, parts_of, require_template

Record = Mapping[str, Any]

YES_OR_NO = ("yes", "no")
_TRUE, _FALSE = frozenset(("yes", "true")), frozenset(("no", "false"))
_NO_CHOICES = "the choices are no list of texts"
NO_CHOICE = "the answer's index is none of the choices"
_TWO_WAYS = "the answer may be a position or a choice; say `answer_by: index`, `number`, `letter` or `text`"
_OPTIONS, _TARGETS = "options", "mc1_targets"
"""Further names of the field with the choices; the second one's choices are marked (TruthfulQA)."""

_MARKED = ("correct", "is_correct", "isCorrect", "is_right")
_MARKS = ("labels", "label")
"""Fields beside choices that mark the right one by 1 or true, and the others by 0 or false."""

_LETTERED = re.compile(r"\(?([A-Za-z])[.):]\s*(\S.*)", re.DOTALL)
_NUMBERED = re.compile(r"\(?(\d{1,2})[.):]\s+(\S.*)", re.DOTALL)
"""Choices that carry a label of their own: `A. Paris`, `(b) Rome`, `3) Oslo`."""

_PASSAGES = frozenset((*CONTEXTS, *DEFINITIONS))
_MAX_LETTERS = 2
_SHOWN = 20
"""Fields of a record that an error lists."""

_LABELS, _TEXTS = ("label", "labels", "key", "id"), ("text", "texts", "content", "value", "choices")


@dataclass(frozen=True)
class OwnFields:
    """Fields of a record: names, paths into a field, or templates over several.

    Attributes:
        question: The question.
        answer: The right answer.
        choices: The texts to choose from: one field, or a field for each. By default `options` take the place
            of `choices` where they list texts.
        solution: The worked answer that ends in the short one.
        group: Task or subject.
        reads: Type of the answer.

    Raises:
        SettingError: A template is broken.
    """

    question: str = "question"
    answer: str = "answer"
    choices: str | tuple[str, ...] = "choices"
    solution: str = "solution"
    group: str = "group"
    reads: str = "reads"

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            for template in value if isinstance(value, tuple) else (value,):
                if not isinstance(template, str):
                    raise SettingError(f"fields.{each.name}", template, "a field, or a template of fields")
                require_template(f"fields.{each.name}", template if "{" in template else f"{{{template}}}")

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
        listed = values.get("choices")
        return cls(**{**values, **({"choices": tuple(listed)} if isinstance(listed, list) else {})})


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
        text = _text(_fill(view, self.fields.question, "question"), self.fields.question)
        choices = self._choices(view)
        answer: object = self._marked(view, choices)
        if answer is None:
            answer = _fill(view, self.fields.answer, "answer")
        solution = view.value(self.fields.solution) if _is_there(view, self.fields.solution) else None
        group = view.value(self.fields.group)
        question = Question(
            text=text,
            answer="",
            solution=_text(solution, self.fields.solution) if solution is not None else None,
            group=None if group is None else str(group),
        )
        if choices is None:
            found = self._open(question, answer, view)
        else:
            found = self._among(question, answer, choices, view)
        return replace(found, unread=tuple(_unread(view, text)))

    def _marked(self, view: View, choices: "_Choices | None") -> str | None:
        """The choice that is marked as right, in a record without a field for the answer.

        Raises:
            NotAQuestionError: None is marked, or several are.
        """
        if choices is None or self._is_answered(view):
            return None
        beside = (_marks_of(view.value(name), len(choices.texts)) for name in _MARKS)
        marks = choices.marks or next(filter(None, beside), ())
        return choices.texts[_only(marks)] if marks else None

    def _is_answered(self, view: View) -> bool:
        return any(view.value(name) is not None for name in names_in(self.fields.answer))

    def _open(self, question: Question, answer: object, view: View) -> Question:
        if self.chooses and isinstance(answer, str) and answer.strip().lower() in _TRUE | _FALSE:
            answer = answer.strip().lower() in _TRUE
        if isinstance(answer, bool):
            said = YES_OR_NO[0] if answer else YES_OR_NO[1]
            return _with(question, said, self._reads(view, AnswerType.YES_NO), YES_OR_NO, is_complete=True)
        usual = AnswerType.NUMBER if isinstance(answer, int | float) else AnswerType.TEXT
        return _with(
            question, _text(answer, self.fields.answer), self._reads(view, usual), None, is_complete=False
        )

    def _among(self, question: Question, answer: object, choices: "_Choices", view: View) -> Question:
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

    def _choices(self, view: View) -> "_Choices | None":
        named = self.fields.choices
        if isinstance(named, tuple):
            values = [view.value(name) for name in named]
            while values and (values[-1] is None or values[-1] == ""):
                values.pop()
            return _Choices.of(values)
        value = view.value(named)
        if value is None and named == OwnFields.choices and _lists_choices(options := view.value(_OPTIONS)):
            value = options
        is_answered = self._is_answered(view)
        if value is None and named == OwnFields.choices and not is_answered:
            value = view.value(_TARGETS)
        return None if value is None else _Choices.of(value, may_be_marked=not is_answered)


@dataclass(frozen=True)
class _Choices:
    """The choices of a record.

    Attributes:
        texts: Their texts.
        labels: Their labels in the record, their own ones included; empty where it has none.
        marks: Whether each is marked as right; empty where none says so.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()
    marks: tuple[bool, ...] = ()

    @classmethod
    def of(cls, value: object, *, may_be_marked: bool = False) -> "_Choices":
        """The choices that a field holds: texts, labels or marks with texts, or the JSON of either.

        Args:
            value: The field's value.
            may_be_marked: Whether an object may hold a mark for each text; else such numbers are texts.
        """
        if isinstance(value, str):
            value = _parse(value)
        if isinstance(value, Mapping):
            labels, texts = _first(value, _LABELS), _first(value, _TEXTS)
            if isinstance(labels, list) and isinstance(texts, list) and len(labels) == len(texts):
                marks = _marks_of(labels, len(texts))
                return cls(tuple(map(_text, texts)), tuple(map(str, labels)), marks)
            marks = _marks_of(list(value.values()), len(value)) if may_be_marked else ()
            if marks and max(map(len, value)) > _MAX_LETTERS:
                return cls(tuple(map(_text, value)), marks=marks)
            return cls(tuple(map(_text, value.values())), tuple(map(str, value)))
        if not isinstance(value, list):
            raise NotAQuestionError(_NO_CHOICES)
        if value and all(isinstance(each, Mapping) for each in value):
            named = [(_first(each, _LABELS), _first(each, _TEXTS)) for each in value]
            marks = _marks_of([_first(each, _MARKED) for each in value], len(value))
            return cls(
                tuple(_text(text) for _, text in named), tuple(str(label) for label, _ in named), marks
            )
        return cls._bare(tuple(map(_text, value)))

    @classmethod
    def _bare(cls, texts: tuple[str, ...]) -> "_Choices":
        """Choices without the labels that they carry in order, each its own: A, B, C or 1, 2, 3."""
        for form, first in ((_LETTERED, "A"), (_NUMBERED, "1")):
            found = [form.fullmatch(text) for text in texts]
            whole = [each for each in found if each is not None]
            names = [each.group(1).upper() for each in whole]
            in_order = [
                chr(ord(first) + place) if first == "A" else str(place + 1) for place in range(len(texts))
            ]
            if len(texts) > 1 and names == in_order:
                return cls(tuple(each.group(2) for each in whole), tuple(names))
        return cls(texts)

    def right(self, answer: object, by: AnswerBy) -> str:
        """The text of the right choice.

        Raises:
            NotAQuestionError: The answer is none of the choices, or may be two of them.
        """
        if by is AnswerBy.TEXT:
            return self._without_label(_text(answer, "answer"))
        if by is AnswerBy.LETTER:
            return self._at(self._letter(answer))
        if by in {AnswerBy.INDEX, AnswerBy.NUMBER}:
            position = _position(answer)
            return self._at(None if position is None else position - (by is AnswerBy.NUMBER))
        return self._as_spelled(answer)

    def _as_spelled(self, answer: object) -> str:
        if marks := _marks_of(answer, len(self.texts)):
            return self.texts[_only(marks)]
        if isinstance(answer, bool):
            said = _TRUE if answer else _FALSE
            return next((text for text in self.texts if text.lower() in said), YES_OR_NO[not answer])
        spelled = _text(answer, "answer")
        if isinstance(answer, int | float):
            return self._counted(answer, spelled)
        if spelled in self.texts:
            return spelled
        if spelled in self.labels:
            return self._at(self.labels.index(spelled))
        letter = self._letter(answer)
        if letter is None and spelled.isdecimal():
            raise NotAQuestionError(_TWO_WAYS)
        named = letter is not None and letter < len(self.texts)
        return self._at(letter) if named else self._without_label(spelled)

    def _counted(self, answer: float, spelled: str) -> str:
        """The choice at a place, from 0, unless the number is another choice or its label."""
        if spelled in self.texts or spelled in self.labels:
            named = self.texts.index(spelled) if spelled in self.texts else self.labels.index(spelled)
            if named != answer:
                raise NotAQuestionError(_TWO_WAYS)
        return self._at(_position(answer))

    def _without_label(self, spelled: str) -> str:
        """The choice of an answer such as "B. green", where both name one; any other answer as it is."""
        found = (
            None if spelled in self.texts else _LETTERED.fullmatch(spelled) or _NUMBERED.fullmatch(spelled)
        )
        if found is None or found.group(2).strip() not in self.texts:
            return spelled
        text = found.group(2).strip()
        return text if self._letter(found.group(1)) == self.texts.index(text) else spelled

    def _letter(self, answer: object) -> int | None:
        letter = str(answer).strip().strip("().").upper()
        if letter in self.labels:
            return self.labels.index(letter)
        return _place_of(letter)

    def _at(self, position: int | None) -> str:
        if position is None or not 0 <= position < len(self.texts):
            raise NotAQuestionError(NO_CHOICE)
        return self.texts[position]


def _with(
    question: Question, answer: str, reads: str, choices: tuple[str, ...] | None, *, is_complete: bool
) -> Question:
    return Question(
        question.text, answer, choices, question.solution, question.group, reads, is_complete=is_complete
    )


def _lists_choices(value: object) -> bool:
    """Whether a field that may hold settings of any kind lists choices: texts, or objects with one each."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(each, str | list) for each in value.values())
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(_first(each, _TEXTS) if isinstance(each, Mapping) else each, str) for each in value)


def _marks_of(value: object, count: int) -> tuple[bool, ...]:
    """Marks of so many choices, each 0 or 1, false or true; empty for anything else."""
    listed = value if isinstance(value, list) and len(value) == count > 1 else []
    return tuple(bool(each) for each in listed) if all(each in (0, 1) for each in listed) else ()


def _only(marks: Sequence[bool]) -> int:
    """The place of the only mark.

    Raises:
        NotAQuestionError: There is none, or more than one.
    """
    if sum(marks) != 1:
        found = "none of the choices is marked as right"
        if any(marks):
            found = f"{sum(marks)} of the choices are marked as right, and an item has one"
        reason = f"{found}; name the field of choices with a single right one under `fields`"
        raise NotAQuestionError(reason)
    return marks.index(True)


def _place_of(letters: str) -> int | None:
    """Place of A, B, ... Z, AA, AB, ... from 0; None for what is no such label.

    Example:
        >>> _place_of("B"), _place_of("Z"), _place_of("AA"), _place_of("7")
        (1, 25, 26, None)
    """
    if not 0 < len(letters) <= _MAX_LETTERS or any(letter not in ascii_uppercase for letter in letters):
        return None
    place = 0
    for letter in letters:
        place = place * len(ascii_uppercase) + ascii_uppercase.index(letter) + 1
    return place - 1


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
    return "".join(text + ("" if name is None else _text_of(view.value(name), name)) for text, name in pieces)


def _text(value: object, where: str = "choices") -> str:
    """A text without white space around it; numbers as they are spelled."""
    text = _text_of(value, where).strip()
    if not text:
        _refuse_text(where)
    return text


def _text_of(value: object, where: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if not isinstance(value, str):
        _refuse_text(where)
    return value


def _refuse_text(where: str) -> NoReturn:
    reason = f"a text is missing: {where!r} holds none"
    raise NotAQuestionError(reason)


def _position(answer: object) -> int | None:
    if isinstance(answer, str) and answer.strip().isdecimal():
        return int(answer)
    is_number = isinstance(answer, int | float) and not isinstance(answer, bool) and math.isfinite(answer)
    return int(answer) if is_number and answer == int(answer) else None  # type: ignore[call-overload]


def _parse(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotAQuestionError(_NO_CHOICES) from error


def _first(value: Mapping[str, Any], names: Sequence[str]) -> object:
    return next((value[name] for name in names if name in value), None)
