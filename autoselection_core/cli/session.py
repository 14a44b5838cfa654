"""Session of a command: the campaign at work, and a search by name."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table as RichTable

from autoselection_core import environment
from autoselection_core.campaign.declaration.loading import DEFAULT_FILE, campaign_of, load_campaigns
from autoselection_core.campaign.remote.attach import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.cli import NoSearchError
from autoselection_core.history.ledger import Ledger
from autoselection_core.report.rendering.part import Block, Part
from autoselection_core.report.rendering.table import Table
from autoselection_core.store.home import Home

_PIPED_WIDTH = 200

CampaignName = Annotated[
    str | None, typer.Option("--campaign", "-c", help="The campaign; needed where the file declares several.")
]
CampaignFile = Annotated[
    Path,
    typer.Option("--file", "-f", envvar=environment.CAMPAIGNS, help="The file that declares the campaigns."),
]
FILE = DEFAULT_FILE


def tell(sentence: str) -> None:
    """Print a sentence; square brackets are text, not markup."""
    Console(soft_wrap=True, highlight=False, markup=False).print(sentence)


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


def show_parts(parts: Iterable[Part]) -> None:
    """Print an explanation as it is found out."""
    for part in parts:
        if isinstance(part, Table):
            show_table(part)
        else:
            tell(part.text if isinstance(part, Block) else part)


def show_table(table: Table) -> None:
    """Print a table for people."""
    drawn = RichTable(title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in table.columns:
        is_text = any(isinstance(row[table.columns.index(name)], str) for row in table.rows)
        drawn.add_column(name, justify="left" if is_text else "right", overflow="fold")
    for row in table.texts:
        drawn.add_row(*row)
    # Piped output is wide: programs and logs do not wrap.
    Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(drawn)
