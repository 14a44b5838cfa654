"""Values of Dagster metadata: links, tables, pictures and explanations."""

import base64
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import dagster as dg

from autoselection_core import environment_variables
from autoselection_core.identity import fingerprint_bytes
from autoselection_core.report.rendering.table import NO_ROWS, Part, Table, cell_text, escape, printable
from autoselection_core.report.serving import PICTURES, picture_path, report_path
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home

Facts: TypeAlias = Mapping[str, Any]
"""Metadata of an asset, by name."""


def partition_url(asset: dg.AssetKey, partition: str) -> str:
    """Address of one partition of an asset, from the root of the UI.

    Example:
        >>> partition_url(dg.AssetKey(["demo", "recipe"]), "first|006")
        '/assets/demo/recipe?view=partitions&partition=first%7C006'
    """
    return f"{asset_url(asset)}?view=partitions&partition={quote(partition, safe='')}"


def asset_url(asset: dg.AssetKey) -> str:
    """Address of an asset, from the root of the UI."""
    return "/assets/" + "/".join(quote(part, safe="") for part in asset.path)


def link(text: str, url: str) -> str:
    """A link in Markdown.

    Example:
        >>> link("trial 6", "/runs/1")
        '[trial 6](/runs/1)'
    """
    return f"[{escape(text)}]({url})"


def partition_link(asset: dg.AssetKey, partition: str) -> dg.MarkdownMetadataValue:
    """A link to one partition of an asset, named after both."""
    return dg.MetadataValue.md(link(f"{asset.path[-1]} {partition}", partition_url(asset, partition)))


def logged_link(asset: dg.AssetKey, partition: str) -> dg.UrlMetadataValue:
    """A link to one partition of an asset for the log of a run, where the UI hides all Markdown."""
    return dg.MetadataValue.url(partition_url(asset, partition))


def launchpad_url(job: str, config: str) -> str:
    """Address of a job's Launchpad that is filled with a config, whatever the code location is called.

    Example:
        >>> launchpad_url("explain", "ops: {}")
        '/guess/explain/playground/setup?config=ops%3A%20%7B%7D'
    """
    return f"/guess/{job}/playground/setup?config={quote(config, safe='')}"


def report_link(search: str, file: Path, home: Home) -> Facts:
    """The report of a search: a link to it where reports are served, and its file.

    The file is named from the home folder on: a long path would widen the whole page.
    """
    at = os.path.relpath(file.resolve(), home.root.resolve())
    base = os.environ.get(environment_variables.REPORTS_URL)
    if not base:
        return {"report": at}
    url = base.rstrip("/") + report_path(search)
    return {"report": dg.MetadataValue.md(link("open the report", url)), "report_file": at}


_WIDTH, _HEIGHT = 160, 32
_BAR, _MAX_BARS = 12, 7
_MAX_POINTS = 40
"""More points would make the picture too large to be shown in the row."""

_MAX_SHOWN = 999
"""Characters of Markdown that the UI shows in a row; longer text opens in a dialog."""


def rounded(value: float) -> float:
    """A number with four significant digits, as tables show it.

    Example:
        >>> rounded(-2.158004310308821)
        -2.158
    """
    return float(f"{value:.4g}")


def links(name: str, urls: Mapping[str, str]) -> Facts:
    """Links by their text, in as many entries as the UI shows without a dialog.

    Args:
        name: Name of the first entry; further ones are numbered from 2.
        urls: Addresses by text.
    """
    return _packed(name, [link(text, url) for text, url in urls.items()], " · ")


def sentence_list(name: str, sentences: Iterable[str]) -> Facts:
    """Sentences as a list, in as many entries as the UI shows without a dialog.

    Args:
        name: Name of the first entry; further ones are numbered from 2.
        sentences: What they say; nothing of it is read as Markdown.
    """
    return _packed(name, [f"- {escape(breaking(sentence))}" for sentence in sentences], "\n")


def _packed(name: str, parts: Iterable[str], between: str) -> Facts:
    """Markdown in its order, divided into entries that the UI shows in their rows."""
    rows = [""]
    for part in parts:
        if rows[-1] and len(rows[-1]) + len(between) + len(part) > _MAX_SHOWN:
            rows.append("")
        rows[-1] += f"{between if rows[-1] else ''}{part}"
    names = [name, *(f"{name}_{number}" for number in range(2, len(rows) + 1))]
    return {each: dg.MetadataValue.md(row) for each, row in zip(names, rows, strict=True) if row}


def picture(image: bytes) -> dg.MarkdownMetadataValue:
    """An SVG or PNG image as markdown; the UI shows it in the row or, above 1,000 characters, in a dialog."""
    kind = "png" if image.startswith(_PNG) else "svg+xml"
    return dg.MetadataValue.md(f"![plot](data:image/{kind};base64,{base64.b64encode(image).decode()})")


_PNG = b"\x89PNG"


def large_picture(image: bytes, home: Home) -> dg.MarkdownMetadataValue:
    """An image of any size; the UI shows it in the row where reports are served, and else in a dialog.

    It is a file named by its content then, so that an earlier event keeps its own picture. Its time is that
    of its last use, by which it is pruned.
    """
    base = os.environ.get(environment_variables.REPORTS_URL)
    if not base:
        return picture(image)
    name = f"{fingerprint_bytes([image])}.{'png' if image.startswith(_PNG) else 'svg'}"
    file = home.reports / PICTURES / name
    if file.exists():
        file.touch()
    else:
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(file) as draft:
            draft.write_bytes(image)
    return dg.MetadataValue.md(f"![plot]({base.rstrip('/')}{picture_path(name)})")


