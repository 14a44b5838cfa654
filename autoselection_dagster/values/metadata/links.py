"""Links between pages of the UI, to one partition of an asset: its latest one may be another search's."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg

from autoselection_core import environment
from autoselection_core.report.rendering.markdown import escape
from autoselection_core.report.rendering.table import Table
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
