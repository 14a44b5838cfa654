"""What can be wrong with a backup."""

from pathlib import Path

from typing_extensions import override

from autoselection_core.errors.base import AutoSelectionError


class NotABackupError(AutoSelectionError):
    """A file is no backup that can be restored."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.file} cannot be restored: {self.reason}; name a file of `autoselection backup`"


class DamagedBackupError(AutoSelectionError):
    """A file of a backup is not what was backed up."""

    def __init__(self, file: Path, name: str) -> None:
        super().__init__(file, name)
        self.file = file
        self.name = name

    @override
    def __str__(self) -> str:
        return f"{self.file} is damaged: {self.name} is missing or was changed; use another backup"


class NotEmptyError(AutoSelectionError):
    """A backup is to be restored over something."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    @override
    def __str__(self) -> str:
        return (
            f"{self.folder} is not empty; let AUTOSELECTION_HOME name a folder that is, or move this one away"
        )


class DatabaseToolError(AutoSelectionError):
    """A program of PostgreSQL did not do its work."""

    def __init__(self, program: str, reason: str) -> None:
        super().__init__(program, reason)
        self.program = program
        self.reason = reason

    @override
    def __str__(self) -> str:
        return f"{self.program} did not copy the database: {self.reason}; check URL, rights and release"
