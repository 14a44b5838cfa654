"""Spooling of tables through an Arrow file."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa


@contextmanager
def spool(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatchFileWriter]:
    """Write batches to an Arrow file."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as file:
        yield file


def write_batches(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    """Write an Arrow file."""
    with spool(path, schema) as file:
        for batch in batches:
            file.write_batch(batch)


def map_table(path: Path) -> pa.Table:
    """The table of an Arrow file; its pages are read when they are needed.

    Raises:
        OSError: There is no such file.
        ArrowInvalid: It is no Arrow file, or its end is missing.
    """
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
