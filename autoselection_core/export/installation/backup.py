"""Backups: an installation in one file, and its restoration on any machine.

The history is copied before the files. What it knows of was finished before it was entered, so a backup of
a running installation holds every evaluation that its history speaks of. What a killed backup or restoration
leaves is a staging folder, which the next one removes.
"""

import hashlib
import io
import json
import os
import sqlite3
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from autoselection_core.environment_variables import HISTORY_URL
from autoselection_core.errors.store import (
    BackupFileError,
    DamagedBackupError,
    NoHomeError,
    NotABackupError,
    NotEmptyError,
    ShrunkFileError,
    UnlistedFileError,
)
from autoselection_core.export.installation.home_files import HomeFile, OmittedFile, home_files
from autoselection_core.export.installation.postgresql import dump, is_postgresql, load
from autoselection_core.history.storage.database import BUSY_TIMEOUT_S
from autoselection_core.identity import DIGEST_BYTES, fingerprint_file
from autoselection_core.store.atomic import (
    NO_ROOM,
    UNFINISHED,
    atomic_file,
    remove_unfinished,
    staging_folder,
)
from autoselection_core.store.home import Home

CONTENTS = "backup.json"
_FILES, _DATABASES = "files", "databases"
_RESTORED = "restored"
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_MAX_DEPTH = 200


@dataclass(frozen=True)
class Backup:
    """Contents of a backup.

    Attributes:
        file: Its path.
        files: Number of files of the home folder.
        databases: Names of the PostgreSQL databases.
        left_out: Files of the home folder that it does not hold, each with the reason; empty after a
            restoration.
    """

    file: Path
    files: int
    databases: tuple[str, ...]
    left_out: tuple[OmittedFile, ...] = ()


def back_up(home: Home, file: Path, databases: Mapping[str, str]) -> Backup:
    """Write a backup; the file appears whole or not at all.

    A file that grows meanwhile is kept as long as it was when its turn came; one that goes away is left out
    and named.

    Args:
        home: Home folder that is backed up.
        file: Path of the `.tar` file to write.
        databases: PostgreSQL databases by name, as URLs.

    Raises:
        NoHomeError: There is no home folder.
        StorageFullError: There is no room.
        BackupFileError: The file cannot be written, or one of the home folder cannot be read.
        DatabaseToolError: A database could not be copied.
        ShrunkFileError: A file became shorter while it was copied.
    """
    if not home.root.is_dir():
        raise NoHomeError(home.root)
    if file.exists() and not file.is_file():
        raise BackupFileError(file, "it is a folder or a device")
    with _typed_errors(file), atomic_file(file) as draft:
        remove_unfinished(file.parent, file.suffix)
        copies = draft.with_name(f"copies-of-{draft.name}")
        copies.mkdir()
        dumped = {name: dump(url, copies / f"{name}.dump") for name, url in databases.items()}
        snapshots = dict(_snapshots(home, copies))
        contents: dict[str, dict[str, str]] = {_FILES: {}, _DATABASES: {}}
        left_out = []
        with tarfile.open(draft, "w") as archive:
            for name, copy in dumped.items():
                contents[_DATABASES][name] = _add(archive, copy, f"{_DATABASES}/{name}")
            for name, copy in snapshots.items():
                contents[_FILES][name] = _add(archive, copy, f"{_FILES}/{name}")
            for found in _but(file, draft, home_files(home)):
                if isinstance(found, OmittedFile):
                    left_out.append(found)
                elif found.name not in snapshots:
                    try:
                        source = consistent(found, copies / "late.sqlite")
                        contents[_FILES][found.name] = _add(archive, source, f"{_FILES}/{found.name}")
                    except FileNotFoundError:
                        left_out.append(OmittedFile(found.name, "went away meanwhile"))
            _add_text(archive, json.dumps(contents), CONTENTS)
    return Backup(file, len(contents[_FILES]), tuple(databases), tuple(left_out))


