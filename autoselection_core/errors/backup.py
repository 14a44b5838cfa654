"""Errors of backups."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


class BackupError(AutoSelectionError):
    """A backup cannot be made or restored."""


class NotABackupError(BackupError):
    """A file is no backup that can be restored."""

    file: Path
    reason: str

    sentence = "{file} cannot be restored: {reason}; name a file of `autoselection backup`"


class DamagedBackupError(BackupError):
    """A file of a backup is not what was backed up."""

    file: Path
    name: str

    sentence = "{file} is damaged: {name} is missing or was changed; use another backup"


class ShrunkFileError(BackupError):
    """A file became shorter while it was copied."""

    file: Path

    sentence = "{file} became shorter while it was copied; stop what cuts it, or back up again"


class NotEmptyError(BackupError):
    """A backup is to be restored over something."""

    folder: Path

    sentence = "{folder} is not empty; let AUTOSELECTION_HOME name a folder that is, or move this one away"


class DatabaseToolError(BackupError):
    """A program of PostgreSQL did not do its work."""

    program: str
    reason: str

    sentence = "{program} did not copy the database: {reason}; check URL, rights and release"
