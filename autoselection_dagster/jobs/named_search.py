"""The search that a job is about, named or the latest, and its progress on the page of its report."""

from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.loading import campaign_of
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord
from autoselection_core.search.status import SearchStatus
from autoselection_core.store.home import Home
from autoselection_dagster.errors import NothingSearchedError
from autoselection_dagster.place import Place
from autoselection_dagster.values.metadata.search_facts import progress_facts

LATEST = "latest"
"""Default of the Launchpad: the latest search, so that no earlier one is stopped by accident."""


class SearchName(dg.Config):
    """Config of a job that is about one search."""

    search: str = Field(
        default=LATEST,
        description="Name of the search, as the partitions of the trials show it; `latest` is the one that "
        "was started last.",
    )


def named_search(ledger: Ledger, name: str) -> SearchRecord:
    """The search of that name, or the latest one.

    Raises:
        NothingSearchedError: There is none yet.
        UnknownSearchError: None has this name; the known ones are listed.
    """
    if name != LATEST:
        return ledger.search(name)
    searches = ledger.searches()
    if not searches:
        raise NothingSearchedError
    return searches[-1]


def show_progress(instance: dg.DagsterInstance, place: Place, status: SearchStatus) -> None:
    """Refresh `search_report` of a search with its present status; no run is started for it.

    A search that is done is left alone: its page shows the verdict, or is about to.
    """
    search = status.record.search
    if status.is_done:
        return
    for addition in place.partitions.partition_requests([search]):
        instance.add_dynamic_partitions(addition.partitions_def_name, list(addition.partition_keys))
    facts = progress_facts(status, place.names)
    instance.report_runless_asset_event(
        dg.AssetMaterialization(place.key("search_report"), metadata=dict(facts), partition=search)
    )


def workspace_of(search: SearchRecord, campaigns: Mapping[str, Campaign], home: Home) -> Workspace:
    """The campaign of a search in the home folder."""
    return installed_workspace(campaign_of(campaigns, search.spec.campaign), home)
