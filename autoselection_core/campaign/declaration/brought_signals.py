"""Scores and vectors that a campaign brings, in the short form of its list of signals."""

import re
from typing import Any

from autoselection_core.campaign.declaration.allowed_paths import Places
from autoselection_core.campaign.declaration.signals import SCORES, installed_signals
from autoselection_core.campaign.declaration.yaml_document import Value

VECTORS = "vectors"
BROUGHT = (SCORES, VECTORS)
"""Keys that mark an entry as scores or vectors of the user's own."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def brought_signal(kind: str, item: Value, places: Places) -> tuple[str, dict[str, Any]]:
    """Name and settings of scores or vectors that a campaign brings.

    Written as `{column: rm_score, from: scores.parquet, key: id, as: quality}`, or `{vectors: mine.parquet}`.

    Raises:
        CampaignFileError: A key is unknown, a path leads out of the allowed folders, or the name is no name.
    """
    return _scores(item, places) if kind == SCORES else _vectors(item, places)


def _scores(item: Value, places: Places) -> tuple[str, dict[str, Any]]:
    found = item.entries(SCORES, "from", "key", "as")
    column = found[SCORES].text()
    name = found["as"].text() if "as" in found else column
    if not _NAME.fullmatch(name) or name in installed_signals():
        found[SCORES].refuse(f"is called {name!r}, which no signal can be; give it a name with `as:`")
    if "key" in found and "from" not in found:
        found["key"].refuse("joins nothing; name the file with `from:`")
    settings: dict[str, Any] = {"column": column, "alias": name}
    if "from" in found:
        settings |= {"file": str(places.path(found["from"]))}
    if "key" in found:
        settings |= {"key": found["key"].text()}
    return f"{SCORES}:{name}", settings


def _vectors(item: Value, places: Places) -> tuple[str, dict[str, Any]]:
    found = item.entries(VECTORS, "column", "key")
    settings: dict[str, Any] = {"file": str(places.path(found[VECTORS]))}
    return VECTORS, settings | {name: entry.text() for name, entry in found.items() if name != VECTORS}
