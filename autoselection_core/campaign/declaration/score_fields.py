"""Fields of raw records that look like scores, as `autoselection init` proposes them."""

import json
import re
from collections.abc import Iterator, Mapping

from autoselection_core.pool.pool import Pool

_RECORDS = 500
"""Number of records that are searched for scores: a field of scores is in most of them."""

_MIN_VALUES = 3
"""Distinct values that a score takes at least; a field with fewer is a flag."""

_SCORE_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_PLACE = re.compile(r"(.*_)?(id|idx|index|number|line|row)", re.IGNORECASE)


def score_fields(pool: Pool) -> tuple[str, ...]:
    """Numeric fields beside the texts of a pool that may be scores, in ascending order.

    A field counts that is a number in half of the records and takes three values at least. Names of places
    (`id`, `row`) and whole numbers that are all different, which number the records, do not.
    """
    seen: dict[str, list[float]] = {}
    records = list(_records(pool))
    for record in records:
        for name, value in record.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                seen.setdefault(name, []).append(value)
    return tuple(
        name
        for name, values in sorted(seen.items())
        if 2 * len(values) >= len(records) and _SCORE_NAME.fullmatch(name) and _is_score(name, values)
    )


def _is_score(name: str, values: list[float]) -> bool:
    different = set(values)
    numbers_them = len(different) == len(values) and all(isinstance(value, int) for value in values)
    return len(different) >= _MIN_VALUES and not numbers_them and not _PLACE.fullmatch(name)


def _records(pool: Pool) -> Iterator[Mapping[str, object]]:
    """Fields beside the texts of the first records."""
    for origins in pool.table.column("origins").slice(0, _RECORDS).to_pylist():
        for each in origins:
            extras = json.loads(each["extras"]) if each["extras"] else {}
            yield extras if isinstance(extras, dict) else {}
