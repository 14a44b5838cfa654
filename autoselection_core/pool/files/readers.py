"""Raw files as records, by the kind of file.

Where the rows of a file are single messages that name their parents (OASST, Köpf et al. 2023), a record is a
tree of them: its conversation along the best replies, that is those of the lowest rank. Where they are
articles, with questions about each paragraph (SQuAD, Rajpurkar et al. 2016), a record is a question.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, TypeAlias

from autoselection_core.errors.pool import UnreadableSourceError
from autoselection_core.pool.data_sets import ARROW, JSON, LINES, PARQUET, TABLE, kind_of
from autoselection_core.pool.files.column_files import count_rows, read_arrow, read_parquet
from autoselection_core.pool.files.content import RawRecord
from autoselection_core.pool.files.json_files import read_json
from autoselection_core.pool.files.table_files import read_table
from autoselection_core.pool.sources import SourceFile

_READERS: Mapping[str | None, Callable[[SourceFile], Iterator[RawRecord]]] = {
    JSON: read_json,
    LINES: read_json,
    PARQUET: read_parquet,
    ARROW: read_arrow,
    TABLE: read_table,
}


def raw_records(file: SourceFile) -> Iterator[RawRecord]:
    """The records of a file, in order.

    Raises:
        UnreadableSourceError: The file is damaged as a whole.
    """
    _require_kind(file)
    rows = _READERS[kind_of(file.path)](file)
    first = next(rows, None)
    if first is None:
        return iter(())
    found = chain([first], rows)
    if _message(first) is not None:
        return _trees(found)
    return _by_question(found) if _article(first) is not None else found


def _require_kind(file: SourceFile) -> None:
    """Refuse rules for files of another kind, which would change nothing.

    Raises:
        UnreadableSourceError: The source gives such rules.
    """
    rules, kind = file.source.rules, kind_of(file.path)
    if rules.columns and kind != TABLE:
        raise UnreadableSourceError(
            file.path, "its source gives `columns`, which only CSV and TSV files need"
        )
    if rules.records and kind not in (JSON, LINES):
        raise UnreadableSourceError(file.path, "its source gives `records`, which are places in JSON files")


def count_records(files: Iterable[SourceFile]) -> int | None:
    """Number of records of some files; None where it is known only by reading them.

    Raises:
        UnreadableSourceError: A file is damaged as a whole.
    """
    counts = [count_rows(file) if kind_of(file.path) == PARQUET else None for file in files]
    return None if None in counts else sum(count or 0 for count in counts)


_Message: TypeAlias = Mapping[str, Any]

_ID, _PARENT = "message_id", "parent_id"
_OF_A_TURN = ("role", "text")


def _message(row: RawRecord) -> _Message | None:
    """The message of a row that is one of a tree; None for any other row."""
    if _PARENT.encode() not in row.text or row.problem is not None:
        return None
    try:
        found = json.loads(row.text)
    except (ValueError, RecursionError):
        return None
    is_message = isinstance(found, dict) and {_ID, _PARENT, *_OF_A_TURN} <= found.keys()
    return found if is_message and isinstance(found[_ID], str) else None


def _trees(rows: Iterable[RawRecord]) -> Iterator[RawRecord]:
    """A record for each tree, at the place of its root; rows that belong to no tree stay as they are.

    The messages of a file are in memory together: a reply may be anywhere.
    """
    found = [(row, _message(row)) for row in rows]
    replies: defaultdict[str, list[_Message]] = defaultdict(list)
    for _, message in found:
        if message is not None and message[_PARENT] is not None:
            replies[str(message[_PARENT])].append(message)
    reached: set[str] = set()
    below = [message for _, message in found if message is not None and message[_PARENT] is None]
    while below:
        message = below.pop()
        if message[_ID] not in reached:
            reached.add(message[_ID])
            below += replies.get(message[_ID], ())
    for row, message in found:
        if message is None or message[_ID] not in reached:
            yield row
        elif message[_PARENT] is None:
            yield replace(row, text=_along_the_best(message, replies))


def _along_the_best(root: _Message, replies: Mapping[str, list[_Message]]) -> bytes:
    """The tree of a root as a record: the turns along the lowest ranks, and the other fields of the root."""
    turns: list[_Message] = []
    message: _Message | None = root
    seen: set[str] = set()
    while message is not None and message[_ID] not in seen:
        seen.add(message[_ID])
        turns.append({key: message[key] for key in _OF_A_TURN})
        message = min(replies.get(message[_ID], ()), key=_rank, default=None)
    beside = {key: value for key, value in root.items() if key not in _OF_A_TURN}
    return json.dumps({**beside, "conversation": turns}, ensure_ascii=False).encode()


def _rank(message: _Message) -> tuple[bool, float]:
    """Deleted replies last, then those without a rank."""
    rank = message.get("rank")
    return bool(message.get("deleted")), float(rank) if isinstance(rank, int | float) else float("inf")


_PARAGRAPHS, _QUESTIONS, _CONTEXT = "paragraphs", "qas", "context"


def _article(row: RawRecord) -> _Message | None:
    """The article of a row that has questions about its paragraphs; None for any other row."""
    if f'"{_PARAGRAPHS}"'.encode() not in row.text or row.problem is not None:
        return None
    try:
        found = json.loads(row.text)
    except (ValueError, RecursionError):
        return None
    paragraphs = found.get(_PARAGRAPHS) if isinstance(found, dict) else None
    is_article = isinstance(paragraphs, list) and paragraphs and all(map(_is_asked, paragraphs))
    return found if is_article else None


def _is_asked(paragraph: object) -> bool:
    if not isinstance(paragraph, dict) or not isinstance(paragraph.get(_CONTEXT), str):
        return False
    asked = paragraph.get(_QUESTIONS)
    return isinstance(asked, list) and all(isinstance(each, dict) for each in asked)


def _by_question(rows: Iterable[RawRecord]) -> Iterator[RawRecord]:
    """A record for each question about a paragraph, with the article's other fields; other rows stay."""
    number = 0
    for row in rows:
        for text in (row.text,) if (article := _article(row)) is None else _questions_of(article):
            number += 1
            yield replace(row, number=number, text=text)


def _questions_of(article: _Message) -> Iterator[bytes]:
    """The questions with their paragraphs, and paragraphs without one, which are quarantined."""
    beside = {key: value for key, value in article.items() if key != _PARAGRAPHS}
    for paragraph in article[_PARAGRAPHS]:
        about = {key: value for key, value in paragraph.items() if key != _QUESTIONS}
        for asked in paragraph[_QUESTIONS] or [{}]:
            yield json.dumps({**beside, **about, **asked}, ensure_ascii=False).encode(errors="surrogatepass")
