"""YAML whose every value knows its line, so that an error can point at it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import yaml

from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.errors.campaign import (
    CampaignFileError,
    NoCampaignFileError,
    UnknownKeyError,
    YamlError,
)
from autoselection_core.strict_yaml import compose, plain_data, text_of

T = TypeVar("T")


@dataclass(frozen=True)
class Value:
    """A value of a campaign file with its line and field.

    Attributes:
        node: The parsed YAML.
        file: The file.
        field: The keys that lead to the value, joined by dots.
    """

    node: yaml.Node
    file: Path
    field: str

    @property
    def line(self) -> int:
        """Line on which it begins, from 1."""
        return int(self.node.start_mark.line) + 1

    @cached_property
    def plain(self) -> object:
        """The value as Python data.

        Raises:
            CampaignFileError: It is none of its kind, such as the 45th of a month.
        """
        try:
            return plain_data(self.node)
        except YamlError as error:
            raise _at(self.file, error) from error

    def refuse(self, problem: str, cause: BaseException | None = None) -> NoReturn:
        """Raise an error that points here.

        Raises:
            CampaignFileError: Always.
        """
        raise CampaignFileError(self.file, self.line, self.field, problem) from cause

    def entries(self, *known: str) -> dict[str, "Value"]:
        """The values of a mapping by key; no keys given means that any key is allowed.

        Raises:
            CampaignFileError: It is no mapping, a key occurs twice, or is no text.
            UnknownKeyError: A key is not among the known ones.
        """
        if not isinstance(self.node, yaml.MappingNode):
            self.refuse("must be a mapping of keys to values")
        found: dict[str, Value] = {}
        for key_node, value_node in self.node.value:
            name = str(key_node.value)
            entry = Value(value_node, self.file, f"{self.field}.{name}".lstrip("."))
            if known and name not in known:
                raise UnknownKeyError(self.file, key_node.start_mark.line + 1, entry.field, known)
            if name in found:
                Value(key_node, self.file, entry.field).refuse("is given twice; keep one")
            found[name] = entry
        return found

    def items(self) -> Iterator["Value"]:
        """The values of a list.

        Raises:
            CampaignFileError: It is no list.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            self.refuse("must be a list")
        for number, node in enumerate(self.node.value, start=1):
            yield Value(node, self.file, f"{self.field}[{number}]")

    def of_type(self, kind: type[T], called: str) -> T:
        """The value, which must be of a type.

        Raises:
            CampaignFileError: It is of another type.
        """
        plain = self.plain
        if (isinstance(plain, bool) and kind is not bool) or not isinstance(plain, kind):
            self.refuse(f"is {plain!r}, but must be {called}")
        return plain

    def text(self) -> str:
        """A text."""
        return self.of_type(str, "text")

    def whole(self, minimum: int) -> int:
        """A whole number that is not too small."""
        number = self.of_type(int, "a whole number")
        if number < minimum:
            self.refuse(f"is {number}, but must be at least {minimum}")
        return number

    def number(self) -> float:
        """A finite number."""
        if isinstance(self.plain, int) and not isinstance(self.plain, bool):
            return float(self.plain)
        number = self.of_type(float, "a number")
        if not isfinite(number):
            self.refuse(f"is {number}, but must be a finite number")
        return number


def read_document(file: Path, text: str | None = None) -> Value:
    """The whole of a YAML file.

    Args:
        file: The file, as errors name it.
        text: Content that it had before, which is read in place of what it holds now.

    Raises:
        NoCampaignFileError: The file is not there.
        CampaignFileError: It is empty, no YAML or no plain data; names the line.
    """
    if text is None and not file.is_file():
        raise NoCampaignFileError(file)
    try:
        node = compose(text_of(file) if text is None else text)
    except YamlError as error:
        raise _at(file, error) from error
    if node is None:
        raise CampaignFileError(file, 1, "the file", "is empty; declare `campaigns:`")
    return Value(node, file, "")


def _at(file: Path, error: YamlError) -> CampaignFileError:
    return CampaignFileError(file, error.line, error.subject, error.problem)


def plain_mapping(values: Mapping[str, Value]) -> dict[str, Any]:
    """Values as Python data, by key."""
    return {name: value.plain for name, value in values.items()}


def rename_keys(found: Mapping[str, Value], spelled_now: Mapping[str, str]) -> dict[str, Value]:
    """Values by the present spelling of their keys.

    Raises:
        CampaignFileError: A key is given in both spellings.
    """
    for former, now in spelled_now.items():
        if former in found and now in found:
            found[former].refuse(f"is the former spelling of `{now}`, which is given, too; keep one")
    return {spelled_now.get(key, key): value for key, value in found.items()}


def pointing_at(value: Value, make: Callable[[], object]) -> None:
    """Point an error about a value at its line in the file."""
    try:
        make()
    except (AutoSelectionError, TypeError) as error:
        value.refuse(f"is refused: {error}", error)