def sparkline(values: Sequence[float]) -> dg.MarkdownMetadataValue:
    """A line through some values, small enough for the UI to show it in the row."""
    latest = values[-_MAX_POINTS:]
    low, span = min(latest), (max(latest) - min(latest)) or 1.0
    step = _WIDTH / max(1, len(latest) - 1)
    points = " ".join(
        f"{number * step:.0f},{_HEIGHT - 2 - (value - low) / span * (_HEIGHT - 4):.0f}"
        for number, value in enumerate(latest)
    )
    line = f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="2"/>'
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    return picture(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{line}</svg>'.encode())


def steps_picture(counts: Sequence[int]) -> dg.MarkdownMetadataValue:
    """Rows of the pool and after each step as bars, small enough for the UI to show it in the row."""
    most, height = max(*counts, 1), _BAR * len(counts)
    bars = "".join(
        f'<rect y="{_BAR * place}" width="{count / most * _WIDTH:.0f}" height="9" fill="#1f6feb"/>'
        f'<text x="{_WIDTH + 4}" y="{_BAR * place + 8}">{count}</text>'
        for place, count in enumerate(counts[:_MAX_BARS])
    )
    size = f'width="{_WIDTH + 50}" height="{height}" font-size="9" fill="#1f6feb"'
    return picture(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{bars}</svg>'.encode())


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
        _ROOM_PX - _CELL_PX * max(0, max(map(_longest, map(number_name, beside)), default=0) - _MAX_NAME),
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
    """Columns that are kept, and one in which each cell names and has what the others hold, where they do."""
    others = [place for place in range(len(columns)) if place not in kept]
    if not others:
        return columns, rows
    ranked = sorted(others, key=lambda place: columns[place] == "recipe")  # the longest cells go last
    more = [
        " · ".join(_part(columns[place], row[place], whole) for place in ranked if row[place] not in _EMPTY)
        for row in rows
    ]
    shown_rows = [[*(row[place] for place in kept), text] for row, text in zip(rows, more, strict=True)]
    return [*(columns[place] for place in kept), _MORE], shown_rows


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


def explanation_facts(parts: Iterable[Part], urls_of: Callable[[Table], Mapping[str, str]]) -> Facts:
    """An explanation for the log of a run: its first sentence, then links, other sentences, tables and texts.

    The UI hides Markdown there, so nothing of it is Markdown, and links are entries of their own. It shows
    the beginning of an entry of the log only, so the first links come before everything that is long.

    Args:
        parts: The explanation.
        urls_of: Addresses of what the first cells of a table name, by words.
    """
    kept = list(parts)
    first, *others = [printable(part.strip()) for part in kept if isinstance(part, str)] or [
        "nothing was measured yet"
    ]
    urls = {name: url for part in kept if isinstance(part, Table) for name, url in urls_of(part).items()}
    pages = {name: dg.MetadataValue.url(url) for name, url in islice(urls.items(), _MAX_LINKS)}
    facts: dict[str, Any] = {"answer": first, **dict(islice(pages.items(), _FIRST_LINKS))}
    if others:
        facts["details"] = "\n".join(others)
    facts |= pages
    for part in kept:
        if isinstance(part, Table):
            facts[entry(part.title)] = table_value(part)
        elif not isinstance(part, str):
            facts[entry(part.title)] = printable(part.text)
    return facts


_FIRST_LINKS = 2
"""Links that the beginning of an entry of the log has room for."""

_MAX_LINKS = 20
"""Links that an explanation adds; its tables name all."""


_MAX_NAME = 18
"""Characters of an entry's name beyond which it wraps, at spaces, so that values have more room."""


def shown(facts: Facts) -> Facts:
    """Metadata as an asset's pages take it: texts command nothing, and long names and words wrap.

    Names of numbers keep their letters, as Dagster plots them by name; very long ones may break.

    Example:
        >>> shown({"diff_to_nearest_by_source": "a", "retention_per_kept_step": 1})
        {'diff to nearest by source': 'a', 'retention_per_kept_step': 1}
    """
    return {
        number_name(name) if isinstance(value, int | float) else _wrapping(name): breaking(
            printable(value), _MAX_WORD
        )
        if isinstance(value, str)
        else value
        for name, value in facts.items()
    }


def number_name(name: str) -> str:
    """The name of a number's entry: one that holds a long name of a source or a topic may break.

    Example:
        >>> number_name("retention_per_kept_step"), len(number_name("share_" + 36 * "x").split(_BREAK))
        ('retention_per_kept_step', 3)
    """
    return name if len(name) <= _MAX_NUMBER_NAME else breaking(name)


_MAX_NUMBER_NAME = 30
"""Characters of a number's name beyond which it may break."""

_MAX_WORD = 32
"""Characters of a word of a text that are kept together: those of a whole hash."""


def _wrapping(name: str) -> str:
    return name if len(name) <= _MAX_NAME else name.replace("_", " ")


def entry(title: str) -> str:
    """The name of a metadata entry; what a title says in brackets is left to the page."""
    return re.sub(r"[^a-z0-9]+", "_", title.partition(" (")[0].lower()).strip("_")
