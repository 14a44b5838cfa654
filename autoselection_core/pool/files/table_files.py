"""Rows of CSV and TSV files as records: the header names the fields, and an empty cell is an absent field."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.pool.data_sets import separator_of
from autoselection_core.pool.files.content import RawRecord, open_content
from autoselection_core.pool.sources import SourceFile

_MAX_CELL = 1 << 28
"""Characters of a cell up to which it costs its row alone, and beyond which it costs the file."""

_SEPARATORS = (",", ";", "\t")


def read_table(file: SourceFile) -> Iterator[RawRecord]:
    """The rows of a table below its header.

    Raises:
        UnreadableSourceError: The file cannot be opened, names a column twice, or leaves a quote open.
    """
    csv.field_size_limit(max(file.max_bytes, _MAX_CELL))
    with open_content(file.path) as plain:
        # Bytes that are no UTF-8 become half pairs, and come back as they were below.
        lines = io.TextIOWrapper(plain, "utf-8-sig", "surrogateescape", newline="")
        try:
            yield from _rows(lines, file)
        except csv.Error as error:
            raise UnreadableSourceError(file.path, f"{error}; is a quote left open?") from error
        finally:
            lines.detach()


def _rows(lines: io.TextIOWrapper, file: SourceFile) -> Iterator[RawRecord]:
    separator = separator_of(file.path) or _separator(lines)
    read: list[str] = []
    rows = csv.reader(_remember(lines, read), delimiter=separator)
    header = next(rows, [])
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise UnreadableSourceError(file.path, f"its header names the column {twice!r} twice")
    number, line = 0, rows.line_num
    read.clear()
    for row in rows:
        first_line, line = line + 1, rows.line_num
        if any(row):
            number += 1
            problem = _open_quote(read, separator) or _problem(header, row)
            yield RawRecord(file.name, number, first_line, _spell(header, row)[: file.max_bytes + 1], problem)
        read.clear()


def _remember(lines: Iterable[str], read: list[str]) -> Iterator[str]:
    """The lines, each also added to those of the row that is being read."""
    for line in lines:
        read.append(line)
        yield line


def _open_quote(lines: Sequence[str], separator: str) -> str | None:
    """The fault of a row that takes the rest of the file, because its quote is left open; else None."""
    if sum(line.count('"') for line in lines) % 2 == 0:
        return None
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        if "end of data" in str(error):
            return f"a quote is left open, so that the row takes the last {len(lines):,} lines of the file"
    return None


def _separator(lines: io.TextIOWrapper) -> str:
    """Most frequent separator of the header; a comma where it has none."""
    header = lines.readline()
    lines.seek(0)
    return max(_SEPARATORS, key=header.count)


def _spell(header: Sequence[str], row: Sequence[str]) -> bytes:
    record = {name: cell for name, cell in zip(header, row, strict=False) if cell}
    return json.dumps(record, ensure_ascii=False).encode(errors="surrogateescape")


def _problem(header: Sequence[str], row: Sequence[str]) -> str | None:
    if len(row) <= len(header):
        return None
    return f"the row has {len(row)} cells, the header {len(header)}; put quotes around cells with separators"
