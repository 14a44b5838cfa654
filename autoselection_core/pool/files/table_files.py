"""Rows of CSV and TSV files as records: the header names the fields, and an empty cell is an absent field.

Where the first line is a record itself, no field has a name: the rows are put aside with a sentence that says
so, unless the source names the columns.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from autoselection_core.errors.pool import RejectedRecordError, UnreadableSourceError
from autoselection_core.pool.data_sets import separator_of
from autoselection_core.pool.files.content import RawRecord, open_content
from autoselection_core.pool.reading.record import KNOWN_FIELDS, read_record
from autoselection_core.pool.reading.rules import Rules
from autoselection_core.pool.sources import SourceFile

_MAX_CELL = 1 << 28
"""Characters of a cell up to which it costs its row alone, and beyond which it costs the file."""

_SEPARATORS = (",", ";", "\t", "|")
_STATED = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
"""First line in which a spreadsheet states the separator."""

_MARK = "\ufeff"
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")
_SENTENCE = re.compile(r"[.?!。\uff1f\uff01]\Z|\n")
_LONG_NAME = 60
"""Characters from which on a cell is no name of a column."""


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
    rules = file.source.rules
    separator, spaced, skipped = _layout(lines, file)
    read: list[str] = []
    rows = csv.reader(_remember(lines, read), delimiter=separator, skipinitialspace=spaced)
    header = list(rules.columns) or [cell.removeprefix(_MARK) for cell in next(filter(any, rows), [])]
    if not rules.columns and _is_record(header, rules):
        yield from _without_names(header, rows, file)
        return
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise UnreadableSourceError(file.path, f"its header names the column {twice!r} twice")
    number, line = 0, rows.line_num + skipped
    read.clear()
    for row in rows:
        first_line, line = line + 1, rows.line_num + skipped
        if any(row) and not (number == 0 and tuple(row) == rules.columns):
            number += 1
            problem = _open_quote(read, separator) or _problem(header, row)
            yield RawRecord(file.name, number, first_line, _spell(header, row)[: file.max_bytes + 1], problem)
        read.clear()


def _is_record(first: Sequence[str], rules: Rules) -> bool:
    """Whether the first line is a record: it names no known field, and half of its cells are no names."""
    cells = [cell.strip() for cell in first if cell.strip()]
    named = {name.partition(".")[0] for name in rules.names}
    if named & set(first) or KNOWN_FIELDS & {cell.casefold() for cell in cells}:
        return False
    if first == [str(place) for place in range(len(first))]:
        return False  # what pandas writes above columns without names
    unlike = [cell for cell in cells if _is_no_name(cell)]
    return bool(unlike) and 2 * len(unlike) >= len(cells) and not _is_read(dict.fromkeys(cells, "text"))


def _is_no_name(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _SENTENCE.search(cell)) or len(cell) > _LONG_NAME


def _is_read(record: dict[str, str]) -> bool:
    """Whether fields of these names hold a sample."""
    try:
        read_record(record)
    except RejectedRecordError:
        return False
    return True


def _without_names(
    first: Sequence[str], rows: Iterator[Sequence[str]], file: SourceFile
) -> Iterator[RawRecord]:
    """All rows of a table without a heading, put aside."""
    shown = ", ".join(repr(cell[:_LONG_NAME]) for cell in first[:2])
    problem = (
        f"the first line of the file is a record ({shown}) and no heading: write names of columns above it,"
        " or give them as `columns: [question, answer]` in its source or benchmark"
    )
    number, line = 0, 1
    for row in chain([first], rows):
        if any(row):
            number += 1
            names = [str(place) for place in range(len(row))]
            yield RawRecord(file.name, number, line, _spell(names, row)[: file.max_bytes + 1], problem)
        line += 1 + sum(cell.count("\n") for cell in row)


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


def _layout(lines: io.TextIOWrapper, file: SourceFile) -> tuple[str, bool, int]:
    """Separator, whether blanks follow it, and the lines before the header, which are passed over.

    The separator is the most frequent one of the header, a comma where it has none, or that which gives as
    many columns as the source names.
    """
    first = lines.readline()
    stated = _STATED.fullmatch(first.removeprefix(_MARK))
    skipped = 0
    if stated is None:
        lines.seek(0)
    else:
        skipped, start = 1, lines.tell()
        first = lines.readline()
        lines.seek(start)
    named = separator_of(file.path)
    found = stated.group(1) if stated else named if named and named in first else _separator(first, file)
    blanks = first.count(f"{found} ")
    return found, blanks > 0 and blanks == first.count(found), skipped


def _separator(header: str, file: SourceFile) -> str:
    columns = len(file.source.rules.columns)
    for separator in _SEPARATORS if columns else ():
        if len(next(csv.reader([header], delimiter=separator), [])) == columns:
            return separator
    return max(_SEPARATORS, key=header.count)


def _spell(header: Sequence[str], row: Sequence[str]) -> bytes:
    record = {name: cell for name, cell in zip(header, row, strict=False) if cell}
    return json.dumps(record, ensure_ascii=False).encode(errors="surrogateescape")


def _problem(header: Sequence[str], row: Sequence[str]) -> str | None:
    if list(header) == list(row):
        return "the row repeats the header"
    if len(row) <= len(header):
        return None
    return f"the row has {len(row)} cells, the header {len(header)}; put quotes around cells with separators"
