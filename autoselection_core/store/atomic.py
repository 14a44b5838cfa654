"""Writes that a reader sees as a whole or not at all, whenever the writer stops.

What is being written stands beside its destination under a name that begins with a dot and ends with
`UNFINISHED`. It is flushed to the disk before it is renamed, and the rename after that, so that a finished
name never stands for missing bytes.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoselection_core.errors.store import StorageFullError

UNFINISHED = ".unfinished"
"""The end of the name of everything that a writer has not finished. Readers pass it over."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Name a full disk as what it is, for the write of a path.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise StorageFullError(path, os.strerror(error.errno)) from error


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Write the yielded path; at the end of the block it takes the place of `path`.

    When the block raises, or the process dies, `path` keeps what it held.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    unfinished = _unfinished(path)
    with room_for(path):
        try:
            yield unfinished
            _flush(unfinished)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        _flush(path.parent)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill the yielded folder; at the end of the block it is `path`.

    A folder is named by what it holds. So when another writer was first, its folder stays and this one goes.
    When the block raises, or the process dies, there is no `path`.

    Raises:
        StorageFullError: The disk, a quota or a file size limit leaves no room.
    """
    unfinished = _unfinished(path)
    with room_for(path):
        try:
            unfinished.mkdir()
            yield unfinished
            for entry in unfinished.rglob("*"):
                _flush(entry)
            _flush(unfinished)
            _rename_unless_there(unfinished, path)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        _flush(path.parent)


def _unfinished(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{UNFINISHED}")


def _rename_unless_there(unfinished: Path, path: Path) -> None:
    try:
        unfinished.rename(path)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        shutil.rmtree(unfinished)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
