"""Errors of recipes: how they are written, and what they leave of a pool."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError, did_you_mean


class RecipeFormatError(AutoSelectionError):
    """A recipe is not written as recipes are."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class UnknownOperatorError(RecipeFormatError):
    """A step names an operator that is not installed."""

    def __init__(self, where: str, name: str, known: tuple[str, ...]) -> None:
        super().__init__(where, name)
        self.args = (where, name, known)
        self.name = name
        self.known = known

    @override
    def __str__(self) -> str:
        return (
            f"{self.where}: no operator is called {self.name!r} (known: {', '.join(self.known)})."
            f"{did_you_mean(self.name, self.known)}"
        )


class UnknownFieldError(RecipeFormatError):
    """A step sets a field that its operator does not have."""

    def __init__(self, where: str, field: str, known: tuple[str, ...]) -> None:
        super().__init__(where, field)
        self.args = (where, field, known)
        self.field = field
        self.known = known

    @override
    def __str__(self) -> str:
        fields = ", ".join(self.known) or "none"
        hint = did_you_mean(self.field, self.known)
        return f"{self.where} has no field {self.field!r} (fields: {fields}).{hint}"


class InvalidRecipe(AutoSelectionError):  # noqa: N818  # also a value: what bulk realisation returns for a recipe
    """A recipe realises no subset of this pool.

    Attributes:
        step: Number of the step, from 1.
        label: The step's label.
        reason: Why it cannot be realised.
    """

    def __init__(self, step: int, label: str, reason: str) -> None:
        super().__init__(step, label, reason)
        self.step = step
        self.label = label
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"step {self.step} ({self.label}): {self.reason}"


class EmptySubsetError(InvalidRecipe):
    """A step keeps none of the rows that enter it."""

    def __init__(self, step: int, label: str, rows_in: int) -> None:
        super().__init__(
            step, label, f"keeps none of the {rows_in:,} rows that enter it; loosen its settings."
        )
        self.args = (step, label, rows_in)
        self.rows_in = rows_in
