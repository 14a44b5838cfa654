"""Errors of recipes: how they are written, and what they leave of a pool."""

from dataclasses import field

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


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
