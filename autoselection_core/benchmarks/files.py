"""Records of JSON Lines and Parquet files, each with the line that it stands on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoselection_core.errors.benchmarks import BadItemError, UnreadableBenchmarkError


def records(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a file with their line numbers, from 1.

    Raises:
        UnreadableBenchmarkError: There is no such file, or its kind is unknown.
        BadItemError: A line is no JSON object.
    """
    if not file.is_file():
        raise UnreadableBenchmarkError(str(file), "there is no such file")
    if file.suffix == ".parquet":
        yield from enumerate(_parquet(file), start=1)
    elif file.suffix == ".jsonl":
        yield from _json_lines(file)
    else:
        raise UnreadableBenchmarkError(str(file), f"files of kind {file.suffix!r} are not .jsonl or .parquet")


def _parquet(file: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableBenchmarkError(str(file), "it is no Parquet file") from error
    return rows


def _json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, _json_object(file, number, line)


def _json_object(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise BadItemError(str(file), number, "it is no JSON") from error
    if not isinstance(record, dict):
        raise BadItemError(str(file), number, "it is no JSON object")
    return record
