"""Cut JSON files into records without reading a file as a whole, or trusting it to be JSON."""

import mmap
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.pool.raw import MAX_RECORD_BYTES, RawRecord
from autoselection_core.pool.sources import SourceFile

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ARRAY = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[")
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"|[\[\]{},\n]')
"""Whole strings, so that brackets and commas inside them are passed over. No string crosses a line: after a
missing quote the lines that follow are read as they should be."""

_OPENING = {b"[", b"{"}
_CLOSING = {b"]", b"}"}


def read_lines(file: SourceFile) -> Iterator[RawRecord]:
    """The lines of a file that are not blank.

    Raises:
        UnreadableSourceError: The file cannot be opened.
    """
    with _mapped(file.path) as data:
        yield from _lines(data, file.name)


def read_array(file: SourceFile) -> Iterator[RawRecord]:
    """The elements of an array; a file that does not start with one is read by lines.

    Raises:
        UnreadableSourceError: The file cannot be opened.
    """
    with _mapped(file.path) as data:
        opening = _ARRAY.match(data)
        yield from _elements(data, opening.end(), file.name) if opening else _lines(data, file.name)


def _lines(data: mmap.mmap | bytes, source: str) -> Iterator[RawRecord]:
    start = len(_BYTE_ORDER_MARK) if data[:3] == _BYTE_ORDER_MARK else 0
    number = line = 0
    while start < len(data):
        found = data.find(b"\n", start)
        stop = len(data) if found < 0 else found
        line += 1
        text = _cut(data, start, stop)
        if text:
            number += 1
            yield RawRecord(source, number, line, text)
        start = stop + 1


def _elements(data: mmap.mmap | bytes, start: int, source: str) -> Iterator[RawRecord]:
    """What stands between the commas of the outermost array; what follows its end is one more record."""
    number = 0
    for stop, after, line in _boundaries(data, start):
        text = _cut(data, start, stop)
        if text or data[stop : stop + 1] == b",":
            number += 1
            yield RawRecord(source, number, line, text)
        start = after


def _boundaries(data: mmap.mmap | bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Where each element of an array ends, where the next one may start, and the line it started on."""
    depth, line, first_line = 1, 1 + data[:start].count(b"\n"), None
    for token in _TOKEN.finditer(data, start):
        at = token.start()
        mark = data[at : at + 1]
        if mark == b"\n":
            line += 1
            continue
        first_line = first_line or line
        depth += (mark in _OPENING) - (mark in _CLOSING)
        if depth == 0 or (depth == 1 and mark == b","):
            yield at, token.end(), first_line
            first_line = None
        if depth == 0:
            break
    yield len(data), len(data), first_line or line


def _cut(data: mmap.mmap | bytes, start: int, stop: int) -> bytes:
    text = data[start : min(stop, start + MAX_RECORD_BYTES + 1)]
    return text.strip() if len(text) <= MAX_RECORD_BYTES else text


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap | bytes]:
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                yield b""  # an empty file cannot be mapped
            else:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    yield data
    except OSError as error:
        raise UnreadableSourceError(path, str(error)) from error
