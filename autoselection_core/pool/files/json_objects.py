"""Records of a JSON file that is one object, parsed as a whole: tables, records under keys, lists of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.identity import Json
from autoselection_core.pool.data_sets import OTHER_SPLITS, TRAIN
from autoselection_core.pool.reading.spellings import ANSWERS, QUESTIONS, TURN_LISTS, role_of
from autoselection_core.pool.reading.turns import are_turns
from autoselection_core.pool.sources import SourceFile

_MIN_ROWS = 2
_DEPTH = 3
_PLACES_SHOWN = 6

Places: TypeAlias = Mapping[str, Sequence[Json]]
"""Records by the names of the fields that lead to them, with dots between."""


@dataclass(frozen=True)
class Found:
    """A record of an object.

    Attributes:
        record: The record.
        problem: Why it is put aside because of its place; None for one that is read.
        beside: Fields of the object beside its records.
    """

    record: Json
    problem: str | None
    beside: Mapping[str, Json]


def records_in(said: Json, file: SourceFile) -> list[Found]:
    """The records of a file's only object; none where it is a record itself.

    A table has lists of texts of one length as question and answer, objects with the same keys, or lists of
    values beside the names of their columns, as `DataFrame.to_json` writes them. Other objects hold a record
    under each key, or lists of records under fields of any name.

    Raises:
        UnreadableSourceError: Columns of a table differ in length, or a place that the source names has no
            records.
    """
    if not isinstance(said, dict) or not said:
        return []
    if file.source.rules.records:
        return list(_at_places(said, _named(said, file), file))
    if rows := _rows_of_columns(said, file):
        return [Found(row, None, {}) for row in rows]
    places = _places(said)
    return list(_at_places(said, places, file)) if places else []


def problem_of(place: str, places: Sequence[str], named: Sequence[str]) -> str | None:
    """Why records at a place of a file are put aside; None where they are read.

    Read are the places that the source names; else all of a file, but of several splits only that to train
    on, and below other fields only one.

    Args:
        place: Names of fields with dots between.
        places: All places of the file.
        named: Those that the source names.
    """
    if named:
        return None if place in named else f"it is under `{place}`, which `records` of its source leaves out"
    last = [each.rpartition(".")[2].casefold() for each in places]
    read = [each for each, name in zip(places, last, strict=True) if name in TRAIN]
    is_split = place.rpartition(".")[2].casefold() in OTHER_SPLITS
    if len(read) == 1 and (is_split or place == read[0]):
        if place == read[0]:
            return None
        way = f"`records: [{', '.join(places)}]` in its source reads all"
        return f"it is under `{place}`, and of this file `{read[0]}` is read; {way}"
    if len(places) == 1 or not any("." in each for each in places):
        return None
    shown = f"{len(places)} places ({', '.join(places[:_PLACES_SHOWN])})"
    return f"the file has records at {shown}; name those to read, as `records: [{places[0]}]`, in its source"


def asks(record: Mapping[str, Json]) -> bool:
    """Whether an object has a field that asks, or one for turns."""
    return any(key.lower() in QUESTIONS or key.lower() in TURN_LISTS for key in record)


def _at_places(said: Mapping[str, Json], places: Places, file: SourceFile) -> Iterator[Found]:
    """The records at all places, those that are not read with the reason."""
    first = {place.partition(".")[0] for place in places}
    beside = {key: value for key, value in said.items() if key not in first}
    for place, rows in places.items():
        problem = problem_of(place, list(places), file.source.rules.records)
        yield from (Found(row, problem, beside) for row in rows)


def _named(said: Mapping[str, Json], file: SourceFile) -> Places:
    """The records at the places that the source names, and at the others of the file.

    Raises:
        UnreadableSourceError: There are none at one that it names.
    """
    places = dict(_places(said))
    for place in file.source.rules.records:
        value: Json = said
        for name in place.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        rows = _rows(value)
        if rows is None:
            shown = ", ".join(list(places)[:_PLACES_SHOWN] or said)
            reason = f"it has no records under {place!r}, which its source names (it has {shown})"
            raise UnreadableSourceError(file.path, reason)
        places[place] = rows
    return places


def _rows(value: Json) -> Sequence[Json] | None:
    """The records of a list, or of an object that has one under each key; None for anything else."""
    if isinstance(value, Mapping):
        value = list(value.values())
    return (
        value if isinstance(value, list) and value and all(isinstance(row, dict) for row in value) else None
    )


def _places(said: Mapping[str, Json], depth: int = _DEPTH) -> Places:
    """The places of records: lists of objects that ask, nearest to the object itself; none in a record."""
    if asks(said) or any(are_turns(value) for value in said.values() if isinstance(value, list)):
        return {}
    lists = {key: value for key, value in said.items() if isinstance(value, list)}
    found: dict[str, Sequence[Json]] = {
        key: rows for key, rows in lists.items() if any(isinstance(row, dict) and asks(row) for row in rows)
    }
    if found or not depth:
        return found
    for key, value in said.items():
        if isinstance(value, Mapping):
            rows = _records_under_keys(value)
            inner = _places(value, depth - 1)
            found |= {key: rows} if rows else {f"{key}.{place}": each for place, each in inner.items()}
    return found


def _records_under_keys(value: Mapping[str, Json]) -> list[Json]:
    """The records of an object that has one under each key; else none."""
    rows = [row for row in value.values() if isinstance(row, Mapping) and asks(row)]
    return list(value.values()) if len(rows) == len(value) >= _MIN_ROWS else []


def _rows_of_columns(found: Mapping[str, Any], file: SourceFile) -> list[dict[str, Json]]:
    """The records of a table, or of an object that has one under each key."""
    if rows := _rows_of_names(found):
        return rows
    values = list(found.values())
    if all(isinstance(value, dict) for value in values):
        if asks(found):
            if any(_are_turns_by_name(found[key]) for key in found if key.lower() in TURN_LISTS):
                return []
            keys = values[0].keys()
            same = all(value.keys() == keys for value in values)
            return [{key: found[key][row] for key in found} for row in keys] if same else []
        return values if sum(map(asks, values)) >= min(_MIN_ROWS, len(values)) else []
    is_table = asks(found) and any(key.lower() in ANSWERS for key in found)
    return _rows_of_lists(found, file) if is_table and all(isinstance(v, list) for v in values) else []


def _are_turns_by_name(value: Mapping[str, Json]) -> bool:
    """Whether an object is turns by number or by speaker, and no column of conversations."""
    return all(map(_is_turn, value.values())) or any(role_of(name) is not None for name in value)


def _is_turn(value: Json) -> bool:
    if isinstance(value, str):
        return value.lstrip()[:1] not in ("[", "{")
    return isinstance(value, Mapping) and are_turns(value)


def _rows_of_lists(found: Mapping[str, Any], file: SourceFile) -> list[dict[str, Json]]:
    """The records of columns that are lists, where the one that asks holds texts; else none."""
    asked: list[Json] = next((value for key, value in found.items() if key.lower() in QUESTIONS), [])
    if len(asked) < _MIN_ROWS or not all(isinstance(each, str) for each in asked):
        return []
    if any(len(value) != len(asked) for value in found.values()):
        lengths = ", ".join(f"{key} has {len(value):,}" for key, value in found.items())
        raise UnreadableSourceError(file.path, f"its columns differ in length ({lengths} values)")
    return [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]


def _rows_of_names(found: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The records of lists of values beside the names of their columns (`orient="split"` of pandas)."""
    names, rows = found.get("columns"), found.get("data")
    if not isinstance(names, list) or not isinstance(rows, list):
        return []
    if not all(isinstance(name, str) for name in names) or not asks(dict.fromkeys(map(str, names))):
        return []
    lists = [row for row in rows if isinstance(row, list) and len(row) == len(names)]
    return [dict(zip(map(str, names), row, strict=True)) for row in lists] if len(lists) == len(rows) else []
