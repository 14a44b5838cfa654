"""Pictures and tables in asset metadata."""

import base64
from collections.abc import Mapping
from typing import Any, TypeAlias

import dagster as dg

from autoselection_core.report.table import Table

Facts: TypeAlias = Mapping[str, Any]
"""Metadata of an asset, by name."""


def picture(image: bytes) -> dg.MarkdownMetadataValue:
    """An SVG or PNG image as markdown; the UI shows it in the row or, above 1,000 characters, in a dialog."""
    kind = "png" if image.startswith(b"\x89PNG") else "svg+xml"
    return dg.MetadataValue.md(f"![plot](data:image/{kind};base64,{base64.b64encode(image).decode()})")


def shown(table: Table) -> dg.MarkdownMetadataValue:
    """A table as markdown."""
    return dg.MetadataValue.md(table.to_markdown())
