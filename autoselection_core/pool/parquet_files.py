"""Read the rows of Parquet files as records."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.pool.raw import MAX_RECORD_BYTES, RawRecord
from autoselection_core.pool.sources import SourceFile

_BATCH_ROWS = 1024
_ENVELOPE = ("source_name", "record_json")


def count_rows(file: SourceFile) -> int:
    """How many rows a file holds.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    with _readable(file.path) as parquet:
        return int(parquet.metadata.num_rows)


def read_rows(file: SourceFile) -> Iterator[RawRecord]:
    """The rows of a file; with the columns `source_name` and `record_json`, the records that they hold.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    with _readable(file.path) as parquet:
        wrapped = set(_ENVELOPE) <= set(parquet.schema_arrow.names)
        columns = list(_ENVELOPE) if wrapped else None
        number = 0
        for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns):
            for source, text in (_unwrapped if wrapped else _spelled)(batch):
                number += 1
                yield RawRecord(source or file.name, number, number, text[: MAX_RECORD_BYTES + 1])


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
def _readable(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path) as parquet:
            yield parquet
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSourceError(path, str(error)) from error
