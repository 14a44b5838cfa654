"""Choices of a record of one's own, in any form, and the one that its answer names."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, NoReturn

from autoselection_core.benchmarks.settings import AnswerBy
from autoselection_core.errors.benchmarks import NotAQuestionError

YES_OR_NO = ("yes", "no")
TRUE, FALSE = frozenset(("yes", "true")), frozenset(("no", "false"))
_NO_CHOICES = "the choices are no list of texts"
NO_CHOICE = "the answer's index is none of the choices"
_TWO_WAYS = "the answer may be a position or a choice; say `answer_by: index`, `number`, `letter` or `text`"
_MARKED = ("correct", "is_correct", "isCorrect", "is_right")
"""Marks of a choice that is an object."""

_LETTERED = re.compile(r"\(?([A-Za-z])[.):]\s*(\S.*)", re.DOTALL)
_NUMBERED = re.compile(r"\(?(\d{1,2})[.):]\s+(\S.*)", re.DOTALL)
"""Choices that carry a label of their own: `A. Paris`, `(b) Rome`, `3) Oslo`."""
_MAX_LETTERS = 2
_LABELS, _TEXTS = ("label", "labels", "key", "id"), ("text", "texts", "content", "value", "choices")


@dataclass(frozen=True)
class Choices:
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
    def of(cls, value: object, *, may_be_marked: bool = False) -> "Choices":
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
                marks = marks_of(labels, len(texts))
                return cls(tuple(map(stripped_text, texts)), tuple(map(str, labels)), marks)
            marks = marks_of(list(value.values()), len(value)) if may_be_marked else ()
            if marks and max(map(len, value)) > _MAX_LETTERS:
                return cls(tuple(map(stripped_text, value)), marks=marks)
            return cls(tuple(map(stripped_text, value.values())), tuple(map(str, value)))
        if not isinstance(value, list):
            raise NotAQuestionError(_NO_CHOICES)
        while value and value[-1] is None:
            value = value[:-1]  # as Arrow pads them
        if value and all(isinstance(each, Mapping) for each in value):
            named = [(_first(each, _LABELS), _first(each, _TEXTS)) for each in value]
            marks = marks_of([_first(each, _MARKED) for each in value], len(value))
            return cls(
                tuple(stripped_text(text) for _, text in named),
                tuple(str(label) for label, _ in named),
                marks,
            )
        return cls._bare(tuple(map(_choice_text, value)))

    @classmethod
    def _bare(cls, texts: tuple[str, ...]) -> "Choices":
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
            return self._without_label(_choice_text(answer, "answer"))
        if by is AnswerBy.LETTER:
            return self._at(self._letter(answer))
        if by in {AnswerBy.INDEX, AnswerBy.NUMBER}:
            position = _position(answer)
            return self._at(None if position is None else position - (by is AnswerBy.NUMBER))
        return self._as_spelled(answer)

    def _as_spelled(self, answer: object) -> str:
        if marks := marks_of(answer, len(self.texts)):
            return self.texts[only_mark(marks)]
        if isinstance(answer, bool):
            said = TRUE if answer else FALSE
            return next((text for text in self.texts if text.lower() in said), YES_OR_NO[not answer])
        spelled = stripped_text(answer, "answer")
        if isinstance(answer, int | float):
            return self._counted(answer, spelled)
        if spelled in self.texts:
            place = _place_of(spelled)
            if place is not None and place < len(self.texts) and self.texts[place] != spelled:
                raise NotAQuestionError(_TWO_WAYS)
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


def lists_choices(value: object) -> bool:
    """Whether a field that may hold settings of any kind lists choices: texts, or objects with one each."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(each, str | list) for each in value.values())
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(_first(each, _TEXTS) if isinstance(each, Mapping) else each, str) for each in value)


def marks_of(value: object, count: int) -> tuple[bool, ...]:
    """Marks of so many choices, each 0 or 1, false or true; empty for anything else."""
    listed = value if isinstance(value, list) and len(value) == count > 1 else []
    return tuple(bool(each) for each in listed) if all(each in (0, 1) for each in listed) else ()


def only_mark(marks: Sequence[bool]) -> int:
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


def _choice_text(value: object, where: str = "choices") -> str:
    """The text of a choice; true and false are spelled as in JSON."""
    return str(value).lower() if isinstance(value, bool) else stripped_text(value, where)


def stripped_text(value: object, where: str = "choices") -> str:
    """A text without white space around it; numbers as they are spelled."""
    text = text_as_spelled(value, where).strip()
    if not text:
        _refuse_text(where)
    return text


def text_as_spelled(value: object, where: str) -> str:
    """A text, or a number as it is spelled.

    Raises:
        NotAQuestionError: The value is neither.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        reason = f"{where!r} is a list; name one of it under `fields`, as `{where}.0`, or write one"
        raise NotAQuestionError(reason)
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
