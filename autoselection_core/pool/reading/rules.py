"""Mapping rules of a source: the roles of its records' fields, where the source declares them."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.reading.spellings import CORRECT, COUNTED, NO_INPUT
from autoselection_core.pool.reading.view import FieldRoles, names_in, require_template
from autoselection_core.pool.sample import Role

ANSWER_BY = ("index", "number", "letter", "text")
OPTIONS = ("listed", "texts")
_MIN_FIELDS = 2

MAX_CHARACTERS = 1 << 20
"""Characters of text in a record; a longer one is a book, and in practice a file without line ends."""


@dataclass(frozen=True)
class Fields(FieldRoles):
    """Names of fields, or templates over several: `Answer`, or `{Body} {Question}`.

    A dot leads into a field that holds fields or a list: `{answers.text.0}`. `{{` and `}}` spell braces.

    Attributes:
        question: The question; by default the known spellings, with `context` and `choices` behind it.
        answer: The answer; by default the known spellings.
        system: The system message; by default `system` or `system_prompt`.
        reasoning: Reasoning of the assistant before the answer.
        turns: The field that holds a list of turns.
        text: The field that holds question and answer in one text.
        split_on: Mark between question and answer in `text`, taken at its last occurrence; or a list of two
            marks, before each question and before each answer. Further marks in the list, such as those that
            end a turn, are left out around turns.
        tools: Definitions of tools; by default `tools` or `functions`.
        choices: The field with the choices, or a list of fields with one each. The answer is then one of
            them, and they follow the question; by default `choices` or `options`.
        answer_by: How the answer names one of these choices: by `index` (from 0), `number` (from 1),
            `letter` (or label) or `text`; by default what is not ambiguous.
        options: `listed`, each with its letter, or `texts`: not listed, and the text alone is the answer.

    Raises:
        SettingError: A template is broken, or names exclude one another.
    """

    several: ClassVar[tuple[str, ...]] = ("split_on", "choices")
    others: ClassVar[tuple[str, ...]] = ("split_on", "answer_by", "options")

    question: str | None = None
    answer: str | None = None
    system: str | None = None
    reasoning: str | None = None
    turns: str | None = None
    text: str | None = None
    split_on: str | tuple[str, ...] | None = None
    tools: str | None = None
    choices: str | tuple[str, ...] | None = None
    answer_by: str | None = None
    options: str | None = None

    def __post_init__(self) -> None:
        if (self.text is None) != (self.split_on is None):
            raise SettingError("split_on", self.split_on, "given with `text`, and only with it")
        if self.split_on is not None and not all(self.markers):
            raise SettingError("split_on", self.split_on, "a text, or two, that is not empty")
        if len(set(self.markers)) < len(self.markers):
            raise SettingError(
                "split_on", self.split_on, "texts that differ: before questions and before answers"
            )
        apart = [name for name in ("question", "turns", "text") if getattr(self, name) is not None]
        if len(apart) > 1:
            raise SettingError(apart[1], getattr(self, apart[1]), f"left out where `{apart[0]}` is given")
        self._require_choices()
        for name in _NAMING:
            if (said := getattr(self, name)) is not None:
                require_template(name, said)

    def _require_choices(self) -> None:
        for name, known in (("answer_by", ANSWER_BY), ("options", OPTIONS)):
            said = getattr(self, name)
            if said is not None and (said not in known or self.choices is None):
                raise SettingError(name, said, f"one of {', '.join(known)}, and given with `choices`")
        if self.choices is not None and (beside := self.turns or self.text):
            raise SettingError(
                "choices", self.choices, f"left out where turns or a text are named: {beside!r}"
            )
        is_short = isinstance(self.choices, tuple) and len(self.choices) < _MIN_FIELDS
        if is_short or not all(self.choice_fields):
            raise SettingError("choices", self.choices, "a field, or a list of two fields or more")

    @property
    def choice_fields(self) -> tuple[str, ...]:
        """Fields of the choices."""
        return (self.choices,) if isinstance(self.choices, str) else tuple(self.choices or ())

    @property
    def markers(self) -> tuple[str, ...]:
        """Separators between the parts of `text`."""
        return (self.split_on,) if isinstance(self.split_on, str) else tuple(self.split_on or ())


_NAMING = ("question", "answer", "system", "reasoning", "turns", "text", "tools")
"""Roles that a field or a template has."""


@dataclass(frozen=True)
class Rules:
    """Reading rules that a source declares for its records.

    Attributes:
        fields: Roles of the fields; the known spellings for roles that are not named.
        answer: The field that holds the answer. With `chosen`, preference records are read by that answer.
        keep: Fields that stay beside the sample and are never read into it. Others beside the conversation
            are then not kept; None keeps them all.
        max_characters: Characters of text in a record; a longer one is put aside.
        no_input: Texts of `input`, in any case, that say there is none beside the instruction, such as N/A.
        columns: Names of the columns of a table (CSV, TSV) whose first line is a record and no heading.
        records: Places of the records in a JSON file that is one object, with dots between the names, such as
            `data.train`; by default `train` where there are several splits.
        speakers: Roles of speakers of turns that have other names than the known ones, or another role than
            these: a mapping of names, in any case, to `user`, `assistant`, `system` or `tool`.

    Raises:
        SettingError: The limit is no limit, the answer or a column is named twice, a field is read and
            kept beside, or a speaker has no role or two.
    """

    fields: Fields = Fields()
    answer: str | None = None
    keep: tuple[str, ...] | None = None
    max_characters: int = MAX_CHARACTERS
    no_input: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    speakers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for _, role in self.speakers:
            if role not in tuple(Role):
                raise SettingError("speakers", role, f"one of {', '.join(Role)}, for each name")
        if len(self.role_by_speaker) < len(self.speakers):
            raise SettingError("speakers", dict(self.speakers), "names that differ in more than their case")
        if self.max_characters < 1:
            raise SettingError("max_characters", self.max_characters, "at least 1")
        if self.answer is not None and self.fields.answer is not None:
            raise SettingError("answer", self.answer, "given once: here or under `fields`")
        if len(set(self.columns)) < len(self.columns):
            raise SettingError("columns", self.columns, "names that differ")
        answer = self._answer_fields
        read = {name.partition(".")[0] for name in (*self.fields.names, *answer)}
        if both := read & set(self.keep or ()):
            raise SettingError("keep", min(both), "a field that is not read; another key names it")

    def says_none(self, said: str) -> bool:
        """Whether an `input` says that there is none."""
        return said == NO_INPUT or (
            bool(self.no_input) and said.casefold() in {each.casefold() for each in self.no_input}
        )

    @cached_property
    def role_by_speaker(self) -> dict[str, str]:
        """Roles by names of speakers, in lower case."""
        return {name.strip().casefold(): role for name, role in self.speakers}

    @property
    def answer_field(self) -> str | None:
        """The field or template of the answer, where it is named."""
        return self.answer or self.fields.answer

    @property
    def _answer_fields(self) -> tuple[str, ...]:
        if self.answer is None:
            return ()
        return (CORRECT,) if self.answer in COUNTED else names_in(self.answer)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields of a record that are named, one or another of which every record should have."""
        answer = self._answer_fields
        return tuple(dict.fromkeys((*self.fields.names, *answer, *(self.keep or ()))))


KNOWN = Rules()
"""Rules of a source that declares none: the known spellings."""
