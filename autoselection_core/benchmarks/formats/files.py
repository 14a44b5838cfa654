"""Records of a benchmark's files, each with its line number."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from autoselection_core.errors.benchmarks import UnreadableBenchmarkError
from autoselection_core.errors.pool import PoolError
from autoselection_core.pool.data_sets import ENDINGS, JSON, LINES, TABLE, kind_of
from autoselection_core.pool.files.readers import raw_records
from autoselection_core.pool.reading.rules import KNOWN, Rules
from autoselection_core.pool.sample import QuarantineReason
from autoselection_core.pool.sources import Source, SourceFile
from autoselection_core.store import hub
from autoselection_core.store.home import confine
from autoselection_core.store.hub import HubDataset

FILE_KINDS = (".jsonl", ".parquet", ".json", ".ndjson", ".csv", ".tsv", ".arrow")
"""Endings of the files that are found by their names alone."""


def files_of(named: str, folder: Path) -> tuple[Path, ...]:
    """The files of a name: one below the folder, or those of a data set of a hub.

    Raises:
        OutsideFolderError: The file is outside the folder.
        HubUnreachableError: The data set is neither in the cache nor to be had.
        UnreadableBenchmarkError: The data set has no file of a kind that is read.
    """
    if not named.startswith(hub.SCHEME):
        return (confine(Path(named), folder),)
    data_set = HubDataset.parse(named)
    found = [file for file in data_set.split_files(data_set.fetch(ENDINGS)) if kind_of(file) is not None]
    if not found:
        raise UnreadableBenchmarkError(named, "it has no file of a kind that is read")
    return tuple(found)


def fitting(rules: Rules, file: Path) -> Rules:
    """The rules without those for files of another kind."""
    kind = kind_of(file)
    rules = rules if kind == TABLE else replace(rules, columns=())
    return rules if kind in (JSON, LINES) else replace(rules, records=())


def records(file: Path, rules: Rules = KNOWN) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The records of a file with their line numbers, from 1; in place of a bad one, the fault.

    All splits of a file are read, unless the rules name some: a benchmark is no data to train on.

    Args:
        file: The file.
        rules: Names of columns, places of records, and names of fields, as of a source of a pool.

    Raises:
        UnreadableBenchmarkError: There is no such file, its kind is unknown, or it is damaged as a whole.
    """
    if not file.is_file():
        raise UnreadableBenchmarkError(str(file), "there is no such file")
    if kind_of(file) is None:
        raise UnreadableBenchmarkError(
            str(file), f"files of kind {file.suffix!r} are none of {', '.join(ENDINGS)}"
        )
    try:
        for raw in raw_records(SourceFile(Source(str(file), rules=rules), file, file.parent)):
            is_elsewhere = raw.problem is not None and raw.reason is QuarantineReason.OTHER_PLACE
            if is_elsewhere and rules.records:
                continue
            is_bad = raw.problem is not None and not is_elsewhere
            yield raw.line, raw.problem if is_bad and raw.problem else _object(raw.text)
    except PoolError as error:
        raise UnreadableBenchmarkError(str(file), str(error)) from error


def _object(text: bytes) -> dict[str, Any] | str:
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return "it is no JSON"
    return record if isinstance(record, dict) else "it is no JSON object"