@contextmanager
def _typed_errors(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupFileError(Path(error.filename or file), error.strerror or str(error)) from error


def restore(file: Path, home: Home, databases: Mapping[str, str]) -> Backup:
    """Fill an empty home folder, and empty databases, from a backup, and compare every file.

    A folder that is there is filled from within, since it may be a volume, or lie in a folder that others
    own; one that is not there appears as a whole.

    Args:
        file: The backup.
        home: Home folder to fill; must be empty.
        databases: URL of the target for each PostgreSQL database of the backup.

    Raises:
        NotABackupError: The file is none, or holds a database that no URL is given for, or a history for
            another place than the one that is named.
        NotEmptyError: The home folder holds something.
        DamagedBackupError: A file is not what the backup says.
        DatabaseToolError: A database could not be filled.
        StorageFullError: There is no room.
        BackupFileError: The home folder cannot be written.
    """
    root = home.root.resolve()
    with _typed_errors(root):
        if root.exists() and (not root.is_dir() or any(map(_is_content, root.iterdir()))):
            raise NotEmptyError(home.root)
        with staging_folder(root / _RESTORED if root.exists() else root) as draft:
            contents = _unpack(file, draft)
            _require_places(file, contents, home, databases)
            for name in contents[_DATABASES]:
                load(draft / _DATABASES / name, databases[name])
            if root.exists():
                for each in sorted((draft / _FILES).iterdir()):
                    each.rename(root / each.name)
            else:
                (draft / _FILES).rename(root)
    return Backup(file, len(contents[_FILES]), tuple(contents[_DATABASES]))


def _is_content(entry: Path) -> bool:
    """Whether something in a home folder is more than what a killed restoration left."""
    return not (entry.name.startswith(f".{_RESTORED}.") and entry.name.endswith(UNFINISHED))


def _require_places(
    file: Path, contents: Mapping[str, Mapping[str, str]], home: Home, databases: Mapping[str, str]
) -> None:
    """Refuse a backup whose databases would go nowhere, or whose history nobody would look for."""
    for name in contents[_DATABASES]:
        if name not in databases:
            raise NotABackupError(file, f"it holds the database {name!r}, and no URL is given for it")
    is_a_file = home.history_file.name in contents[_FILES] and "history" not in contents[_DATABASES]
    if is_a_file and _history_file(home) != home.history_file.resolve():
        reason = f"its history is a file of the home folder, and {HISTORY_URL} names another place"
        raise NotABackupError(file, f"{reason}: unset it")


def _unpack(file: Path, folder: Path) -> dict[str, dict[str, str]]:
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter=_plain_member)  # noqa: S202 it calls `data_filter`, and takes no link
        contents = _listing((folder / CONTENTS).read_text())
        for kind in (_FILES, _DATABASES):
            (folder / kind).mkdir(exist_ok=True)
    except (OSError, tarfile.TarError, ValueError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        raise NotABackupError(file, str(error)) from error
    held = {kind: set(_names_below(folder / kind)) for kind in (_FILES, _DATABASES)}
    for name in sorted(held[_FILES] - contents[_FILES].keys()):
        raise UnlistedFileError(file, name)
    for kind in (_FILES, _DATABASES):
        for name, known in contents[kind].items():
            if name not in held[kind] or fingerprint_file(folder / kind / name) != known:
                raise DamagedBackupError(file, name)
    return contents


def _plain_member(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """A member that is a file or a folder, as every backup holds them.

    Raises:
        ValueError: It is a link or a device, has holes, or lies in too many folders.
        TarError: It leads out of the folder.
    """
    if member.issparse():
        reason = f"{member.name[:200]} has holes, which may be of any length, and no backup holds one"
        raise ValueError(reason)
    if not (member.isreg() or member.isdir()):
        reason = f"{member.name[:200]} is a link or a device, and no backup holds one"
        raise ValueError(reason)
    if member.name.count("/") > _MAX_DEPTH:
        reason = f"{member.name[:200]}... is in more than {_MAX_DEPTH} folders"
        raise ValueError(reason)
    return tarfile.data_filter(member, folder)


def _names_below(folder: Path) -> Iterator[str]:
    return (str(each.relative_to(folder)) for each in folder.rglob("*") if not each.is_dir())


def _listing(text: str) -> dict[str, dict[str, str]]:
    """The hash of each file and database by name.

    Raises:
        ValueError: The text is no such listing.
    """
    found: Any = json.loads(text)
    kinds = (_FILES, _DATABASES)
    if not isinstance(found, dict) or not all(isinstance(found.get(kind), dict) for kind in kinds):
        reason = f"its {CONTENTS} lists no files"
        raise ValueError(reason)
    return {kind: found[kind] for kind in kinds}


def _but(
    file: Path, draft: Path, found: Iterator[HomeFile | OmittedFile]
) -> Iterator[HomeFile | OmittedFile]:
    """Files without the backup itself and its draft, where somebody writes it into the home folder."""
    own = (file.resolve(), draft.resolve())
    return (each for each in found if not (isinstance(each, HomeFile) and each.path in own))


def _snapshots(home: Home, folder: Path) -> Iterator[tuple[str, Path]]:
    """Consistent copies of the SQLite databases, by their names in the home folder.

    A history elsewhere has the name that it would have there.
    """
    databases = {each.name: each for each in home_files(home) if isinstance(each, HomeFile)}
    history = _history_file(home)
    if history is not None and not history.is_relative_to(home.root.resolve()):
        databases[home.history_file.name] = HomeFile(home.history_file.name, history)
    for number, each in enumerate(databases.values()):
        copy = consistent(each, folder / f"{number}.sqlite")
        if copy != each.path:
            yield each.name, copy


def _history_file(home: Home) -> Path | None:
    """The file of the history; None where it is in PostgreSQL.

    Raises:
        BackupFileError: It is nothing that a backup can hold.
    """
    if is_postgresql(home.history_url):
        return None
    try:
        url = make_url(home.history_url)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() != "sqlite" or not url.database:
        raise BackupFileError(Path(HISTORY_URL), "it names neither an SQLite file nor PostgreSQL")
    return Path(url.database).resolve()


def consistent(found: HomeFile, copy: Path, patience_s: float = BUSY_TIMEOUT_S) -> Path:
    """A copy of an SQLite database, which others may be writing to; the file itself where it is none.

    A file that begins as a database and is damaged is copied as it is.
    """
    if not found.is_sqlite:
        return found.path
    copy.unlink(missing_ok=True)
    try:
        # Read and written, but not created where it has just gone away.
        with (
            closing(sqlite3.connect(f"{found.path.as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target, progress=_patient(found.path, patience_s))
    except sqlite3.OperationalError as error:
        if found.path.exists():
            raise BackupFileError(found.path, str(error)) from error
        return found.path
    except sqlite3.DatabaseError:
        return found.path
    return copy


def _patient(file: Path, patience_s: float) -> Callable[[int, int, int], None]:
    """What SQLite calls after each try: it would try for ever while another process locks the database."""
    until = time.monotonic() + patience_s

    def look(status: int, _remaining: int, _total: int) -> None:
        if status in _BUSY and time.monotonic() > until:
            raise BackupFileError(file, f"another process has locked it for {patience_s:g} s")

    return look


def _add(archive: tarfile.TarFile, path: Path, name: str) -> str:
    """Add a file as long as it is when it is opened; returns its fingerprint.

    Raises:
        FileNotFoundError: It went away.
        ShrunkFileError: It became shorter while it was read.
    """
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        listed = tarfile.TarInfo(name)
        listed.size, listed.mtime, listed.mode = found.st_size, int(found.st_mtime), found.st_mode & 0o777
        read = _Hashed(file, path)
        archive.addfile(listed, read)
        return read.fingerprint


def _add_text(archive: tarfile.TarFile, text: str, name: str) -> None:
    listed = tarfile.TarInfo(name)
    listed.size = len(text.encode())
    archive.addfile(listed, io.BytesIO(text.encode()))


class _Hashed:
    """Reader that hashes what it reads of a file."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path, self._digest = file, path, hashlib.sha256()

    @property
    def fingerprint(self) -> str:
        """The name by content of what was read."""
        return self._digest.digest()[:DIGEST_BYTES].hex()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, all by default; fewer than asked for are an error."""
        chunk = self._file.read(size)
        if len(chunk) < size:
            raise ShrunkFileError(self._path)
        self._digest.update(chunk)
        return chunk
