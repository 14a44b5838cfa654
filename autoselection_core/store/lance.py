"""LanceDB as the record of what was computed: one table a signal version, keyed by sample id, append-only."""

import fcntl
import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from autoselection_core.errors.store import StorageFullError
from autoselection_core.store.atomic import NO_ROOM

ID = "id"
ID_TYPE = pa.binary(16)

MAX_FRAGMENTS = 32
"""Files of a table; more are merged into one, so that reading does not slow down with every append."""

_NUMBER = re.compile(r"\(os error (\d+)\)")
"""Number of an error of the operating system, as LanceDB's messages have it."""

_CREATING = ".creating.lock"
"""File of the folder that is locked while a table is created."""

_MAX_TRIES = 10
"""Tries of an append that others are always ahead of."""

_KEPT_VERSIONS = timedelta(hours=1)
"""Age from which files that were merged are removed; a reader may hold an older version for minutes."""


@dataclass(frozen=True)
class LanceTable:
    """One append-only table. Appending is one transaction: a reader sees all of a chunk or none of it.

    Two processes may append the same samples; readers take the first of equal ids, and the values are equal.

    Attributes:
        folder: The LanceDB folder.
        name: Name of the table: letters, digits, `_`, `-`, `.`.
    """

    folder: Path
    name: str

    def append(self, rows: pa.Table) -> None:
        """Add rows; the first rows decide the columns. Files of many appends are merged.

        Raises:
            StorageFullError: A disk, quota or file size limit leaves no room. The rows are there as a whole,
                if only the merge found none, or not at all.
        """
        try:
            table = self._created(rows.schema)
            _add(table, rows)
            self._compact(table)
        except (OSError, RuntimeError) as error:
            number = _NUMBER.search(str(error))
            if number is None or int(number.group(1)) not in NO_ROOM:
                raise
            raise StorageFullError(self.folder, os.strerror(int(number.group(1)))) from error

    def ids(self) -> pa.ChunkedArray:
        """Ids of all rows; a sample may occur twice."""
        return self.read([ID]).column(ID)

    def read(self, columns: list[str] | None = None) -> pa.Table:
        """All rows, or some columns of them; no rows when nothing was ever appended."""
        table = self._opened()
        if table is None:
            return pa.table({ID: pa.array([], ID_TYPE)})
        if columns is None:
            return table.to_arrow()
        return table.search().select(columns).limit(None).to_arrow()

    @property
    def files(self) -> int:
        """Number of files that a reader opens; those that were merged into others do not count."""
        table = self._opened()
        return 0 if table is None else _files_of(table)

    def _compact(self, table: Any) -> None:  # noqa: ANN401 lancedb has no types
        if _files_of(table) <= MAX_FRAGMENTS:
            return
        try:
            table.optimize(cleanup_older_than=_KEPT_VERSIONS)
        except RuntimeError as error:
            if "onflict" not in str(error):  # another process merges them
                raise

    def _created(self, schema: pa.Schema) -> Any:  # noqa: ANN401 lancedb has no types
        existing = self._opened()
        if existing is not None:
            return existing
        self.folder.mkdir(parents=True, exist_ok=True)
        # Between its first file and its last a table can be neither opened nor created.
        with (self.folder / _CREATING).open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            existing = self._opened()  # of another process that was first; an empty table is falsy
            if existing is not None:
                return existing
            mode = "overwrite" if self._is_unfinished else "create"
            return self._database().create_table(self.name, schema=schema, mode=mode)

    @property
    def _is_unfinished(self) -> bool:
        """Whether whoever created it was killed before the table had a version."""
        folder = self.folder / f"{self.name}.lance"
        return folder.exists() and not any((folder / "_versions").glob("*.manifest"))

    def _opened(self) -> Any:  # noqa: ANN401 lancedb has no types
        if not (self.folder / f"{self.name}.lance").exists():
            return None
        try:
            return self._database().open_table(self.name)
        except ValueError:  # another process is creating it, or was killed while it did
            return None

    def _database(self) -> Any:  # noqa: ANN401 lancedb has no types
        import lancedb

        return lancedb.connect(self.folder)


def _add(table: Any, rows: pa.Table) -> None:  # noqa: ANN401 lancedb has no types
    """Add rows; LanceDB gives up after half a minute where others append, which on a busy machine is soon."""
    for tries_left in reversed(range(_MAX_TRIES)):
        try:
            table.add(rows)
        except RuntimeError as error:
            if "concurrent writers" not in str(error) or not tries_left:
                raise
        else:
            return


def _files_of(table: Any) -> int:  # noqa: ANN401 lancedb has no types
    count: int = table.stats()["fragment_stats"]["num_fragments"]
    return count
