"""A pool as one Arrow file in a folder, mapped into memory and not read."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from autoselection_core.errors.pool import UnreadablePoolError
from autoselection_core.pool.columns import SCHEMA, SCHEMA_WITHOUT_DETAILS, with_details
from autoselection_core.store.atomic import atomic_folder


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


FILE = "pool.arrow"

_VERSION = b"pool_version"


def write_table(folder: Path, batches: Iterable[pa.RecordBatch], version: str) -> None:
    """Write the rows of a pool into a folder, as a whole or not at all.

    Raises:
        StorageFullError: The disk has no room.
    """
    schema = SCHEMA.with_metadata({_VERSION: version.encode()})
    with atomic_folder(folder) as unfinished:
        write_batches(unfinished / FILE, schema, batches)


def open_table(folder: Path) -> pa.Table:
    """Map the columns of a pool that `write_table` has written into a folder.

    Raises:
        UnreadablePoolError: There is no such file, or it holds something else.
    """
    try:
        table = map_table(folder / FILE)
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreadablePoolError(folder, str(error)) from error
    if table.schema.equals(SCHEMA_WITHOUT_DETAILS):
        table = with_details(table)
    if not table.schema.equals(SCHEMA) or stored_version(table) is None:
        raise UnreadablePoolError(folder, "its columns are those of another version")
    return table


def stored_version(table: pa.Table) -> str | None:
    """The version recorded in a pool's file; None for a table that was made in memory."""
    version = (table.schema.metadata or {}).get(_VERSION)
    return version.decode() if version else None
