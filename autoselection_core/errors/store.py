"""Errors of what is stored: values, backups and exports."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


class BackupError(AutoSelectionError):
    """A backup cannot be made or restored."""


class NotABackupError(BackupError):
    """A file is no backup that can be restored."""

    file: Path
    reason: str

    sentence = "{file} cannot be restored: {reason}; name a file of `autoselection backup`"


class UnlistedFileError(BackupError):
    """A backup holds a file that nobody backed up."""

    file: Path
    name: str

    sentence = "{file} holds {name}, which its list does not name; use another backup"


class DamagedBackupError(BackupError):
    """A file of a backup is not what was backed up."""

    file: Path
    name: str

    sentence = "{file} is damaged: {name} is missing or was changed; use another backup"


class NoHomeError(BackupError):
    """There is nothing to back up."""

    folder: Path

    sentence = "there is no home folder {folder}; let AUTOSELECTION_HOME name the one to back up"


class BackupFileError(BackupError):
    """A file of a backup or a home folder cannot be read or written."""

    file: Path
    reason: str

    sentence = "{file} cannot be used: {reason}; check path and rights"


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


class ExportError(AutoSelectionError):
    """An export cannot be written or verified."""


class NotAnExportError(ExportError):
    """A folder holds no export."""

    folder: Path
    reason: str

    sentence = "{folder} holds no export ({reason}); make one with `autoselection export`"


class NothingToExportError(ExportError):
    """A search measured nothing, so it recommends no subset."""

    search: str

    sentence = (
        "search {search!r} has no measured trial yet; run `autoselection search` to go on with it, or "
        "name a trial"
    )


class ExportExistsError(ExportError):
    """Something else is where an export should go."""

    folder: Path

    sentence = "{folder} is there already and is another export; name another folder with --to"


class StorageError(AutoSelectionError):
    """A file, folder or object cannot be read or written."""


class StorageFullError(StorageError):
    """A write found no room; what was there before is unchanged."""

    path: Path
    reason: str

    sentence = "no room for {path} ({reason}). Free some space or raise the quota, and run again."


class UnusablePathError(StorageError):
    """A path leads nowhere that can be read or written."""

    path: Path
    reason: str

    sentence = "{path} cannot be used ({reason}); name another path, or check its rights"


class OutsideFolderError(StorageError):
    """A path leads out of the folder that it has to stay in."""

    path: Path
    folder: Path

    sentence = "{path} is outside {folder}. Give a path below that folder."


class ObjectsUnreachableError(StorageError):
    """Object storage does not answer, or refuses."""

    uri: str
    reason: str

    sentence = (
        "{uri} cannot be reached: {reason}. Check the bucket, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
        "AWS_REGION and, for storage other than Amazon's, AWS_ENDPOINT_URL."
    )


class NotAFolderError(StorageError):
    """Something that has to be a folder names object storage."""

    variable: str
    value: str

    sentence = (
        "{variable} is {value}, but has to be a folder: files in it are locked and mapped. Raw files may "
        "be on object storage, and exports and backups may go there."
    )


class InvalidHubNameError(StorageError):
    """A text that begins as the name of a data set on a hub is none."""

    name: str

    sentence = "{name!r} is no data set of a hub; write hf://OWNER/NAME, or hf://OWNER/NAME@REVISION:SPLIT."


class HubUnreachableError(StorageError):
    """A data set is not in the local cache, and the hub does not answer or refuses."""

    uri: str
    reason: str

    sentence = (
        "{uri} is not in the local cache and cannot be downloaded ({reason}): check name, revision and"
        " network, or download it elsewhere and name its folder as a path."
    )


class LittleMemoryError(AutoSelectionError):
    """A machine has less free memory than a piece of work takes."""

    work: str
    needed_gb: float
    free_gb: float

    sentence = (
        "{work} takes about {needed_gb:,.1f} GB of memory on this pool and {free_gb:,.1f} GB are free; use a "
        "machine with more, end what else runs, take a smaller pool, or leave the step out of the campaign"
    )
