"""Asset of the search that follows a changed pool."""

import dagster as dg

from autoselection_core.campaign.on_pool_change import search_again
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, keyed
from autoselection_dagster.values.managers import NOTHING
from autoselection_dagster.values.metadata.links import partition_link
from autoselection_dagster.values.metadata.pictures import Facts


def next_search_asset(place: Place, signals: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Asset that, when materialised, registers a search on the present pool."""

    @dg.asset(
        io_manager_key=NOTHING,
        key=place.key("next_search"),
        group_name=place.group(Group.SEARCH),
        deps=[place.key("pool"), *signals],
        kinds={"sql"},
    )
    @keyed
    def next_search(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
        """A search on the latest pool, warm from the latest one that measured anything.

        Entered once for a pool, however often this is made. Comes after the pool and all its signals, so a
        check that fails there starts no search. The search sensor launches its trials.
        """
        workspace = place.workspace(home)
        again = search_again(workspace, place.campaign.on_pool_change.budget)
        context.log.info(again.why)
        facts: Facts = {
            "decided": again.why,
            "search": again.search or "none",
            "is_new": again.is_new,
            "warm_from": again.warm_from or "none",
            "pool_version": workspace.pool().version,
            **({"report": partition_link(place.key("search_report"), again.search)} if again.search else {}),
        }
        return dg.MaterializeResult(metadata=facts)

    return next_search
