"""The search that a job is about, named or the latest."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.declaration.loading import campaign_of
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord
from autoselection_core.history.searches import LATEST
from autoselection_core.store.home import Home
from autoselection_dagster.errors import NothingSearchedError


class SearchName(dg.Config):
    """Config of a job that is about one search."""

    search: str | None = Field(
        default=LATEST,  # so that no earlier one is stopped by accident
        description="Name of the search, as the partitions of the trials show it; `latest` is the one that "
        "was started last.",
    )


def at_least(minimum: int, description: str, default: Any = ...) -> Any:  # noqa: ANN401 - as pydantic's Field
    """A whole number of a job's config with a minimum, which `check_minima` keeps.

    What pydantic refuses by itself a run shows as a stack trace.
    """
    said = f"{description} At least {minimum}."
    return Field(default, description=said, json_schema_extra={_MINIMUM: minimum})


_MINIMUM = "minimum"


def check_minima(config: dg.Config) -> None:
    """Refuse numbers that are below their minimum.

    Raises:
        SettingError: It names the field, its value and the minimum.
    """
    for name, field in type(config).model_fields.items():
        value, known = getattr(config, name), field.json_schema_extra
        minimum = known.get(_MINIMUM) if isinstance(known, dict) else None
        if isinstance(minimum, int) and isinstance(value, int) and value < minimum:
            raise SettingError(name, value, f"at least {minimum}")


def named_search(ledger: Ledger, name: str | None) -> SearchRecord:
    """The search of that name, or the latest one, also where the name was removed.

    Raises:
        NothingSearchedError: There is none yet.
        UnknownSearchError: None has this name; the known ones are listed.
    """
    if name not in (None, LATEST):
        return ledger.search(name)
    searches = ledger.searches()
    if not searches:
        raise NothingSearchedError
    return searches[-1]


def workspace_of(search: SearchRecord, campaigns: Mapping[str, Campaign], home: Home) -> Workspace:
    """The campaign of a search in the home folder."""
    return installed_workspace(campaign_of(campaigns, search.spec.campaign), home)
