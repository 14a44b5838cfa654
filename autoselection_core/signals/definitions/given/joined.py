"""Join of a user's values, from files or fields of records, to the samples of a pool."""

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.lib as pa_errors
import pyarrow.parquet as pq

from autoselection_core.arrays import Rows
from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.errors.signals import GivenFileError
from autoselection_core.identity import fingerprint_file
from autoselection_core.pool.files.content import require_utf8
from autoselection_core.pool.pool import Pool

_SHOWN = 3
_MAX_CELL = 2**31 - 1
"""Characters of a cell; texts stand beside scores."""
_KINDS = "name a Parquet, CSV or TSV file"
_A_ROW_EACH = "give every record one row, in their order, or name an id with `key`"
_LARGEST = float(np.finfo(np.float32).max)


def values_of_records(pool: Pool, name: str) -> Iterator[tuple[object, ...]]:
    """Values of a side field in the records of each sample, in the order of their origins.

    Args:
        pool: The samples.
        name: The field; `a.b` is the field `b` of the field `a`.
    """
    path = name.split(".")
    for records in pool.table.column("origins").to_pylist():
        yield tuple(_value(record["extras"], name, path) for record in records)


def numeric_fields(pool: Pool) -> tuple[str, ...]:
    """Names of side fields that hold a number in some record, in ascending order.

    A field of a field is `a.b`; numbers of a list have no name and are left out.
    """
    found: set[str] = set()
    for records in pool.table.column("origins").to_pylist():
        for record in records:
            found |= set(_numeric_names(json.loads(record["extras"]) if record["extras"] else None, ""))
    return tuple(sorted(found))


