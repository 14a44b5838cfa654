"""Files of a home folder that a backup holds: all that cannot be made again from the others."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autoselection_core.store.atomic import UNFINISHED
from autoselection_core.store.home import Home

_PASSING = (UNFINISHED, "-wal", "-shm", "-journal")
"""Endings of passing files: one that is still written, or part of a database that is copied as a whole."""

_SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class HomeFile:
    """A file of a home folder.

    Attributes:
        name: Its path below the home folder.
        path: Where its content is: itself, or where links lead.
    """

    name: str
    path: Path

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite database, which others may be writing to."""
        try:
            with self.path.open("rb") as file:
                return file.read(len(_SQLITE)) == _SQLITE
        except OSError:  # it went away since it was listed; whoever copies it says so
            return False


@dataclass(frozen=True)
class OmittedFile:
    """A file of a home folder that a backup does not hold.

    Attributes:
        name: Its path below the home folder.
        reason: Why.
    """

    name: str
    reason: str


def home_files(home: Home) -> Iterator[HomeFile | OmittedFile]:
    """Files to keep, in order of their names, and what cannot be kept. Links are followed.

    Columns of a signal are left out where its table of values is there, since they are made again from it.
    Those of a signal of the pool as a whole (pairs, clusters, groups) have no table and are kept, for every
    pool. Raw files of object storage are fetched again, shards of unfinished signals computed again, and
    links to base models made again.
    """
    tables = {each.stem.rpartition("-")[2] for each in home.lance.glob("*")}
    for found in _walk(home.root, Path(), ()):
        parts = Path(found.name).parts
        is_made_again = home.root / parts[0] in (home.objects, home.shards, home.templated)
        is_column = home.root / parts[0] == home.columns and (len(parts) < 4 or parts[2] in tables)  # noqa: PLR2004 - columns/pool/version/file
        if not (is_made_again or is_column):
            yield found


def _walk(folder: Path, below: Path, inside: tuple[Path, ...]) -> Iterator[HomeFile | OmittedFile]:
    """Files below a folder; `inside` are the real folders on the way, in which a link must not lead back."""
    real = folder.resolve()
    if real in inside:
        yield OmittedFile(str(below), "is a link to a folder that it is in")
        return
    for entry in _entries(folder):
        name = below / entry.name
        if any(entry.name.endswith(ending) for ending in _PASSING):
            continue
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            is_link = entry.is_symlink()
            yield OmittedFile(str(name), "is a link that leads nowhere" if is_link else _reason(error))
            continue
        if stat.S_ISDIR(mode):
            yield from _walk(Path(entry.path), name, (*inside, real))
        elif stat.S_ISREG(mode):
            yield HomeFile(str(name), Path(entry.path).resolve())
        else:
            yield OmittedFile(str(name), "is no file")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError:
        return []  # the folder went away with all that was in it


def _reason(error: OSError) -> str:
    return "went away meanwhile" if isinstance(error, FileNotFoundError) else str(error.strerror)
