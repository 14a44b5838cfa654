"""Pictures and tables in asset metadata."""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import dagster as dg

from autoselection_core.report.rendering.markdown import escaped, fenced
from autoselection_core.report.rendering.table import Part, Table

Facts: TypeAlias = Mapping[str, Any]
"""Metadata of an asset, by name."""


_WIDTH, _HEIGHT = 160, 32
_MOST_POINTS = 40
"""More points would make the picture too large to be shown in the row."""


def picture(image: bytes) -> dg.MarkdownMetadataValue:
    """An SVG or PNG image as markdown; the UI shows it in the row or, above 1,000 characters, in a dialog."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return dg.MetadataValue.md(f"![plot](data:image/{kind};base64,{base64.b64encode(image).decode()})")


def sparkline(values: Sequence[float]) -> dg.MarkdownMetadataValue:
    """A line through some values, small enough for the UI to show it in the row."""
    latest = values[-_MOST_POINTS:]
    low, span = min(latest), (max(latest) - min(latest)) or 1.0
    step = _WIDTH / max(1, len(latest) - 1)
    points = " ".join(
        f"{number * step:.0f},{_HEIGHT - 2 - (value - low) / span * (_HEIGHT - 4):.0f}"
        for number, value in enumerate(latest)
    )
    line = f'<polyline points="{points}" fill="none" stroke="#1f6feb" stroke-width="2"/>'
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    return picture(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{line}</svg>'.encode())


def shown(table: Table) -> dg.MarkdownMetadataValue:
    """A table as markdown."""
    return dg.MetadataValue.md(table.to_markdown())


def explained(parts: Iterable[Part]) -> Facts:
    """An explanation: its first sentence, the others as a list, tables and texts under their titles."""
    kept = list(parts)
    first, *others = [part.strip() for part in kept if isinstance(part, str)] or ["nothing was measured yet"]
    facts: dict[str, Any] = {"answer": first}
    if others:
        facts["details"] = dg.MetadataValue.md("\n".join(f"- {escaped(each)}" for each in others))
    for part in kept:
        if not isinstance(part, str):
            text = part.to_markdown() if isinstance(part, Table) else fenced(part.text, part.language)
            facts[_entry(part.title)] = dg.MetadataValue.md(text)
    return facts


def _entry(title: str) -> str:
    """The name of a metadata entry; what a title says in brackets is left to the page."""
    return re.sub(r"[^a-z0-9]+", "_", title.partition(" (")[0].lower()).strip("_")
