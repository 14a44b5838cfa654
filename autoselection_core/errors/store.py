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


class ObjectsUnreachableError(AutoSelectionError):
    """Object storage does not answer, or refuses."""

    def __init__(self, uri: str, reason: str) -> None:
        super().__init__(uri, reason)
        self.uri = uri
        self.reason = reason

    @override
    def __str__(self) -> str:
        return (
            f"{self.uri} cannot be reached: {self.reason}. Check the bucket, AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY, AWS_REGION and, for storage other than Amazon's, AWS_ENDPOINT_URL."
        )


class NotAFolderError(AutoSelectionError):
    """Something that has to be a folder names object storage."""

    def __init__(self, variable: str, value: str) -> None:
        super().__init__(variable, value)
        self.variable = variable
        self.value = value

    @override
    def __str__(self) -> str:
        return (
            f"{self.variable} is {self.value}, but has to be a folder: files in it are locked and mapped. "
            "Raw files may lie on object storage, and exports and backups may go there."
        )