def _numeric_names(value: object, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _numeric_names(each, f"{name}.{key}".lstrip("."))
    elif name and math.isfinite(number(value)):
        yield name


_TRUTH = {"true": 1.0, "false": 0.0}


def is_truth(value: object) -> bool:
    """Whether a value is true or false, as such or as a text."""
    return isinstance(value, bool | np.bool_) or (
        isinstance(value, str) and value.strip().casefold() in _TRUTH
    )


def number(value: object) -> float:
    """A number, or a text that is one; NaN for everything else, and for what float32 cannot hold.

    True is 1 and false is 0; `GivenScores` refuses them among other numbers.

    Example:
        >>> number(2), number(" 0.5 "), number("high"), number("inf"), number(1e300)
        (2.0, 0.5, nan, nan, nan)
        >>> number(True), number("False")
        (1.0, 0.0)
    """
    if isinstance(value, str) and (truth := _TRUTH.get(value.strip().casefold())) is not None:
        return truth
    try:
        is_number = isinstance(value, int | float | Decimal) or (isinstance(value, str) and "_" not in value)
        found = float(value) if is_number else math.nan  # type: ignore[arg-type] # checked above
    except (ValueError, OverflowError):
        return math.nan
    return found if abs(found) <= _LARGEST else math.nan


def _value(extras: str | None, name: str, path: list[str]) -> object:
    value: Any = json.loads(extras) if extras else {}
    if name in value:
        return value[name]
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


SAMPLE_ID, LOCATOR, ROW = "id", "locator", "row"
"""Keys that every pool has: the sample id, the place of a record such as `raw.jsonl#12`, and, where no record
has a field of that name, the number of a record in the pool's only file."""


def file_version(file: Path) -> str:
    """Fingerprint of a file that the user brings.

    Raises:
        GivenFileError: It cannot be read.
    """
    try:
        return fingerprint_file(file)
    except OSError as error:
        raise GivenFileError(file, _why_not(file, error), _KINDS) from error


def _why_not(file: Path, error: Exception) -> str:
    """Why a file cannot be read, in words that name no other file than it."""
    if not file.exists():
        return "cannot be read: it is not there"
    if file.is_dir():
        return "cannot be read: it is a folder"
    if isinstance(error, pa_errors.ArrowInvalid):
        return "cannot be read: it is no whole Parquet file, as which its ending has it read"
    return f"cannot be read: {' '.join(str(error).split()).rstrip('.')}"


def read_columns(file: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of a Parquet, CSV or TSV file.

    Raises:
        GivenFileError: It is not there, not readable, or has no such column.
    """
    try:
        table = _read_text(file) if file.suffix.lower() in {".csv", ".tsv"} else pq.read_table(file)
    except UnreadableSourceError as error:
        raise GivenFileError(file, f"cannot be read: {error.reason}", _KINDS) from error
    except (OSError, pa_errors.ArrowInvalid, UnicodeDecodeError, csv.Error) as error:
        raise GivenFileError(file, _why_not(file, error), _KINDS) from error
    if ROW in columns and ROW not in table.column_names:
        table = table.append_column(ROW, pa.array(range(1, len(table) + 1)))
    for column in columns:
        if column not in table.column_names:
            reason = f"has no column {column!r} (it has: {', '.join(table.column_names)})"
            raise GivenFileError(file, reason, "name its columns with `column` (or `vectors`) and `key`")
    return table.select(list(dict.fromkeys(columns)))


def joined_rows(pool: Pool, table: pa.Table, key: str, column: str, file: Path) -> Rows:
    """The row of the table for each sample; -1 for a sample that it does not name. Shape (n,).

    Args:
        pool: The samples.
        table: What is joined.
        key: `id`, `locator`, `row`, or a field that records and table have both. Keys are compared as texts.
        column: The column that must not contradict itself.
        file: Where the table comes from.

    Raises:
        GivenFileError: It names no sample of the pool, or one twice with two values.
    """
    places = require_one_value(table, key, column, file)
    by_number = key == ROW and not _has_field(pool, ROW)
    if by_number:
        _require_rows(pool, len(table), file)
        if "0" in places:
            raise GivenFileError(
                file, "counts its rows from 0", f"count from 1, or leave the column {ROW} out"
            )
    rows = np.full(len(pool), -1, np.int64)
    for row, keys in enumerate(_numbers(pool) if by_number else _keys(pool, key)):
        rows[row] = next((places[each] for each in keys if each in places), -1)
    if not (rows >= 0).any():
        example = next(iter(places), "")
        reason = f"names no sample by {key!r} ({len(places):,} keys, such as {example!r})"
        remedy = "name with `key` a field that records and file have both, or `id`, `locator` or `row`"
        raise GivenFileError(file, reason, remedy)
    return rows


def _require_rows(pool: Pool, count: int, file: Path) -> None:
    """Refuse rows as keys of a pool of several files, and fewer rows than it has records.

    Raises:
        GivenFileError: They are no keys.
    """
    places = (each["locator"].rpartition("#") for found in _origins(pool) for each in found)
    last: dict[str, int] = {}
    for name, _, number in places:
        last[name] = max(last.get(name, 0), int(number) if number.isdecimal() else 0)
    if len(last) > 1:
        names = ", ".join(sorted(last)[:_SHOWN])
        reason = f"is joined by row, but the pool has {len(last)} files ({names})"
        raise GivenFileError(
            file, reason, "name with `key` the column `locator`, as in `raw.jsonl#12`, or an id"
        )
    if count < max(last.values(), default=0):
        reason = f"has {count:,} rows, but the pool's file has {max(last.values()):,} records or more"
        raise GivenFileError(file, reason, _A_ROW_EACH)


def require_as_many_rows(pool: Pool, file: Path, records: int) -> None:
    """Refuse a file that is joined by row and has more rows than the pool's only file has records.

    Its rows would belong to other records than it says, as where a heading or a record was added.

    Raises:
        GivenFileError: It has.
    """
    rows = len(read_columns(file, (ROW,)))
    if rows > records and not _has_field(pool, ROW):
        reason = f"has {rows:,} rows, but the pool's file has {records:,} records"
        raise GivenFileError(file, reason, _A_ROW_EACH)


def _has_field(pool: Pool, name: str) -> bool:
    return any(any(value is not None for value in found) for found in values_of_records(pool, name))


def _origins(pool: Pool) -> list[list[dict[str, str]]]:
    origins: list[list[dict[str, str]]] = pool.table.column("origins").to_pylist()
    return origins


def require_one_value(table: pa.Table, key: str, column: str, file: Path) -> dict[str, int]:
    """The row of each key; a row without a key is about no sample.

    Raises:
        GivenFileError: One key has two values of the column.
    """
    names, values = (table.column(each).to_pylist() for each in (key, column))
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name is None:
            continue  # a row without a key is about no sample
        first = places.setdefault(key_text(name), place)
        if first != place and not _are_equal(values[first], values[place]):
            reason = f"has two values of {column!r} for {key} {name!r}"
            raise GivenFileError(file, reason, f"keep one row for each {key}")
    return places


def key_text(value: object) -> str:
    """The text that a key is compared as: of bytes, the one that they spell."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _are_equal(first: object, second: object) -> bool:
    """Whether two values are the same; two that are NaN are."""
    return first == second or (first != first and second != second)  # noqa: PLR0124 only NaN differs from itself


def _keys(pool: Pool, key: str) -> Iterator[tuple[str, ...]]:
    """The keys of each sample: its id, its records' places, or a field of its records."""
    ids = (name.decode() for name in pool.ids)
    if key == LOCATOR:
        yield from (tuple(each["locator"] for each in found) for found in _origins(pool))
        return
    for sample, values in zip(ids, values_of_records(pool, key), strict=True):
        named = tuple(key_text(value) for value in values if value is not None)
        yield (sample, *named) if key == SAMPLE_ID else named


def _numbers(pool: Pool) -> Iterator[tuple[str, ...]]:
    """The numbers of each sample's records in their file."""
    for found in _origins(pool):
        yield tuple(each["locator"].rpartition("#")[2] for each in found)


_OF_COMMAS = ";"
"""What separates cells where a comma begins the decimals of a number."""

_DECIMAL = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


def _separator(header: str) -> str:
    """The separator of a table by its first line: the comma, unless another one is there alone."""
    others = [each for each in (_OF_COMMAS, "\t", "|") if each in header and "," not in header]
    return others[0] if others else ","


def _with_point(cell: str | None) -> str | None:
    return cell.replace(",", ".") if cell is not None and _DECIMAL.fullmatch(cell.strip()) else cell


def _read_text(file: Path) -> pa.Table:
    csv.field_size_limit(_MAX_CELL)
    with file.open("rb") as raw:
        require_utf8(raw, file)
    with file.open(newline="", encoding="utf-8-sig") as text:
        separator = "\t" if file.suffix.lower() == ".tsv" else _separator(text.readline())
        text.seek(0)
        reader = csv.DictReader(text, delimiter=separator)
        names = reader.fieldnames
        if not names:
            raise GivenFileError(file, "is empty", "begin with a line of column names")
        rows = []
        for row in reader:
            if None in row:
                reason = f"has more cells than its header in line {reader.line_num}"
                raise GivenFileError(file, reason, f"quote texts that hold {separator!r}")
            rows.append(row if separator != _OF_COMMAS else {name: _with_point(row[name]) for name in names})
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise GivenFileError(file, f"has two columns {twice[0]!r}", "give each column a name of its own")
    return pa.table({name: pa.array([row[name] for row in rows], pa.string()) for name in names})
