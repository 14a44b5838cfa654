"""Tables as Dagster's pages show them, fitted to the room that the narrowest page has."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import dagster as dg

from autoselection_core.report.rendering.table import NO_ROWS, Table, cell_text, printable


def table_value(table: Table, beside: Iterable[str] = ()) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """A table as Dagster shows one; its cells are what people read of them, with a place to wrap in each.

    One wide table widens all rows of a page, so that the page cuts the texts of other rows at its edge. So a
    wide table is fitted. A table without rows is a word.

    Args:
        table: The table.
        beside: Names of entries of its page that do not wrap.
    """
    if not table.rows:
        return dg.MetadataValue.text(NO_ROWS)
    table = _without_empty_columns(table)
    columns, rows = fitted(
        table.columns,
        [[narrow(name, cell) for name, cell in zip(table.columns, row, strict=True)] for row in table.texts],
        _ROOM_PX - _CELL_PX * max(0, max(map(_longest, map(number_name, beside)), default=0) - MAX_NAME),
    )
    records = [dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows]
    return dg.MetadataValue.table(
        records, dg.TableSchema([dg.TableColumn(name, "string") for name in columns])
    )


def _without_empty_columns(table: Table) -> Table:
    """The table without columns in which no row has anything; the first one names the rows."""
    empty = (
        name
        for place, name in enumerate(table.columns)
        if place and all(row[place] in _EMPTY for row in table.texts)
    )
    return table.without(*empty)


def versions_value(versions: Mapping[str, str]) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """Versions by name, each by its beginning: as JSON they would widen the page."""
    return table_value(Table("Versions", ("name", "version"), tuple(versions.items())))


_ROOM_PX = 306.0
"""Width that the narrowest page, an asset's overview at 1,280 pixels, leaves to a table."""

_CELL_PX, _HEADING_PX, _PADDING_PX = 8.45, 7.3, 17.0
"""Width of a character of a cell and of a heading, and of what is around either, in pixels."""

_LONGEST = (24, 16, 12)
"""Characters of a word that are kept together where it may break, fewer where a table needs more room."""

_BREAK = "\u200b"
"""Place at which a long word may go on in the next line; nothing is seen of it."""

_FIRST_KEPT = ("dev score", "score")
"""Columns by which rows are compared: others join before them."""

_MORE, _EMPTY = "more", ("", cell_text(None))
_PARTS = re.compile(r"(?<=[/_|=>-])(?=\w)|(?<=\.)(?=[^\W\d])")
"""Places at which a long word breaks before it breaks elsewhere."""


