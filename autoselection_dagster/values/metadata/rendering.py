"""Values of Dagster metadata: links, tables, pictures and explanations."""

import base64
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import dagster as dg

from autoselection_core import environment
from autoselection_core.report.rendering.table import Part, Table, escape, fence
from autoselection_core.report.serving import report_path


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


def report_link(search: str, file: Path) -> dict[str, dg.MetadataValue[Any]]:
    """The report of a search: a link to it where reports are served, and its file."""
    base = os.environ.get(environment.REPORTS_URL)
    at = dg.MetadataValue.path(file)
    if not base:
        return {"report": at}
    url = base.rstrip("/") + report_path(search)
    return {"report": dg.MetadataValue.md(link("open the report", url)), "report_file": at}


def link_table(table: Table, urls: Mapping[str, str]) -> dg.MarkdownMetadataValue:
    """A table as Markdown whose first cells lead somewhere.

    Args:
        table: The table.
        urls: Addresses by the text of a first cell; a cell without one is plain text.
    """
    lines = [
        " | ".join(
            [
                link(first, urls[first]) if first in urls else escape(first),
                *(escape(each) for each in cells),
            ]
        )
        for first, *cells in table.texts
    ]
    head = " | ".join(escape(column) for column in table.columns)
    rule = " | ".join(["---"] * len(table.columns))
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in (head, rule, *lines)))


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
