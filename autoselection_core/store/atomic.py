"""Atomic writes: a reader sees them as a whole or not at all, whenever the writer stops.

Unfinished writes are kept in a staging folder, beside the destination, whose name begins with a dot and ends
with `UNFINISHED`. What it holds is flushed to the disk before it is renamed, and the rename after that, so
that a finished name never refers to missing bytes. What a killed writer leaves is removed by the next one of
the same destination.
"""

import errno
import fcntl
import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from autoselection_core.errors.store import StorageFullError
from autoselection_core.identity import Json

UNFINISHED = ".unfinished"
"""The end of the name of every staging folder. Readers pass them over."""

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of the operating system where a disk, a quota or a file size limit leaves no room."""

_STAGING = re.compile(rf"\..+\.[0-9a-f]{{16}}{re.escape(UNFINISHED)}")
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Atomic write of a file: the block writes the yielded path, which then replaces `path`.

    When the block raises, or the process dies, `path` keeps what it held.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    with staging_folder(path) as folder:
        unfinished = folder / path.name
        yield unfinished
        _flush(unfinished)
        unfinished.replace(path)
        _flush(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Atomic write of a folder: the block fills the yielded one, which is then renamed to `path`.

    A folder is named by what it holds. So when another writer was first, its folder stays and this one goes.
    When the block raises, or the process dies, there is no `path`.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    with staging_folder(path) as folder:
        unfinished = folder / path.name
        unfinished.mkdir()
        yield unfinished
        for entry in (unfinished, *unfinished.rglob("*")):
            _flush(entry)
        _rename_unless_there(unfinished, path)
        _flush(path.parent)


_ORIGIN = "provenance.json"


def is_made(folder: Path, origin: Json) -> bool:
    """Whether a folder is there and was made from an origin."""
    made_from = folder / _ORIGIN
    return made_from.is_file() and json.loads(made_from.read_text()) == origin


def made_once(folder: Path, origin: Json, fill: Callable[[Path], None]) -> Path:
    """The folder, made by `fill` unless it is there and was made from the same origin: whole or not at all.

    Args:
        folder: What is wanted.
        origin: What the folder is made from.
        fill: Writes the content into the empty folder that it is given.
    """
    if is_made(folder, origin):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with atomic_folder(folder) as unfinished:
        fill(unfinished)
        (unfinished / _ORIGIN).write_text(json.dumps(origin, indent=2))
    return folder


@contextmanager
def staging_folder(path: Path) -> Iterator[Path]:
    """Temporary folder beside `path`, on the same disk, removed when the block ends.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    with _room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for abandoned in path.parent.glob(f".{glob.escape(path.name)}.*{UNFINISHED}"):
            remove_unless_used(abandoned)
        folder, lock = _locked_folder(path)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


@contextmanager
def lasting_folder(path: Path) -> Iterator[Path]:
    """Folder that stays when the block raises or the process dies, so that the next one goes on with it.

    Blocks of several processes share it. It goes when the last one of them ends without an error.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    with _room_for(path):
        lock = _shared_folder(path)
        try:
            yield path
            _remove_if_free(path, lock)
        finally:
            os.close(lock)


def _shared_folder(path: Path) -> int:
    """The handle whose lock shows that a folder is used; the folder is made where there is none."""
    while True:
        path.mkdir(parents=True, exist_ok=True)
        lock = _open(path)
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.exists() and os.path.samestat(path.stat(), os.fstat(lock)):
                return lock
            os.close(lock)


def _locked_folder(path: Path) -> tuple[Path, int]:
    """A new staging folder, and the handle whose lock shows that its owner lives.

    Until it is locked, another writer may take it for abandoned; then there is a next one.
    """
    while True:
        folder = path.with_name(f".{path.name}.{secrets.token_hex(8)}{UNFINISHED}")
        folder.mkdir()
        lock = _open(folder)
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_SH)
            if folder.exists():
                return folder, lock
            os.close(lock)


def remove_unfinished(folder: Path, ending: str) -> None:
    """Remove what killed writers left of files in a folder whose names have an ending, whatever they are.

    Who writes a file of another name each time never meets its own name again.
    """
    for abandoned in folder.glob(f".*{glob.escape(ending)}.*{UNFINISHED}"):
        if _STAGING.fullmatch(abandoned.name):
            remove_unless_used(abandoned)


def remove_unless_used(folder: Path) -> None:
    """Remove a folder that no living process uses: the kernel has dropped the locks of the dead."""
    lock = _open(folder)
    if lock is None:
        return
    try:
        _remove_if_free(folder, lock)
    finally:
        os.close(lock)


def _remove_if_free(folder: Path, lock: int) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # somebody uses it, or the file system knows no locks
    shutil.rmtree(folder, ignore_errors=True)


def _open(folder: Path) -> int | None:
    """A handle of a folder; None when it has just been removed."""
    try:
        return os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None


def _rename_unless_there(unfinished: Path, path: Path) -> None:
    try:
        unfinished.rename(path)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # numpy writes arrays in a way that loses the number of the error.
        is_short = error.errno is None and _SHORT_WRITE.fullmatch(str(error)) is not None
        if not is_short and error.errno not in NO_ROOM:
            raise
        raise StorageFullError(path, os.strerror(error.errno or errno.ENOSPC)) from error
