"""Pictures and tables in asset metadata."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import dagster as dg

Cell: TypeAlias = str | int | float | bool | None
"""What a table can show."""

Facts: TypeAlias = Mapping[str, Any]
"""Metadata of an asset, by name."""


def picture(image: bytes) -> dg.MarkdownMetadataValue:
    """An SVG or PNG image as markdown; the UI shows it in the row or, above 1,000 characters, in a dialog."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return dg.MetadataValue.md(f"![plot](data:image/{kind};base64,{base64.b64encode(image).decode()})")


def table(rows: Sequence[Mapping[str, Cell]]) -> dg.MarkdownMetadataValue:
    """Rows with equal keys as a markdown table."""
    if not rows:
        return dg.MetadataValue.md("nothing")
    lines = [
        list(rows[0]),
        ["---"] * len(rows[0]),
        *([_cell(value) for value in row.values()] for row in rows),
    ]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(line)} |" for line in lines))


def _cell(value: Cell) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
