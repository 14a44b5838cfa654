"""Warning that a pool is newer than its latest search: at once, and not when a report is next made."""

from collections.abc import Iterable, Mapping

import dagster as dg

from autoselection_core.history.records import SearchRecord
from autoselection_core.store.home import Home
from autoselection_dagster.assets.checks.search_checks import POOL_IS_LATEST
from autoselection_dagster.graph import CampaignGraph


def older_pools(
    graphs: Mapping[str, CampaignGraph], searches: Iterable[SearchRecord], home: Home
) -> dict[str, dg.AssetCheckEvaluation]:
    """The failed check of each campaign whose newest search is of an older pool, by name of the occasion.

    Args:
        graphs: The campaigns that are declared.
        searches: All searches, oldest first.
        home: Home folder that holds the pools.
    """
    newest = {search.spec.campaign: search for search in searches if search.spec.campaign in graphs}
    found = {}
    for campaign, search in newest.items():
        workspace = graphs[campaign].place.workspace(home)
        latest = workspace.pool().version if workspace.has_pool() else search.spec.pool_version
        if latest != search.spec.pool_version:
            name = f"{search.search}|older|{latest}"
            found[name] = _failed(graphs[campaign].place.key("search_report"), search, latest)
    return found


def _failed(report: dg.AssetKey, search: SearchRecord, latest: str) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=report,
        check_name=POOL_IS_LATEST.name,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"search": search.search, "searched": search.spec.pool_version, "latest": latest},
    )
