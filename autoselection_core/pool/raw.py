"""Cut raw files into records without reading a file as a whole."""

import json
import mmap
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.pool.sources import SourceFile

MAX_RECORD_BYTES = 1 << 20
"""A longer record is quarantined: a megabyte is a book, and in practice a file without line ends."""

_BATCH_ROWS = 1024
_ENVELOPE = ("source_name", "record_json")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"|[\[\]{},]')
"""Whole strings, so that brackets and commas inside them are passed over. No string crosses a line: after a
missing quote the lines that follow are read as they should be."""


@dataclass(frozen=True)
class RawRecord:
    """A record as it stands in its file.

    Attributes:
        source: The name of its origin.
        number: Its place among the records of the file, from 1.
        line: The line on which it starts, from 1; in Parquet its row.
        text: Its JSON, cut one byte after `MAX_RECORD_BYTES`.
    """

    source: str
    number: int
    line: int
    text: bytes


def raw_records(file: SourceFile) -> Iterator[RawRecord]:
    """The records of a file, in order.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    return _READERS[file.path.suffix](file)


def count_records(file: SourceFile) -> int | None:
    """How many records a file holds; None where only reading it tells.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    if file.path.suffix != ".parquet":
        return None
    with _readable_parquet(file.path) as parquet:
        return int(parquet.metadata.num_rows)


def _read_lines(file: SourceFile) -> Iterator[RawRecord]:
    with _mapped(file.path) as data:
        yield from _lines(data, file.name)


def _read_array(file: SourceFile) -> Iterator[RawRecord]:
    """The elements of an array; a file that does not start with one is read by lines."""
    with _mapped(file.path) as data:
        opening = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[").match(data)
        yield from _elements(data, opening.end(), file.name) if opening else _lines(data, file.name)


def _read_rows(file: SourceFile) -> Iterator[RawRecord]:
    """The rows of a table. With the columns `source_name` and `record_json`, the records that they hold."""
    with _readable_parquet(file.path) as parquet:
        wrapped = set(_ENVELOPE) <= set(parquet.schema_arrow.names)
        columns = list(_ENVELOPE) if wrapped else None
        number = 0
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns):
            for source, text in (_unwrapped if wrapped else _spelled)(batch):
                number += 1
                yield RawRecord(source or file.name, number, number, text[: MAX_RECORD_BYTES + 1])


_READERS: Mapping[str, Callable[[SourceFile], Iterator[RawRecord]]] = {
    ".json": _read_array,
    ".jsonl": _read_lines,
    ".parquet": _read_rows,
}


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
    number, line, counted = 0, 1, 0
    for stop, after in _boundaries(data, start):
        text = _cut(data, start, stop)
        is_element = data[stop : stop + 1] == b","
        if text or is_element:
            number += 1
            line += data[counted:start].count(b"\n")
            counted = start
            yield RawRecord(source, number, line + _lines_before(data[start:stop]), text)
        start = after


def _boundaries(data: mmap.mmap | bytes, start: int) -> Iterator[tuple[int, int]]:
    """Where the elements of an array end, and where the next ones start."""
    depth = 1
    for token in _TOKEN.finditer(data, start):
        at = token.start()
        mark = data[at : at + 1]
        depth += (mark in {b"[", b"{"}) - (mark in {b"]", b"}"})
        if depth == 0 or (depth == 1 and mark == b","):
            yield at, token.end()
        if depth == 0:
            break
    yield len(data), len(data)


def _lines_before(text: bytes) -> int:
    return text[: len(text) - len(text.lstrip())].count(b"\n")


def _cut(data: mmap.mmap | bytes, start: int, stop: int) -> bytes:
    return data[start : min(stop, start + MAX_RECORD_BYTES + 1)].strip()


def _unwrapped(batch: pa.RecordBatch) -> Iterator[tuple[str | None, bytes]]:
    names, texts = (batch.column(name).cast(pa.large_binary()).to_pylist() for name in _ENVELOPE)
    for name, text in zip(names, texts, strict=True):
        yield (name.decode(errors="replace") if name else None), text or b""


def _spelled(batch: pa.RecordBatch) -> Iterator[tuple[None, bytes]]:
    for row in range(batch.num_rows):
        try:
            (record,) = batch.slice(row, 1).to_pylist()
        except UnicodeDecodeError as error:
            yield None, error.object  # the bytes that are no UTF-8, so that the record is quarantined as such
        else:
            yield None, json.dumps(record, ensure_ascii=False, default=str).encode()


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap | bytes]:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            yield b""  # an empty file cannot be mapped
        else:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield data


@contextmanager
def _readable_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as parquet:
            yield parquet
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSourceError(path, str(error)) from error
