"""Errors of files and folders."""

from pathlib import Path

from autoselection_core.errors.base import AutoSelectionError


class StorageError(AutoSelectionError):
    """A file, folder or object cannot be read or written."""


class StorageFullError(StorageError):
    """A write found no room; what was there before is unchanged."""

    path: Path
    reason: str

    sentence = "no room for {path} ({reason}). Free some space or raise the quota, and run again."


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
        "lie on object storage, and exports and backups may go there."
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
        "{uri} is not in the local cache, and cannot be downloaded: {reason} Check name, revision and"
        " network, or download it elsewhere and name its folder as a path."
    )
