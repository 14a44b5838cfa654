"""Pictures and tables in asset metadata."""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import dagster as dg

from autoselection_core.report.rendering.markdown import escape, fence
from autoselection_core.report.rendering.table import Part, Table

Facts: TypeAlias = Mapping[str, Any]
"""Metadata of an asset, by name."""


_WIDTH, _HEIGHT = 160, 32
_BAR, _MAX_BARS = 12, 7
_MAX_POINTS = 40
"""More points would make the picture too large to be shown in the row."""


def picture(image: bytes) -> dg.MarkdownMetadataValue:
    """An SVG or PNG image as markdown; the UI shows it in the row or, above 1,000 characters, in a dialog."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return dg.MetadataValue.md(f"![plot](data:image/{kind};base64,{base64.b64encode(image).decode()})")


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


def table_value(table: Table) -> dg.TableMetadataValue:
    """A table as Dagster shows one; its cells are what people read of them."""
    columns = [dg.TableColumn(name, "string") for name in table.columns]
    records = [dg.TableRecord(dict(zip(table.columns, row, strict=True))) for row in table.texts]
    return dg.MetadataValue.table(records, dg.TableSchema(columns))


def explanation_facts(
    parts: Iterable[Part], link_of: Callable[[Table], dg.MetadataValue] = table_value
) -> Facts:
    """An explanation: its first sentence, the others as a list, tables and texts under their titles.

    Args:
        parts: The explanation.
        link_of: Shows a table, with links where its first cells name something.
    """
    kept = list(parts)
    first, *others = [part.strip() for part in kept if isinstance(part, str)] or ["nothing was measured yet"]
    facts: dict[str, Any] = {"answer": first}
    if others:
        facts["details"] = dg.MetadataValue.md("\n".join(f"- {escape(each)}" for each in others))
    for part in kept:
        if not isinstance(part, str):
            text = None if isinstance(part, Table) else dg.MetadataValue.md(fence(part.text, part.language))
            facts[entry(part.title)] = link_of(part) if isinstance(part, Table) else text
    return facts


def entry(title: str) -> str:
    """The name of a metadata entry; what a title says in brackets is left to the page."""
    return re.sub(r"[^a-z0-9]+", "_", title.partition(" (")[0].lower()).strip("_")
