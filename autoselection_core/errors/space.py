"""Errors of the ranges that settings are drawn from."""

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class SettingError(AutoSelectionError):
    """A field was given a value outside its declared range."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(name, value, expected)
        self.name = name
        self.value = value
        self.expected = expected

    @override
    def __str__(self) -> str:
        return f"{self.name} is {self.value!r}, but must be {self.expected}."


class InvalidSpaceError(AutoSelectionError):
    """A declared range holds no value, or has no logarithm."""

    def __init__(self, space: str, reason: str) -> None:
        super().__init__(space, reason)
        self.space = space
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.space} is no range: {self.reason}."
