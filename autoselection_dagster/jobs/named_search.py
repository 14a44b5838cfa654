"""The search that a job is about, named or the latest."""

from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.loading import campaign_of
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord
from autoselection_core.store.home import Home
from autoselection_dagster.errors import NothingSearchedError

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


def workspace_of(search: SearchRecord, campaigns: Mapping[str, Campaign], home: Home) -> Workspace:
    """The campaign of a search in the home folder."""
    return installed_workspace(campaign_of(campaigns, search.spec.campaign), home)
