"""Records of Parquet and Arrow files, row by row."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.identity import Json
from autoselection_core.pool.files.content import LOOKED_AT, RawRecord, require_data
from autoselection_core.pool.sources import SourceFile

_BATCH_ROWS = 1024
_ENVELOPE = ("source_name", "record_json")
_BEYOND = "a date within a value is beyond the year 9,999"
_LONG = 64
"""Bits of a long date or time."""

_ARROW_FILE = b"ARROW1"
"""First bytes of an Arrow file, which indexes its batches; a stream, as `datasets` writes, does not."""


def count_rows(file: SourceFile) -> int:
    """Number of rows of a Parquet file.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    with _readable(file.path) as parquet:
        return int(parquet.metadata.num_rows)


def read_parquet(file: SourceFile) -> Iterator[RawRecord]:
    """The rows of a file; with the columns `source_name` and `record_json`, the records that they hold.

    Raises:
        UnreadableSourceError: The file is damaged as a whole, or names a column twice.
    """
    with _readable(file.path) as parquet:
        _require_names_once(file.path, list(parquet.schema_arrow))
        wrapped = set(_ENVELOPE) <= set(parquet.schema_arrow.names)
        columns = list(_ENVELOPE) if wrapped else None
        number = 0
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns):
            for source, text in (_unwrap if wrapped else _spell)(batch):
                number += 1
                yield RawRecord(source or file.name, number, number, text[: file.max_bytes + 1])


def read_arrow(file: SourceFile) -> Iterator[RawRecord]:
    """The rows of an Arrow file or stream.

    Raises:
        UnreadableSourceError: The file is damaged as a whole, or names a column twice.
    """
    number = 0
    for batch in _batches(file.path):
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            for _, text in _spell(batch.slice(start, _BATCH_ROWS)):
                number += 1
                yield RawRecord(file.name, number, number, text[: file.max_bytes + 1])


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pa.memory_map(str(path)) as source:
            is_file = source.read(len(_ARROW_FILE)) == _ARROW_FILE
            source.seek(0)
            reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
            _require_names_once(path, list(reader.schema))
            if is_file:
                yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
            else:
                yield from reader
    except (pa.ArrowException, OSError) as error:
        _refuse(path, error)


def _require_names_once(path: Path, fields: Sequence[pa.Field]) -> None:
    """Refuse columns, or fields of a structure, of which one would be lost in silence.

    Raises:
        UnreadableSourceError: Two have one name.
    """
    names = [field.name for field in fields]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableSourceError(path, f"it names the column {twice!r} twice")
    for field in fields:
        _require_names_once(path, [field.type.field(place) for place in range(field.type.num_fields)])


def _unwrap(batch: pa.RecordBatch) -> Iterator[tuple[str | None, bytes]]:
    names, texts = (batch.column(name).cast(pa.large_binary()).to_pylist() for name in _ENVELOPE)
    for name, text in zip(names, texts, strict=True):
        yield (name.decode(errors="replace") if name else None), text or b""


def _spell(batch: pa.RecordBatch) -> Iterator[tuple[None, bytes]]:
    try:
        records = batch.to_pylist(maps_as_pydicts="lossy")
    except UnicodeDecodeError:
        if batch.num_rows > 1:
            for row in range(batch.num_rows):
                yield from _spell(batch.slice(row, 1))
        else:
            yield None, _damaged(batch)
    except (OverflowError, ValueError):
        for record in _with_dates_as_numbers(batch).to_pylist(maps_as_pydicts="lossy"):
            yield None, _line(record)
    else:
        for record in records:
            yield None, _line(record)


def _with_dates_as_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Rows whose dates and times are the numbers that they are stored as: Python has no year 10,000.

    Raises:
        ArrowNotImplementedError: Such a date is inside of another value.
    """
    columns = [
        column.view(pa.int64() if column.type.bit_width == _LONG else pa.int32())
        if pa.types.is_temporal(column.type) and not pa.types.is_interval(column.type)
        else column
        for column in batch.columns
    ]
    if all(column.type == other.type for column, other in zip(columns, batch.columns, strict=True)):
        raise pa.ArrowNotImplementedError(_BEYOND)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _line(record: Json) -> bytes:
    """A row as JSON. Bytes that are no UTF-8 are half pairs in it, which no text of a sample may hold."""
    try:
        return json.dumps(record, ensure_ascii=False, default=_text).encode()
    except UnicodeEncodeError:
        return json.dumps(record, default=_text).encode()
    except TypeError:
        return _line(_with_texts_as_keys(record))


def _with_texts_as_keys(value: object) -> Any:  # noqa: ANN401 JSON with what `_text` spells
    """A value whose maps have texts as keys; JSON has no other ones."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else _text(key): _with_texts_as_keys(each)
            for key, each in value.items()
        }
    return [_with_texts_as_keys(each) for each in value] if isinstance(value, list) else value


def _text(value: object) -> str:
    """The text of a value without a type of JSON; of bytes, the one that they spell in UTF-8."""
    return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value)


def _damaged(row: pa.RecordBatch) -> bytes:
    """The bytes of a row that are no UTF-8, so that the record is quarantined as such."""
    try:
        row.to_pylist()
    except UnicodeDecodeError as error:
        return error.object
    return b""


def _refuse(path: Path, error: Exception) -> NoReturn:
    """Raise the error of a damaged file, or of what is there in its place."""
    with suppress(OSError), path.open("rb") as file:
        require_data(file.read(LOOKED_AT), path)
    raise UnreadableSourceError(path, str(error).rstrip(".")) from error


@contextmanager
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as parquet:
            yield parquet
    except (pa.ArrowException, OSError) as error:
        _refuse(path, error)
