"""A pool as one Arrow file in a folder, mapped into memory and not read."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from autoselection_core.errors.pool import UnreadablePoolError
from autoselection_core.pool.columns import SCHEMA, SCHEMA_WITHOUT_DETAILS, with_details
from autoselection_core.pool.spool import map_table, write_batches
from autoselection_core.store.atomic import atomic_folder

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
