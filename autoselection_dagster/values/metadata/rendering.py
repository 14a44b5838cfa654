"""Values of Dagster metadata: links, pictures, texts and explanations."""

import base64
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import dagster as dg

from autoselection_core import environment_variables
from autoselection_core.identity import fingerprint_bytes
from autoselection_core.report.rendering.table import Part, Table, escape, printable
from autoselection_core.report.serving import PICTURES, picture_path, report_path
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_dagster.values.metadata.tables import MAX_NAME, breaking, number_name, table_value

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
        f'<text x="{_WIDTH + 4}" y="{_BAR * place + 8}">{count:,}</text>'
        for place, count in enumerate(counts[:_MAX_BARS])
    )
    size = f'width="{_WIDTH + 50}" height="{height}" font-size="9" fill="#1f6feb"'
    return picture(f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{bars}</svg>'.encode())


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


_MAX_WORD = 32
"""Characters of a word of a text that are kept together: those of a whole hash."""


def _wrapping(name: str) -> str:
    return name if len(name) <= MAX_NAME else name.replace("_", " ")


def entry(title: str) -> str:
    """The name of a metadata entry; what a title says in brackets is left to the page."""
    return re.sub(r"[^a-z0-9]+", "_", title.partition(" (")[0].lower()).strip("_")
