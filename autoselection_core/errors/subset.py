"""Errors of subsets on disk."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class MissingSubsetError(AutoSelectionError):
    """No subset is stored under a name."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    @override
    def __str__(self) -> str:
        return f"there is no subset at {self.path}; check the name, or realise its recipe again."


class UnreadableSubsetError(AutoSelectionError):
    """A file holds no subset that can be read."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.path} holds no subset: {self.reason}; realise its recipe again."


class DamagedSubsetError(AutoSelectionError):
    """The sample ids in a file are not those that the file is named for."""

    def __init__(self, path: Path, named: str, found: str) -> None:
        super().__init__(path, named, found)
        self.path = path
        self.named = named
        self.found = found

    @override
    def __str__(self) -> str:
        return (
            f"{self.path} says it holds subset {self.named}, but its sample ids hash to {self.found}; "
            "delete it and realise its recipe again."
        )


class OtherPoolError(AutoSelectionError):
    """A subset is to be rebuilt on another pool version than its own."""

    def __init__(self, stored: str, given: str) -> None:
        super().__init__(stored, given)
        self.stored = stored
        self.given = given

    @override
    def __str__(self) -> str:
        return (
            f"the subset was realised on pool {self.stored}, but the signals are those of pool {self.given}; "
            "open the signals of its own pool version."
        )