def fitted(
    columns: Sequence[str], rows: Sequence[Sequence[str]], room: float = _ROOM_PX
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Columns and cells of a table that is no wider than a page shows it, by default the narrowest one.

    Labels of recipes may break. Names stay whole, so that they can be copied, as long as the table fits once
    some columns are joined in one; a name that is too long even then may break, too.

    Example:
        >>> fitted(["file", "bytes", "hash"], [["raw/generated.jsonl", "120,345", "0123456789ab"]])
        (['file', 'more'], [['raw/generated.jsonl', 'bytes: 120,345 · hash: 0123456789ab']])
        >>> fitted(["trial", "recipe", "tokens of all its rows", "score"], [["1", "keep_top", "99", "0.5"]])
        (['trial', 'recipe', 'score', 'more'], [['1', 'keep_top', '0.5', 'tokens of all its rows: 99']])
        >>> fitted(["name", "kind of the file"], [[21 * "x", "text"], [21 * "y", "text"]])[1]
        [['xxxxxxxxxxxxxxxxxxxxx', 'in all rows: kind of the file: text'], ['yyyyyyyyyyyyyyyyyyyyy', '']]
        >>> fitted(["file"], [["raw/" + 36 * "x"]])[1][0][0].split(_BREAK)
        ['raw/', 'xxxxxxxxxxxxxxxxxxxxxxxx', 'xxxxxxxxxxxx']
    """
    labels = {place for place, name in enumerate(columns) if name in _RECIPES}
    broken = rows
    for longest in _LONGEST:
        broken = _breaking(rows, labels, longest)
        if _width(columns, broken) <= room:
            return columns, broken
    joined = _few_joined(columns, broken, room)
    for longest in _LONGEST:
        if _width(*joined) <= room:
            break
        joined = _few_joined(columns, _breaking(broken, range(len(columns)), longest), room)
    return joined


def _few_joined(
    columns: Sequence[str], rows: Sequence[Sequence[str]], room: float
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The table with its last columns joined, as few as there is room for; the first one stays.

    Columns by which rows are compared stay before others do, and before short joined cells are kept whole.
    """
    compared = [place for place in range(1, len(columns)) if columns[place] in _FIRST_KEPT]
    others = [place for place in range(1, len(columns)) if place not in compared]
    kept = [0]
    for place in compared:
        if _width(*_joined(columns, rows, sorted((*kept, place)), _WHOLE[-1])) <= room:
            kept = sorted((*kept, place))
    for place in others:
        if _width(*_joined(columns, rows, sorted((*kept, place)), _WHOLE[0])) > room:
            break  # a column behind it would be read as if it stood beside the one before
        kept = sorted((*kept, place))
    made = [_joined(columns, rows, kept, whole) for whole in _WHOLE]
    return next((each for each in made if _width(*each) <= room), made[-1])


_WHOLE = (16, 12, 0)
"""Characters of a joined cell with its name that stay on one line, so that lines begin with names."""


def _joined(
    columns: Sequence[str], rows: Sequence[Sequence[str]], kept: Sequence[int], whole: int
) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Columns that are kept, and one in which each cell names and has what the others hold, where they do.

    What all rows hold alike is said in the first one, where headings cannot wrap.
    """
    others = [place for place in range(len(columns)) if place not in kept]
    if not others:
        return columns, rows
    ranked = sorted(others, key=lambda place: columns[place] == "recipe")  # the longest cells go last
    alike = {place for place in ranked if len(rows) > 1 and len({row[place] for row in rows}) == 1}
    apart = [place for place in ranked if place not in alike]
    parts = [
        [_part(columns[place], row[place], whole) for place in apart if row[place] not in _EMPTY]
        for row in rows
    ]
    shared = [_part(columns[place], rows[0][place], whole) for place in ranked if place in alike]
    if shared:
        parts[0].append(f"{_ALIKE} {' · '.join(shared)}")
    shown_rows = [
        [*(row[place] for place in kept), " · ".join(texts)] for row, texts in zip(rows, parts, strict=True)
    ]
    return [*(columns[place] for place in kept), _MORE], shown_rows


_ALIKE = "in all rows:"
"""Words before what all rows of a table hold alike."""


def _part(column: str, cell: str, whole: int) -> str:
    part = f"{column}: {cell}"
    return part.replace(" ", "\N{NO-BREAK SPACE}") if len(part) <= whole else part


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> float:
    """Minimum width of a table in pixels: a column is as wide as its heading, or its longest word."""
    cells = [max(_CELL_PX * _longest(row[place]) for row in rows) for place in range(len(columns))]
    headings = [_HEADING_PX * len(name) for name in columns]
    return sum(max(pair) + _PADDING_PX for pair in zip(cells, headings, strict=True))


def _longest(text: str) -> int:
    return max(map(len, re.split(f"[ {_BREAK}]", text)))


def _breaking(
    rows: Sequence[Sequence[str]], places: Collection[int], longest: int
) -> Sequence[Sequence[str]]:
    """Rows whose cells at some places hold no longer word that cannot break."""
    return [
        [breaking(cell, longest) if place in places else cell for place, cell in enumerate(row)]
        for row in rows
    ]


def breaking(text: str, longest: int = _LONGEST[0]) -> str:
    """A text in which longer words may break; it looks as before where there is room.

    Example:
        >>> breaking("of raw/generated_by_a_program.jsonl", 16).split(_BREAK)
        ['of raw/generated_', 'by_a_program.', 'jsonl']
    """
    return " ".join(_breaking_word(word, longest) for word in text.split(" "))


def _breaking_word(word: str, longest: int) -> str:
    if _longest(word) <= longest:
        return word
    lines = [""]
    for part in (each for whole in word.split(_BREAK) for each in _PARTS.split(whole)):
        pieces = [part[start : start + longest] for start in range(0, len(part), longest)]
        for piece in pieces:
            if len(lines[-1]) + len(piece) > longest:
                lines.append("")
            lines[-1] += piece
    return _BREAK.join(line for line in lines if line)


_RECIPES = ("recipe", "what", "after", "arm", "value")
"""Columns that hold labels of recipes or of steps."""

_JOINT = re.compile(r"(?<=\w)(?=\[)|(?<=,)(?=[a-z])")
_HASH = re.compile(r"([0-9a-f]{12})[0-9a-f]{20}")
"""A content hash, whose beginning names what it is of, in `explain`, too."""


def narrow(column: str, cell: str) -> str:
    """A cell that a narrow column can wrap: hashes by their beginning, labels of recipes between their parts.

    Example:
        >>> narrow("recipe", "keep_top[tokens,fraction=0.5]").split(_BREAK)
        ['keep_top', '[tokens,', 'fraction=0.5]']
        >>> narrow("id", "0123456789abcdef0123456789abcdef"), narrow("text", "red,green")
        ('0123456789ab', 'red,green')
    """
    if found := _HASH.fullmatch(cell):
        return found[1]
    return printable(_JOINT.sub(_BREAK, cell) if column in _RECIPES else cell)


def number_name(name: str) -> str:
    """The name of a number's entry: one that holds a long name of a source or a topic may break.

    Example:
        >>> number_name("retention_per_kept_step"), len(number_name("share_" + 36 * "x").split(_BREAK))
        ('retention_per_kept_step', 3)
    """
    return name if len(name) <= _MAX_NUMBER_NAME else breaking(name)


_MAX_NUMBER_NAME = 30
"""Characters of a number's name beyond which it may break."""


MAX_NAME = 18
"""Characters of an entry's name beyond which it wraps, at spaces, so that values have more room."""
