"""Bytes of a raw file, decompressed where it is compressed, known to be what they should be; its records."""

import gzip
import mmap
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeAlias

import pyarrow as pa

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.pool.data_sets import compression_of
from autoselection_core.pool.sample import QuarantineReason

Content: TypeAlias = mmap.mmap | bytes
"""The bytes of a file; only those that are looked at are read."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_PIECE = 1 << 20
LOOKED_AT = 64
"""First bytes of a file by which it is known to be something else."""

_MARK_BYTES = 4
_POINTER = b"version https://git-lfs.github.com/spec/"
_PAGES = (b"<!doctype html", b"<html")
_PACKED = {
    b"\x1f\x8b": "compressed by gzip (`.gz`)",
    b"\x28\xb5\x2f\xfd": "compressed by Zstandard (`.zst`)",
    b"BZh": "compressed by bzip2 (`.bz2`)",
    b"\xfd7zXZ": "compressed by xz (`.xz`)",
    b"PK\x03\x04": "a ZIP archive (`.zip`)",
    b"PAR1": "Parquet (`.parquet`)",
    b"ARROW1": "Arrow (`.arrow`)",
}
"""First bytes of files that hold no text."""

_OTHER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@contextmanager
def open_content(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, or what it holds compressed, which goes through a file without a name.

    Raises:
        UnreadableSourceError: The file cannot be opened or decompressed, or is in another encoding.
    """
    try:
        with path.open("rb") as file, _decompress(file, path) as plain:
            require_utf8(plain, path)
            yield plain
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise UnreadableSourceError(path, str(error).rstrip(".")) from error


@contextmanager
def content_of(path: Path) -> Iterator[Content]:
    """Map a file, or what it holds compressed.

    Raises:
        UnreadableSourceError: See `open_content`.
    """
    with open_content(path) as file, _map(file) as content:
        yield content


@contextmanager
def _decompress(file: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    compression = compression_of(path)
    if compression is None:
        yield file
        return
    with TemporaryFile() as plain:
        with (
            gzip.GzipFile(fileobj=file) if compression == "gzip" else pa.input_stream(file, "zstd") as packed
        ):
            shutil.copyfileobj(packed, plain, _PIECE)
        plain.flush()
        yield plain


@contextmanager
def _map(file: IO[bytes]) -> Iterator[Content]:
    if file.seek(0, 2) == 0:
        yield b""  # an empty file cannot be mapped
    else:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def require_data(start: bytes, path: Path) -> None:
    """Refuse a file by its first bytes that something else left in place of the data.

    Raises:
        UnreadableSourceError: It is a pointer of Git LFS, or a page of the web.
    """
    if start.startswith(_POINTER):
        raise UnreadableSourceError(path, "it is a pointer of Git LFS; `git lfs pull` fetches its content")
    if start.lstrip().lower().startswith(_PAGES):
        raise UnreadableSourceError(path, "it is a page of the web, as a download that failed leaves one")


def require_utf8(file: IO[bytes], path: Path) -> None:
    """Refuse a file by its first bytes that is no text in UTF-8, and set it back to its beginning.

    Raises:
        UnreadableSourceError: It is compressed, in another encoding, or what something else left.
    """
    file.seek(0)
    start = file.read(LOOKED_AT)
    file.seek(0)
    require_data(start, path)
    if start and not start.strip(b"\0"):
        raise UnreadableSourceError(
            path, "it begins with zero bytes, as a file that was not written to its end"
        )
    packed = next((name for mark, name in _PACKED.items() if start.startswith(mark)), None)
    if packed is not None:
        raise UnreadableSourceError(path, f"it is {packed}, whatever its ending says; rename or unpack it")
    start = start[:_MARK_BYTES]
    named = next((name for mark, name in _OTHER_MARKS.items() if start.startswith(mark)), None)
    if named is None and len(start) == _MARK_BYTES and (start[::2] == b"\0\0" or start[1::2] == b"\0\0"):
        named = "UTF-16"  # without a mark, but every other byte of English in it is zero
    if named is not None:
        raise UnreadableSourceError(path, f"it is {named}; convert it with `iconv -f {named} -t UTF-8`")


@dataclass(frozen=True)
class RawRecord:
    """Raw record, not parsed or checked yet.

    Attributes:
        source: The name of its origin.
        number: Its place among the records of the file, from 1.
        line: The line on which it starts, from 1; in a file of columns its row.
        text: Its JSON; where it is longer than may be (`SourceFile.max_bytes`), its beginning.
        problem: Why it is put aside unread: a fault of its row of a table, or its place; None for none.
        reason: Reason under which it is put aside then.
        beside: Fields of text that the file has beside its records.
    """

    source: str
    number: int
    line: int
    text: bytes
    problem: str | None = None
    reason: QuarantineReason = QuarantineReason.BAD_ROW
    beside: tuple[str, ...] = ()
