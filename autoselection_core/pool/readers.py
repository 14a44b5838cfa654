"""Raw files as records, by the kind of file."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from autoselection_core.pool.json_files import read_array, read_lines
from autoselection_core.pool.parquet_files import count_rows, read_rows
from autoselection_core.pool.raw import RawRecord
from autoselection_core.pool.sources import SourceFile

_READERS: Mapping[str, Callable[[SourceFile], Iterator[RawRecord]]] = {
    ".json": read_array,
    ".jsonl": read_lines,
    ".parquet": read_rows,
}


def raw_records(file: SourceFile) -> Iterator[RawRecord]:
    """The records of a file, in order.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    return _READERS[file.path.suffix](file)


def count_records(files: Iterable[SourceFile]) -> int | None:
    """How many records some files hold; None where only reading them tells.

    Raises:
        UnreadableSourceError: A file is damaged as a whole.
    """
    counts = [count_rows(file) if file.path.suffix == ".parquet" else None for file in files]
    return None if None in counts else sum(count or 0 for count in counts)
