"""Scores that the user brings: a field of the records, or a column of a file; fields that may be some."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Values
from autoselection_core.errors.signals import (
    NoGivenScoreError,
    NoScoreFieldError,
    TruthAmongScoresError,
)
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import NAMES_A_FILE, Computed, Given, PoolSignal, float_column
from autoselection_core.signals.definitions.given.joined import (
    ROW,
    SAMPLE_ID,
    file_version,
    is_truth,
    joined_rows,
    number,
    numeric_fields,
    read_columns,
    require_as_many_rows,
    require_one_value,
    values_of_records,
)


@dataclass(frozen=True)
class GivenScores(PoolSignal):
    """Scores that the user brings: a numeric field of the records, or a column of a Parquet or CSV file.

    Numbers and texts that are numbers are read; everything else is unknown (NaN), as is a sample without a
    row in the file. True is 1 and false is 0, where there are no other numbers. Where a sample was found in
    several records, the first number counts. They are read anew for every pool, because the fields of a
    record are no part of a sample's id.

    Attributes:
        column: Field of the records that no text was made from (`a.b` is a field of a field), or column.
        file: Parquet, CSV or TSV file with the scores; None for a field of the records.
        key: Key that joins the file: `id` (sample ids, or the field `id` of the records), `locator`
            (`raw.jsonl#12`), `row` (row n is record n of a pool's only file), or any field that records and
            file have both.
        alias: Name of the signal; None for that of the column.
    """

    column: str
    file: str | None = field(default=None, compare=False, metadata=NAMES_A_FILE)
    key: str = SAMPLE_ID
    alias: str | None = field(default=None, compare=False)

    undefined = "no score was given"

    @property
    @override
    def name(self) -> str:
        return self.alias or self.column

    @override
    def reads(self) -> Mapping[str, str]:
        named = {"name": self.name}
        return named if self.file is None else {**named, "file": file_version(Path(self.file))}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            NoScoreFieldError: The records have no such field, or it holds no number.
            TruthAmongScoresError: Some values are true or false, and others are numbers beyond 0 and 1.
            NoGivenScoreError: The column holds no number for any sample.
            GivenFileError: The file has no such column, names no sample, or one sample with two scores.
        """
        scores = self._of_records(pool) if self.file is None else self._of_file(pool, Path(self.file))
        return {self.name: scores}

    def check_file(self) -> None:
        """Read the file, if there is one, before there is a pool.

        Raises:
            GivenFileError: It cannot be read, has no such column, or two scores for one key.
        """
        if self.file is not None:
            table = read_columns(Path(self.file), (self.key, self.column))
            require_one_value(table, self.key, self.column, Path(self.file))

    def require_rows(self, pool: Pool, records: int) -> None:
        """Refuse a file that is joined by row and has a row too many.

        Args:
            pool: The samples.
            records: Number of records of the pool's only file.

        Raises:
            GivenFileError: It has.
        """
        if self.file is not None and self.key == ROW:
            require_as_many_rows(pool, Path(self.file), records)

    def count_truths(self, pool: Pool) -> tuple[int, int]:
        """Numbers of values that are true and that are false, each read as 1 or 0."""
        found = [number(value) for value in self._values(pool) if is_truth(value)]
        return sum(value == 1 for value in found), sum(value == 0 for value in found)

    def _values(self, pool: Pool) -> Iterator[object]:
        """All values, also those of the file that belong to no sample."""
        if self.file is None:
            for values in values_of_records(pool, self.column):
                yield from values
        else:
            yield from read_columns(Path(self.file), (self.column,)).column(self.column).to_pylist()

    def _of_records(self, pool: Pool) -> Values:
        found = list(values_of_records(pool, self.column))
        values = [value for of_sample in found for value in of_sample]
        scores = float_column([next(filter(np.isfinite, map(number, each)), np.nan) for each in found])
        if not np.isfinite(scores).any():
            is_there = any(value is not None for value in values)
            raise NoScoreFieldError(self.column, is_there, numeric_fields(pool))
        self._require_one_kind(values)
        return scores

    def _of_file(self, pool: Pool, file: Path) -> Values:
        table = read_columns(file, (self.key, self.column))
        rows = joined_rows(pool, table, self.key, self.column, file)
        values = table.column(self.column).to_pylist()
        known = np.array([*map(number, values), np.nan], np.float32)
        scores: Values = known[rows]  # the last one stands for a sample that the file does not name
        if not np.isfinite(scores).any():
            raise NoGivenScoreError(self.column, file, len(pool))
        self._require_one_kind(values)
        return scores

    def _require_one_kind(self, values: Sequence[object]) -> None:
        truths = sum(map(is_truth, values))
        numbers = [each for each in map(number, values) if np.isfinite(each)] if truths else []
        other = next((each for each in numbers if each not in (0, 1)), None)
        if other is not None:
            raise TruthAmongScoresError(self.column, truths, len(numbers) - truths, other)


_SEARCHED = 500
"""Number of records that are searched for scores: a field of scores is in most of them."""

_MIN_DISTINCT = 3
"""Distinct values that a score takes at least; a field with fewer is a flag."""

_SCORE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PLACE = re.compile(r"(.*_)?(id|idx|index|number|line|row)", re.IGNORECASE)


def score_fields(pool: Pool) -> tuple[str, ...]:
    """Numeric fields beside the texts of a pool that may be scores, in ascending order.

    A field counts that is a number in half of the records of a source and takes three values at least. Names
    of places (`id`, `row`) and whole numbers that are all different, which number the records, do not.
    """
    seen: dict[tuple[str, str], list[float]] = {}
    records = Counter[str]()
    for source, record in _first_records(pool):
        records[source] += 1
        for name, value in record.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                seen.setdefault((source, name), []).append(value)
    found = {
        name
        for (source, name), values in seen.items()
        if 2 * len(values) >= records[source] and _SCORE_NAME.fullmatch(name) and _is_score(name, values)
    }
    return tuple(sorted(found))


@dataclass(frozen=True)
class ScoreField:
    """Field of the records that may be a signal.

    Attributes:
        name: The field.
        path: Raw files whose records have it.
        values: Number of samples with a value.
        missing: Number of their other samples.
        min: Smallest value.
        max: Greatest value.
    """

    name: str
    path: str
    values: int
    missing: int
    min: float
    max: float

    @classmethod
    def of(cls, name: str, path: str, pool: Pool) -> Self:
        """Read the field of every sample; the first number of its records counts, as for `column`."""
        of_each = ([each for each in map(number, of) if each == each] for of in values_of_records(pool, name))  # noqa: PLR0124 NaN
        known = [numbers[0] for numbers in of_each if numbers]
        return cls(name, path, len(known), len(pool) - len(known), min(known), max(known))

    @property
    def sentence(self) -> str:
        """Count and range, for people."""
        missing = f", none for {self.missing:,} samples" if self.missing else ""
        return f"{self.name}: {self.values:,} values, {self.min:.3g} to {self.max:.3g}{missing}"


def _is_score(name: str, values: list[float]) -> bool:
    different = set(values)
    numbers_them = len(different) == len(values) and all(isinstance(value, int) for value in values)
    return len(different) >= _MIN_DISTINCT and not numbers_them and not _PLACE.fullmatch(name)


def _first_records(pool: Pool) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Source and fields beside the texts of the first records."""
    for origins in pool.table.column("origins").slice(0, _SEARCHED).to_pylist():
        for each in origins:
            extras = json.loads(each["extras"]) if each["extras"] else {}
            yield each["source"], extras if isinstance(extras, dict) else {}
