"""Back an installation up into one file, and restore it elsewhere.

The history is copied before the files. What it knows of was finished before it was entered, so a backup of
a running installation holds every evaluation that its history speaks of. Columns are left out, being derived.
"""

import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.errors.backup import DamagedBackupError, NotABackupError, NotEmptyError
from autoselection_core.export.postgresql import dump, load
from autoselection_core.identity import fingerprint_file
from autoselection_core.store.atomic import UNFINISHED, atomic_file
from autoselection_core.store.home import Home

CONTENTS = "backup.json"
_FILES, _DATABASES = "files", "databases"
_DERIVED = ("columns", "objects")
_DATABASE_ENDINGS = (".sqlite", ".db")


@dataclass(frozen=True)
class Backup:
    """Contents of a backup.

    Attributes:
        file: Where it is.
        files: How many files of the home folder.
        databases: Names of the PostgreSQL databases.
    """

    file: Path
    files: int
    databases: tuple[str, ...]


def back_up(home: Home, file: Path, databases: Mapping[str, str]) -> Backup:
    """Write a backup; the file appears whole or not at all.

    Args:
        home: What is backed up.
        file: Where to, a `.tar` file.
        databases: PostgreSQL databases by name, as URLs.

    Raises:
        StorageFullError: There is no room.
        DatabaseToolError: A database could not be copied.
    """
    with tempfile.TemporaryDirectory(prefix="autoselection-backup-") as folder, atomic_file(file) as draft:
        copies = Path(folder)
        dumped = {name: dump(url, copies / f"{name}.dump") for name, url in databases.items()}
        snapshots = {path: _snapshot(path, copies) for path in _sqlite_files(home.root)}
        contents: dict[str, dict[str, str]] = {_FILES: {}, _DATABASES: {}}
        with tarfile.open(draft, "w") as archive:
            for name, copy in dumped.items():
                archive.add(copy, f"{_DATABASES}/{name}")
                contents[_DATABASES][name] = fingerprint_file(copy)
            for path in _kept(home.root):
                source, name = snapshots.get(path, path), str(path.relative_to(home.root))
                archive.add(source, f"{_FILES}/{name}")
                contents[_FILES][name] = fingerprint_file(source)
            listed = copies / CONTENTS
            listed.write_text(json.dumps(contents))
            archive.add(listed, CONTENTS)
    return Backup(file, len(contents[_FILES]), tuple(databases))


def restore(file: Path, home: Home, databases: Mapping[str, str]) -> Backup:
    """Fill an empty home folder, and empty databases, from a backup, and compare every file.

    Args:
        file: The backup.
        home: Where to; must not hold anything.
        databases: Where each PostgreSQL database of the backup goes, as URLs.

    Raises:
        NotABackupError: The file is none, or holds a database that no URL is given for.
        NotEmptyError: The home folder holds something.
        DamagedBackupError: A file is not what the backup says.
        DatabaseToolError: A database could not be filled.
    """
    if home.root.exists() and any(home.root.iterdir()):
        raise NotEmptyError(home.root)
    home.root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.root.parent, prefix=".restoring-") as folder:
        draft = Path(folder)
        contents = _unpacked(file, draft)
        missing = [name for name in contents[_DATABASES] if name not in databases]
        if missing:
            raise NotABackupError(file, f"it holds the database {missing[0]!r}, and no URL is given for it")
        for name in contents[_DATABASES]:
            load(draft / _DATABASES / name, databases[name])
        if home.root.exists():
            home.root.rmdir()
        shutil.move(draft / _FILES, home.root)
    return Backup(file, len(contents[_FILES]), tuple(contents[_DATABASES]))


def _unpacked(file: Path, folder: Path) -> dict[str, dict[str, str]]:
    try:
        with tarfile.open(file) as archive:
            archive.extractall(folder, filter="data")
        contents: dict[str, dict[str, str]] = json.loads((folder / CONTENTS).read_text())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise NotABackupError(file, str(error)) from error
    (folder / _FILES).mkdir(exist_ok=True)
    for kind in (_FILES, _DATABASES):
        for name, known in contents[kind].items():
            path = folder / kind / name
            if not path.is_file() or fingerprint_file(path) != known:
                raise DamagedBackupError(file, name)
    return contents


def _kept(root: Path) -> Iterator[Path]:
    """Files that a backup holds, in order; what is being written now is not there yet."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        is_passing = any(part.endswith((UNFINISHED, "-wal", "-shm", "-journal")) for part in parts)
        if path.is_file() and not is_passing and parts[0] not in _DERIVED:
            yield path


def _sqlite_files(root: Path) -> Iterator[Path]:
    return (path for path in _kept(root) if path.suffix in _DATABASE_ENDINGS)


def _snapshot(path: Path, folder: Path) -> Path:
    """A consistent copy of an SQLite file that others may be writing to."""
    copy = folder / f"{abs(hash(path))}{path.suffix}"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy
