"""A record under reading: its fields, templates over several, and notes on what is read of them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cached_property
from string import Formatter
from typing import Any, ClassVar, Self, TypeAlias

from autoselection_core.errors.pool import RejectedRecordError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.identity import Json
from autoselection_core.pool.canonical import canonical_text
from autoselection_core.pool.reading.content import Spell, text_of
from autoselection_core.pool.sample import QuarantineReason


class Treatment(StrEnum):
    """Treatment of a field of a record, in the words that tables show."""

    RENDERED = "part of the question"
    INDEX = "index of a choice, read as that choice"
    CHOICE = "name of a choice, read as that choice"
    FULLER = "said within a fuller field, which is read"
    PLACEHOLDER = "text of the question; may say that there is none (`no_input`)"
    KEPT = "text kept beside, not trained on"
    UNSPELLED = "kept beside, without what JSON cannot spell"
    LEFT = "text of a turn, not kept"
    REASONING = "reasoning, taught where the model's template takes it"
    CALLS = "tool calls, in the terms of the model's template"
    UNTAUGHT = "turns that are not taught"
    WEIGHT = "turn weights other than 0 and 1, read as 1"
    LABEL = "label of 0, which may mark a bad answer; not read"
    VERDICT = "truth value that may mark a bad answer; not read"
    MISSING = "field of a template that a record lacks, filled with nothing"
    MARK = "mark of turns in terms that are not known, not read: turns are taught"
    OF_FILE = "text of the file beside its records, not kept"
    SPELLED = "turns spelled as JSON, read as one text; as turns where `fields` names it"
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


_FORMATTER = Formatter()
_FIELD = "a field, or a template with the names of fields in braces"


def parts_of(template: str) -> tuple[tuple[str, str | None], ...]:
    """The pieces of a template: literal text, and the field behind it; a plain name is one field.

    Example:
        >>> parts_of("{Body} {Question}"), parts_of("Answer")
        ((('', 'Body'), (' ', 'Question')), (('', 'Answer'),))
    """
    if "{" not in template and "}" not in template:
        return (("", template),)
    return tuple((literal, name) for literal, name, _, _ in _FORMATTER.parse(template))


def names_in(template: str) -> tuple[str, ...]:
    """The fields that a template names."""
    return tuple(name for _, name in parts_of(template) if name)


def require_template(setting: str, template: str) -> None:
    """Refuse what is no name of a field and no template of them.

    Raises:
        SettingError: It is none.
    """
    try:
        pieces = list(_FORMATTER.parse(template))
    except ValueError as error:
        raise SettingError(setting, template, f"{_FIELD} ({error})") from error
    unusual = any(name == "" or spec or conversion for _, name, spec, conversion in pieces)
    if unusual or not names_in(template):
        raise SettingError(setting, template, _FIELD)


class FieldRoles:
    """Base of a dataclass that says which field of a record has which role: a name, a template, or several.

    Attributes:
        several: Roles that a list of fields may have.
        others: Roles whose values name no field.
    """

    several: ClassVar[tuple[str, ...]] = ("choices",)
    others: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any], where: str = "") -> Self:
        """The roles that plain data says, of names that are known.

        Args:
            said: Texts by role, or lists of texts for roles that several fields may have.
            where: Beginning of the names of settings in errors.

        Raises:
            SettingError: A value is no text and no list of them, or a template is broken.
        """
        values = {
            name: tuple(value) if name in cls.several and isinstance(value, list) else value
            for name, value in said.items()
        }
        for name, value in values.items():
            for text in value if isinstance(value, tuple) else (value,):
                if not isinstance(text, str):
                    raise SettingError(f"{where}{name}", text, _FIELD)
                if name not in cls.others:
                    require_template(f"{where}{name}", text)
        return cls(**values)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields of a record that are named, with the dots that lead into them."""
        said = (getattr(self, each.name) for each in fields(self) if each.name not in self.others)  # type: ignore[arg-type]  # every subclass is a dataclass
        named = (text for value in said for text in (value if isinstance(value, tuple) else (value,)) if text)
        return tuple(dict.fromkeys(name for text in named for name in names_in(text)))


class View:
    """The fields of a record that are not null.

    Attributes:
        record: The fields that may be read.
        read: Names of those that were.
        notes: Treatment of the fields.
    """

    def __init__(self, record: Mapping[str, Json]) -> None:
        self.record = record
        self.read: set[str] = set()
        self.notes = Notes()

    def without(self, names: Iterable[str]) -> "View":
        """The view without some fields; what is read of it counts here, too."""
        rest = View({key: value for key, value in self.record.items() if key not in set(names)})
        rest.read, rest.notes = self.read, self.notes
        return rest

    def text(self, key: str, spell: Spell = canonical_text) -> str:
        """The text of a field, which counts as read; empty where it is not there."""
        if key not in self.record:
            return ""
        self.read.add(key)
        return text_of(self.record[key], key, spell)

    def fill(self, template: str, spell: Spell = canonical_text) -> str:
        """The text of a field or of a template over several.

        Raises:
            RejectedRecordError: The record has none of the fields.
        """
        pieces = parts_of(template)
        values = [(literal, None if name is None else self.value(name)) for literal, name in pieces]
        if all(value is None for _, value in values):
            raise RejectedRecordError(QuarantineReason.MISSING_FIELD, f"the record has no field {template!r}")
        for (_, name), (_, value) in zip(pieces, values, strict=True):
            if name is not None and value is None:
                self.notes.add(name, Treatment.MISSING)
        whole = "".join(literal + text_of(value, template, str) for literal, value in values)
        return spell(whole)

    def value(self, path: str) -> Json:
        """The value of a field, or of what dots lead to inside of it; null where nothing is there.

        Dots lead into fields, lists, and texts that spell either as JSON.
        """
        if path in self.record:
            self.read.add(path)
            return self.record[path]
        head, *rest = path.split(".")
        found = self.record.get(head)
        if found is not None and rest:
            self.read.add(head)
        for step in rest:
            found = _inside(found, step)
        return found


def _inside(value: Json, step: str) -> Json:
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, list) and step.isdecimal():
        return value[int(step)] if int(step) < len(value) else None
    return None
