"""Records of JSON files, cut without reading a file as a whole, or trusting it to be JSON.

The layout is recognised by the content, not by the ending: a record a line; an array of records; an object
with an array of records in a field such as `data`; objects one after the other, each on several lines; an
object that is a table, with a list or an object for each column, or has a record under each key.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.identity import Json
from autoselection_core.pool.data_sets import LINES, OTHER_SPLITS, TRAIN, kind_of
from autoselection_core.pool.files.content import BYTE_ORDER_MARK, Content, RawRecord, content_of
from autoselection_core.pool.files.json_objects import asks, problem_of, records_in
from autoselection_core.pool.reading.content import has_text
from autoselection_core.pool.reading.spellings import (
    DEFINITIONS,
    QUESTIONS,
    SPEAKERS,
    TURN_LISTS,
    role_of,
)
from autoselection_core.pool.reading.turns import are_turns
from autoselection_core.pool.sample import QuarantineReason
from autoselection_core.pool.sources import SourceFile

_RECORDS = frozenset(
    (
        *("data", "dataset", "records", "rows", "examples", "items", "samples", "instances", "entries"),
        *(*TRAIN, *OTHER_SPLITS),
    )
)
"""Fields of a file that is one object, under which its records are looked for first."""

_MAX_TABLE = 1 << 27
"""Bytes of a table that is parsed as a whole."""

_BLANK = re.compile(rb"\s*+")
_TOKEN = re.compile(rb'"(?:[^"\\\n]++|\\.)*+"|\\.|[\[\]{},\n]')
"""Whole strings, so that brackets and commas inside them are passed over. No string crosses a line: after a
missing quote the lines that follow are read as they should be. An escaped quote never opens a string, so that
each line is looked at twice at most."""

_OPENING = {b"[", b"{"}
_CLOSING = {b"]", b"}"}


def read_json(file: SourceFile) -> Iterator[RawRecord]:
    """The records of a JSON file, in any layout.

    Raises:
        UnreadableSourceError: The file cannot be opened.
    """
    with content_of(file.path) as data:
        start = _past_blank(data, len(BYTE_ORDER_MARK) if data[:3] == BYTE_ORDER_MARK else 0)
        opening = data[start : start + 1]
        if opening == b"[":
            _require_one_object(file)
        if opening == b"[" and (end := _end_of_conversation(data, start, file.max_bytes)):
            yield RawRecord(file.name, 1, _line_number(data, start), data[start:end])
        elif opening == b"[" and (kind_of(file.path) != LINES or _is_one_array(data, start)):
            yield from _elements(data, start + 1, file)
        elif opening == b"{" and not _is_line_of_many(data, start, file.max_bytes):
            yield from _objects(data, start, file)
        else:
            _require_one_object(file)
            yield from _lines(data, file)


def _require_one_object(file: SourceFile) -> None:
    """Refuse a file of another layout where the source names places in an object.

    Raises:
        UnreadableSourceError: The source does.
    """
    if file.source.rules.records:
        raise UnreadableSourceError(file.path, "its source names `records` in it, and it is not one object")


def _is_one_array(data: Content, start: int) -> bool:
    """Whether a file that should have a record a line is one array of objects; turns are no records."""
    first = _past_blank(data, start + 1)
    if data[first : first + 1] != b"{":
        return False
    end = _scan(data, start).end
    if end is None or _past_blank(data, end) < len(data):
        return False
    return not are_turns([_parse(data[first : _scan(data, first).end or first])])


def _end_of_conversation(data: Content, start: int, max_bytes: int) -> int | None:
    """The end of an array that is all of a file and is one conversation; None for any other array."""
    first = _past_blank(data, start + 1)
    is_turn = data[first : first + 1] == b"{" and _is_turn(
        _parse(data[first : _scan(data, first).end or first])
    )
    end = _scan(data, start).end if is_turn else None
    if end is None or end - start > max_bytes or _past_blank(data, end) < len(data):
        return None
    turns = _parse(data[start:end])
    return end if isinstance(turns, list) and len(turns) > 1 and all(map(_is_turn, turns)) else None


def _is_turn(value: Json) -> bool:
    """Whether an object is a turn and nothing else: no record that names a speaker, no message of a tree."""
    if not isinstance(value, dict) or "parent_id" in value or asks(value):
        return False
    speaker = next((value[key] for key in SPEAKERS if key in value), None)
    return isinstance(speaker, str) and role_of(speaker) is not None


def _is_line_of_many(data: Content, start: int, max_bytes: int) -> bool:
    """Whether the first line is a whole object, and not all that there is."""
    stop = _line_end(data, start)
    if stop - start > max_bytes:
        return False
    return _past_blank(data, stop) < len(data) and isinstance(_parse(_of_line(data[start:stop])), dict)


def _lines(data: Content, file: SourceFile) -> Iterator[RawRecord]:
    start = len(BYTE_ORDER_MARK) if data[:3] == BYTE_ORDER_MARK else 0
    number = line = 0
    while start < len(data):
        stop = _line_end(data, start)
        line += 1
        text = _of_line(_cut(data, start, stop, file.max_bytes))
        if text:
            number += 1
            yield RawRecord(file.name, number, line, text)
        start = stop + 1


def _of_line(text: bytes) -> bytes:
    """The record of a line, without the comma behind it or the record separator before it (RFC 7464)."""
    text = text.strip().removeprefix(b"\x1e") if text[:1] == b"\x1e" else text
    said = text.rstrip()
    return said[:-1] if said[-2:] == b"}," and said[:1] == b"{" else text


def _elements(data: Content, start: int, file: SourceFile) -> Iterator[RawRecord]:
    """Elements of the outermost array, parted by its commas; what follows its end is one more record."""
    number = 0
    for stop, after, line in _boundaries(data, start):
        text = _cut(data, start, stop, file.max_bytes)
        if text or data[stop : stop + 1] == b",":
            number += 1
            yield RawRecord(file.name, number, line, text)
        start = after


def _boundaries(data: Content, start: int) -> Iterator[tuple[int, int, int]]:
    """Offsets where each element of an array ends and the next may start, and the line it started on."""
    depth, line, first_line = 1, _line_number(data, start), None
    for token in _TOKEN.finditer(data, start):
        at = token.start()
        mark = data[at : at + 1]
        if mark == b"\n":
            line += 1
            continue
        first_line = first_line or line
        depth += (mark in _OPENING) - (mark in _CLOSING)
        if depth == 0 or (depth == 1 and mark == b","):
            yield at, token.end(), first_line
            first_line = None
        if depth == 0:
            break
    yield len(data), len(data), first_line or line


@dataclass(frozen=True)
class _Array:
    """An array of records in an object: the field that holds it, and where its elements begin and end."""

    field: str
    begin: int
    end: int


@dataclass
class _Object:
    """An outermost object: where it ends, and where the arrays of records in it begin and end."""

    end: int | None
    arrays: list["_Array"]


def _objects(data: Content, start: int, file: SourceFile) -> Iterator[RawRecord]:
    """The records of a file that begins with an object which no line holds, or which is all that there is."""
    first = _scan(data, start)
    is_all = first.end is not None and _past_blank(data, first.end) == len(data)
    if not is_all:
        _require_one_object(file)
    is_parsed = is_all and (not first.arrays or bool(file.source.rules.records))
    if is_parsed and (found := records_in(_parse_whole(data, start, file), file)):
        for number, each in enumerate(found, 1):
            text = json.dumps(each.record, ensure_ascii=False).encode(errors="surrogatepass")
            yield _aside(_with_fields(RawRecord(file.name, number, 1, text), each.beside), each.problem)
    elif is_all and first.arrays and _is_record(data[start : min(first.end or 0, start + file.max_bytes)]):
        yield from _one_after_the_other(data, start, file)
    elif first.arrays and (is_all or (first.end is None and kind_of(file.path) != LINES)):
        number = 0
        beside = _beside(data, start, first, file.max_bytes)
        fields = [array.field for array in first.arrays]
        for array in first.arrays:
            problem = problem_of(array.field, fields, ())
            for record in _array(data, array.begin, file, number):
                number = record.number
                yield _aside(_with_fields(record, beside), problem)
    elif first.end is not None and isinstance(
        _parse(data[start : min(first.end, start + file.max_bytes)]), dict
    ):
        yield from _one_after_the_other(data, start, file)
    else:
        yield from _lines(data, file)


def _parse_whole(data: Content, start: int, file: SourceFile) -> Json:
    """The value of a file; null where it is too long to be parsed as a whole.

    Raises:
        UnreadableSourceError: It is, and the source names places in it.
    """
    if len(data) <= _MAX_TABLE:
        return _parse(data[start:])
    if file.source.rules.records:
        reason = f"`records` is looked up in files of up to {_MAX_TABLE >> 20} MiB; write a record a line"
        raise UnreadableSourceError(file.path, reason)
    return None


def _aside(record: RawRecord, problem: str | None) -> RawRecord:
    return (
        record if problem is None else replace(record, problem=problem, reason=QuarantineReason.OTHER_PLACE)
    )


def _beside(data: Content, start: int, found: _Object, max_bytes: int) -> Mapping[str, Json]:
    """Fields of an object beside its arrays of records; none where they are too long or damaged."""
    pieces, at = [], start
    end = found.end or 0
    for begin, stop in (*((array.begin, array.end) for array in found.arrays), (end, end)):
        pieces.append(data[at : min(begin, at + max_bytes)])
        at = stop
    said = _parse(b"".join(pieces))
    arrays = {key for key in said if key.lower() in _RECORDS} if isinstance(said, dict) else set()
    return {key: said[key] for key in said if key not in arrays} if isinstance(said, dict) else {}


def _with_fields(record: RawRecord, beside: Mapping[str, Json]) -> RawRecord:
    """A record of a file with fields beside its records: the definition of their task goes into each."""
    defined = {key.lower(): value for key, value in beside.items() if key.lower() in DEFINITIONS}
    others = tuple(key for key, value in beside.items() if key.lower() not in DEFINITIONS and has_text(value))
    text = record.text
    if defined and text[:1] == b"{" and text[1:].strip() != b"}":
        text = json.dumps(defined, ensure_ascii=False).encode(errors="surrogatepass")[:-1] + b", " + text[1:]
    return replace(record, text=text, beside=others)


def _array(data: Content, start: int, file: SourceFile, number: int) -> Iterator[RawRecord]:
    """The elements of one array inside of an object."""
    for stop, after, line in _boundaries(data, start):
        text = _cut(data, start, stop, file.max_bytes)
        if text or data[stop : stop + 1] == b",":
            number += 1
            yield RawRecord(file.name, number, line, text)
        if data[stop : stop + 1] != b",":
            return
        start = after


def _one_after_the_other(data: Content, start: int, file: SourceFile) -> Iterator[RawRecord]:
    number = 0
    while start < len(data):
        number += 1
        end = _scan(data, start).end or len(data)
        yield RawRecord(file.name, number, _line_number(data, start), _cut(data, start, end, file.max_bytes))
        start = _past_blank(data, end)


def _scan(data: Content, start: int) -> _Object:
    """Find the end of the object that begins here, and the arrays of objects under known names in it."""
    depth, key, name, begun = 0, b"", "", None
    arrays: list[_Array] = []
    for token in _TOKEN.finditer(data, start):
        text = token.group()
        if text in _OPENING:
            depth += 1
            if depth == len("{[") and text == b"[" and _holds_records(data, key, token.end()):
                begun, name = token.end(), key.decode(errors="replace").strip('"')
        elif text in _CLOSING:
            depth -= 1
            if depth == 1 and begun is not None:
                arrays.append(_Array(name, begun, token.start()))
                begun = None
            if depth == 0:
                return _Object(token.end(), arrays)
        elif depth == 1 and text[:1] == b'"':
            key = text
    return _Object(None, arrays if begun is None else [*arrays, _Array(name, begun, len(data))])


def _is_record(text: bytes) -> bool:
    """Whether an object that is all of a file is a record itself: it asks, or the list in it is of turns."""
    found = _parse(text)
    if not isinstance(found, dict):
        return False
    return any(key in found for key in (*QUESTIONS, *TURN_LISTS)) or any(
        isinstance(value, list) and are_turns(value) for value in found.values()
    )


def _holds_records(data: Content, key: bytes, start: int) -> bool:
    first = _past_blank(data, start)
    return key.decode(errors="replace").strip('"').lower() in _RECORDS and data[first : first + 1] == b"{"


def _parse(text: bytes) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _line_number(data: Content, at: int) -> int:
    return 1 + data[:at].count(b"\n")


def _line_end(data: Content, start: int) -> int:
    found = data.find(b"\n", start)
    return len(data) if found < 0 else found


def _past_blank(data: Content, start: int) -> int:
    found = _BLANK.match(data, start)
    return found.end() if found else start


def _cut(data: Content, start: int, stop: int, max_bytes: int) -> bytes:
    text = data[start : min(stop, start + max_bytes + 1)]
    return text.strip() if len(text) <= max_bytes else text
