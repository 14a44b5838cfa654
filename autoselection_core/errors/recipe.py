"""Errors of recipes, of the ranges of their settings, and of the subsets that they realise."""

from dataclasses import field
from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class SubsetError(AutoSelectionError):
    """A stored subset is missing, damaged, or of another pool."""


class MissingSubsetError(SubsetError):
    """No subset is stored under a name."""

    path: Path

    sentence = "there is no subset at {path}; check the name, or realise its recipe again."


class UnreadableSubsetError(SubsetError):
    """A file holds no subset that can be read."""

    path: Path
    reason: str

    sentence = "{path} holds no subset: {reason}; realise its recipe again."


class DamagedSubsetError(SubsetError):
    """The sample ids in a file are not those that the file is named for."""

    path: Path
    named: str
    found: str

    sentence = (
        "{path} says it holds subset {named}, but its sample ids hash to {found}; delete it and realise "
        "its recipe again."
    )


class OtherPoolError(SubsetError):
    """A subset is to be rebuilt on another pool version than its own."""

    stored: str
    given: str

    sentence = (
        "the subset was realised on pool {stored}, but the signals are those of pool {given}; open the "
        "signals of its own pool version."
    )


class SpaceError(AutoSelectionError):
    """A value or a range of a setting is wrong."""


class SettingError(SpaceError):
    """A field was given a value outside its declared range."""

    name: str
    value: object
    expected: str

    @override
    def __str__(self) -> str:
        end = "" if self.expected.endswith("?") else "."  # a hint asks
        return f"{self.name} is {self.value!r}, but must be {self.expected}{end}"


class InvalidSpaceError(SpaceError):
    """A declared range holds no value, or has no logarithm."""

    space: str
    reason: str

    sentence = "{space} is no range: {reason}."


class RecipeError(AutoSelectionError):
    """A recipe is written wrongly, or realises no subset."""


class RecipeFormatError(RecipeError):
    """A recipe is not written as recipes are."""

    where: str
    reason: str

    sentence = "{where}: {reason}"


class UnknownOperatorError(RecipeFormatError):
    """A step names an operator that is not installed."""

    reason: str = field(init=False)
    name: str
    known: tuple[str, ...]

    @override
    def __post_init__(self) -> None:
        self.reason = self.name
        super().__post_init__()

    @override
    def __str__(self) -> str:
        return (
            f"{self.where}: no operator is called {self.name!r} (known: {', '.join(self.known)})."
            f"{did_you_mean(self.name, self.known)}"
        )


class UnknownFieldError(RecipeFormatError):
    """A step sets a field that its operator does not have."""

    reason: str = field(init=False)
    name: str
    known: tuple[str, ...]

    @override
    def __post_init__(self) -> None:
        self.reason = self.name
        super().__post_init__()

    @override
    def __str__(self) -> str:
        fields = ", ".join(self.known) or "none"
        hint = did_you_mean(self.name, self.known)
        return f"{self.where} has no field {self.name!r} (fields: {fields}).{hint}"


class InvalidRecipe(RecipeError):  # noqa: N818  # also a value: what bulk realisation returns for a recipe
    """A recipe realises no subset of this pool.

    Attributes:
        step: Number of the step, from 1.
        label: The step's label.
        reason: Reason for which it cannot be realised.
    """

    step: int
    label: str
    reason: str

    sentence = "step {step} ({label}): {reason}"


class EmptySubsetError(InvalidRecipe):
    """A step keeps none of the rows that enter it."""

    reason: str = field(init=False)
    rows_in: int

    @override
    def __post_init__(self) -> None:
        self.reason = f"keeps none of the {self.rows_in:,} rows that enter it; loosen its settings."
        super().__post_init__()
