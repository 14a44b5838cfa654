"""Raw files as records, by the kind of file."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from autoselection_core.pool.data_sets import ARROW, JSON, LINES, PARQUET, TABLE, kind_of
from autoselection_core.pool.files.column_files import count_rows, read_arrow, read_parquet
from autoselection_core.pool.files.json_files import read_json
from autoselection_core.pool.files.raw import RawRecord
from autoselection_core.pool.files.table_files import read_table
from autoselection_core.pool.sources import SourceFile

_READERS: Mapping[str | None, Callable[[SourceFile], Iterator[RawRecord]]] = {
    JSON: read_json,
    LINES: read_json,
    PARQUET: read_parquet,
    ARROW: read_arrow,
    TABLE: read_table,
}


def raw_records(file: SourceFile) -> Iterator[RawRecord]:
    """The records of a file, in order.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    return _READERS[kind_of(file.path)](file)


def count_records(files: Iterable[SourceFile]) -> int | None:
    """Number of records of some files; None where it is known only by reading them.

    Raises:
        UnreadableSourceError: A file is damaged as a whole.
    """
    counts = [count_rows(file) if kind_of(file.path) == PARQUET else None for file in files]
    return None if None in counts else sum(count or 0 for count in counts)
