"""LanceDB as the record of what was computed: one table a signal version, keyed by sample id, append-only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from autoselection_core.errors.store import StorageFullError

ID = "id"
ID_TYPE = pa.binary(16)


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
        """Add rows; the first rows decide the columns.

        Raises:
            StorageFullError: The disk has no room; the table is as it was.
        """
        try:
            self._created(rows.schema).add(rows)
        except (OSError, RuntimeError) as error:
            if "No space left" not in str(error) and "StorageFull" not in str(error):
                raise
            raise StorageFullError(self.folder, "No space left on device") from error

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

    def _created(self, schema: pa.Schema) -> Any:  # noqa: ANN401 lancedb has no types
        existing = self._opened()
        if existing is not None:
            return existing
        try:
            return self._database().create_table(self.name, schema=schema)
        except (OSError, ValueError, RuntimeError):
            existing = self._opened()  # another process was first
            if existing is None:
                raise
            return existing

    def _opened(self) -> Any:  # noqa: ANN401 lancedb has no types
        if not (self.folder / f"{self.name}.lance").exists():
            return None
        try:
            return self._database().open_table(self.name)
        except ValueError:  # another process is creating it
            return None

    def _database(self) -> Any:  # noqa: ANN401 lancedb has no types
        import lancedb

        return lancedb.connect(self.folder)
