"""Tables and text blocks as data, rendered as Markdown and HTML; escaping of other people's text."""

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

_NUMBER = re.compile(r"[+-]?(\d[\d,]*\.?\d*(e[+-]?\d+)?|inf|nan)( ?[%*])?( ± \S+)?")

NO_ROWS = "none"
"""What is shown of a table without rows: a header alone looks as if something were missing."""

Cell: TypeAlias = str | int | float | None
"""Value of a cell; None means unknown."""


@dataclass(frozen=True)
class Table:
    """Rows under named columns.

    Attributes:
        title: Its title.
        columns: Names of the columns.
        rows: One cell a column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def texts(self) -> list[list[str]]:
        """The cells as people read them."""
        return [[cell_text(cell) for cell in row] for row in self.rows]

    def without(self, *names: str) -> "Table":
        """The table without some columns, for a page that is too narrow for all."""
        places = [place for place, name in enumerate(self.columns) if name not in names]
        rows = tuple(tuple(row[place] for place in places) for row in self.rows)
        return replace(self, columns=tuple(self.columns[place] for place in places), rows=rows)

    def to_markdown(self) -> str:
        """The table in Markdown; one without rows in a word."""
        if not self.rows:
            return NO_ROWS
        lines = [self.columns, ["---"] * len(self.columns), *self.texts]
        return "\n".join("| " + " | ".join(escape(cell) for cell in line) + " |" for line in lines)

    def to_html(self) -> str:
        """The table in HTML; text is escaped, and a table without rows is a word."""
        if not self.rows:
            return f"<p>{NO_ROWS}</p>"
        numbers = [self._is_number(place) for place in range(len(self.columns))]
        head = _html_row(self.columns, "th", numbers, [""] * len(numbers))
        columns = [_column_texts([row[place] for row in self.rows]) for place in range(len(self.columns))]
        names = [f' data-column="{html.escape(name)}"' for name in self.columns]
        body = "\n".join(_html_row(row, "td", numbers, names) for row in zip(*columns, strict=True))
        return f"<table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"

    def _is_number(self, place: int) -> bool:
        """Whether a column holds numbers alone, with an error or a mark at most; they go to the right."""
        known = zip(self.rows, self.texts, strict=True)
        cells = [texts[place] for row, texts in known if row[place] is not None]
        return bool(cells) and all(map(_NUMBER.fullmatch, cells))


_WHOLE, _HUGE = 1e3, 1e15
"""Sizes between which fractions are left out of a number, and no exponent is needed."""


def cell_text(cell: Cell) -> str:
    """A cell as text: numbers with four significant digits at least, unknown as a dash.

    Example:
        >>> [cell_text(cell) for cell in (0.123456, 12000, 12000.3, None, "x")]
        ['0.1235', '12,000', '12,000', '-', 'x']
    """
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if _WHOLE <= abs(cell) < _HUGE else f"{cell:.4g}"
    if isinstance(cell, int):
        return f"{cell:,}"
    return str(cell)  # a member of an enumeration becomes plain text, which Dagster can store


def breakable(text: str) -> str:
    """Escaped text that a narrow column breaks between the parts of a recipe before it breaks a word.

    Example:
        >>> breakable("keep_top[tokens](fraction=0.5) of 1,000")
        'keep_top[<wbr>tokens](<wbr>fraction=0.5) of 1,000'
    """
    return re.sub(r"([(\[]|,(?!\d))(?=\S)", r"\1<wbr>", html.escape(text))


_SIGNIFICANT = 4
"""Digits of the largest number of a column."""


def _column_texts(cells: Sequence[Cell]) -> list[str]:
    """Cells of a column, fractions with the same digits after the point.

    A column whose smallest number would keep fewer than two significant digits stays as cells are alone.

    Example:
        >>> _column_texts([-2.5, -2.365, None]), _column_texts([1.0, 2.0]), _column_texts([0.5, 0.00001])
        (['-2.500', '-2.365', '-'], ['1', '2'], ['0.5', '1e-05'])
        >>> _column_texts([2000.1, 100.5])
        ['2,000', '100']
    """
    alone = [cell_text(cell) for cell in cells]
    known = [cell for cell in cells if cell is not None]
    if not all(isinstance(cell, float) and math.isfinite(cell) for cell in known) or "." not in "".join(
        alone
    ):
        return alone
    sizes = [abs(float(cell)) for cell in known if cell]
    largest, smallest = (math.floor(math.log10(size)) for size in (max(sizes), min(sizes)))
    digits = _SIGNIFICANT - 1 - largest
    if not 0 <= digits <= 2 * _SIGNIFICANT or smallest + digits < 1:
        return alone
    return ["-" if cell is None else f"{cell:,.{digits}f}" for cell in cells]


def _html_row(cells: Sequence[str], tag: str, numbers: Sequence[bool], marks: Sequence[str]) -> str:
    """A row of cells; marks are attributes of the cells, beside their class."""
    kinds = (' class="number"' if is_number else "" for is_number in numbers)
    shown_cells = (
        f"<{tag}{kind}{mark}>{breakable(cell)}</{tag}>"
        for cell, kind, mark in zip(cells, kinds, marks, strict=True)
    )
    return "<tr>" + "".join(shown_cells) + "</tr>"


@dataclass(frozen=True)
class Block:
    """Preformatted text of several lines.

    Attributes:
        title: Its heading.
        text: The lines.
        language: Language of its syntax colours.
    """

    title: str
    text: str
    language: str = ""


Part: TypeAlias = str | Table | Block
"""A sentence, a table or a block of text."""


_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that command a terminal, or turn the direction of what follows; line ends and tabs do not."""


def _as_escape(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()


def printable(text: str) -> str:
    r"""Text that commands no terminal or page: each control character as its escape sequence in Python.

    Example:
        >>> printable("a\tb\x1b[2J")
        'a\tb\\x1b[2J'
    """
    return _COMMANDING.sub(_as_escape, text)


def one_line(text: str) -> str:
    r"""`printable` text of one line, which cannot be taken for another line of the output.

    Example:
        >>> one_line("a.jsonl\nautoselection: done")
        'a.jsonl\\nautoselection: done'
    """
    return _LINE_END.sub(_as_escape, printable(text))


_LINE_END = re.compile("[\n\u2028\u2029]")


def enumerated(names: Sequence[str]) -> str:
    """Names as a sentence lists them.

    Example:
        >>> enumerated(["one"]), enumerated(["one", "two", "three"])
        ('one', 'one, two and three')
    """
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


_MARKUP = re.compile(r"([\\`*<\[|~$]|(?<!\w)_|_(?!\w))")
"""Characters that start markup; an underscore inside a word starts none."""


def escape(text: str) -> str:
    r"""Text as one line of Markdown that says what the text says.

    Example:
        >>> print(escape("<s> | keep_top *twice*"))
        \<s> \| keep_top \*twice\*
    """
    return _MARKUP.sub(r"\\\1", printable(" ".join(text.splitlines())))


def fence(text: str, language: str = "") -> str:
    """Text as a block of code; the fence is longer than any inside.

    Example:
        >>> print(fence("steps: []", "yaml"))
        ```yaml
        steps: []
        ```
    """
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
