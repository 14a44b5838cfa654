"""Errors of files and folders."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class StorageFullError(AutoSelectionError):
    """A write found no room; what stood there before still stands."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"no room for {self.path} ({self.reason}). Free some space or raise the quota, and run again."


class OutsideFolderError(AutoSelectionError):
    """A path leads out of the folder that it has to stay in."""

    def __init__(self, path: Path, folder: Path) -> None:
        super().__init__(path, folder)
        self.path = path
        self.folder = folder

    @override
    def __str__(self) -> str:
        return f"{self.path} is outside {self.folder}. Give a path below that folder."
