"""Side fields of the records that samples were made from."""

import json
import math
from collections.abc import Iterator
from typing import Any

from autoselection_core.pool.pool import Pool


def values_of_records(pool: Pool, name: str) -> Iterator[tuple[object, ...]]:
    """Values of a side field in the records of each sample, in the order of their origins.

    Args:
        pool: The samples.
        name: The field; `a.b` is the field `b` of the field `a`.
    """
    path = name.split(".")
    for records in pool.table.column("origins").to_pylist():
        yield tuple(_value(record["extras"], name, path) for record in records)


def number(value: object) -> float:
    """A number, or a text that is one; NaN for everything else.

    Example:
        >>> number(2), number(" 0.5 "), number(True), number("high"), number("inf")
        (2.0, 0.5, 1.0, nan, nan)
    """
    try:
        found = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan


def _value(extras: str | None, name: str, path: list[str]) -> object:
    value: Any = json.loads(extras) if extras else {}
    if name in value:
        return value[name]
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value
