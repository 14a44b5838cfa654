"""Asset of the search that follows a changed pool."""

import time

import dagster as dg

from autoselection_core.campaign.on_pool_change import NextSearch, search_again, wait_until, why_it_waits
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.report.lineage.differing import pool_change
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, keyed
from autoselection_dagster.values.managers import NOTHING
from autoselection_dagster.values.metadata.links import partition_link
from autoselection_dagster.values.metadata.pictures import Facts, shown

AUTOMATED = "dagster/from_automation_condition"
"""Tag of a run that a condition asked for: the campaign's limits hold for it, as the sensor keeps to them."""


def next_search_asset(place: Place, signals: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Asset that, when materialized, registers a search on the present pool."""

    @dg.asset(
        io_manager_key=NOTHING,
        key=place.key("next_search"),
        group_name=place.group(Group.SEARCH),
        deps=[place.key("pool"), *signals],
        kinds={"sql"},
    )
    @keyed
    def next_search(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
        """A search on the latest pool, warm from all searches of the campaign, with the last winner first.

        Entered once for a pool, however often this is made. Comes after the pool and all its signals, so a
        check that fails there starts no search. The search sensor launches its trials.
        """
        workspace, asked = place.workspace(home), place.campaign.on_pool_change
        until = wait_until(workspace.ledger, place.campaign.name, asked, time.time())
        if until and AUTOMATED in context.run.tags:
            again = NextSearch(None, False, None, why_it_waits(asked, until))
        else:
            again = search_again(workspace, asked.budget)
        context.log.info(again.why)
        facts: Facts = {
            "decided": again.why,
            "search": again.search or "none",
            "is_new": again.is_new,
            "warm_from": again.warm_from or "none",
            "warm_also": ", ".join(again.warm_also) or "none",
            "stopped": ", ".join(again.stopped) or "none",
            "pool_version": workspace.pool().version,
            **({"report": partition_link(place.key("search_report"), again.search)} if again.search else {}),
            **_change(workspace, again.warm_from),
        }
        return dg.MaterializeResult(metadata=facts)

    return next_search


def _change(workspace: Workspace, before: str | None) -> Facts:
    """Difference of the pool to that of the search that a new one starts from."""
    if before is None:
        return {}
    version = workspace.ledger.search(before).spec.pool_version
    change = pool_change(workspace.pool(version), workspace.pool())
    return {"change": change.sentence, "change_by_source": shown(change.by_source)}
