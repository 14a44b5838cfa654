"""Session of a command: options of a search, the campaign at work, and a search by name."""

from pathlib import Path
from typing import Annotated, Any

import typer

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.campaign import DEFAULT_FILE
from autoselection_core.campaign.declaration.loading import campaign_of, load_campaigns
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.campaign import NoSearchError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.space import meanings
from autoselection_core.store.home import Home


def setting(name: str, more: str = "") -> Any:  # noqa: ANN401 - what typer makes of it
    """Option for a field of `SearchSettings`; left out, it is as the campaign declares it.

    Args:
        name: The field.
        more: Further help on the command line, beside its meaning.
    """
    return typer.Option(help=f"{meanings(SearchSettings)[name]} {more}".rstrip())


CampaignName = Annotated[
    str | None, typer.Option("--campaign", "-c", help="The campaign; needed where the file declares several.")
]
CampaignFile = Annotated[
    Path,
    typer.Option(
        "--file", "-f", envvar=environment_variables.CAMPAIGNS, help="The file that declares the campaigns."
    ),
]
FILE = DEFAULT_FILE


def open_workspace(campaign: str | None, file: Path) -> Workspace:
    """The campaign of a name in the home folder of the environment.

    Raises:
        CampaignFileError: The file says something that cannot be.
        UnknownCampaignError: It declares no such campaign.
    """
    home = Home.from_environment()
    return installed_workspace(campaign_of(load_campaigns(file, home), campaign), home)


def open_ledger(file: Path) -> Ledger:
    """History of the installation, once its campaign file was read: a wrong file is named first.

    Raises:
        CampaignFileError: The file says something that cannot be.
    """
    home = Home.from_environment()
    load_campaigns(file, home)
    return Ledger.open(home.history_url)


def workspace_for(name: str | None, campaign: str | None, file: Path) -> Workspace:
    """The campaign that is named, or else that of the registered search of a name, or the only one.

    Raises:
        UnknownCampaignError: There is none of that name, or none was named among several.
    """
    if campaign is None and name is not None:
        known = open_ledger(file).find_search(name)
        campaign = None if known is None else known.spec.campaign
    return open_workspace(campaign, file)


def workspace_of(search: str | None, campaign: str | None, file: Path) -> tuple[Workspace, str]:
    """A search and the campaign that it belongs to; the campaign's latest search where none is named.

    Raises:
        UnknownSearchError: No search has this name.
        NoSearchError: The campaign has no search.
    """
    if search is not None:
        return open_workspace(open_ledger(file).search(search).spec.campaign, file), search
    workspace = open_workspace(campaign, file)
    mine = [each for each in workspace.ledger.searches() if each.spec.campaign == workspace.campaign.name]
    if not mine:
        raise NoSearchError(workspace.campaign.name)
    return workspace, mine[-1].search
