"""Errors of subsets on disk."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


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
