"""Errors of the ranges that settings are drawn from."""

from autoselection_core.errors.base import AutoSelectionError


class SpaceError(AutoSelectionError):
    """A value or a range of a setting is wrong."""


class SettingError(SpaceError):
    """A field was given a value outside its declared range."""

    name: str
    value: object
    expected: str

    sentence = "{name} is {value!r}, but must be {expected}."


class InvalidSpaceError(SpaceError):
    """A declared range holds no value, or has no logarithm."""

    space: str
    reason: str

    sentence = "{space} is no range: {reason}."
