"""Session of a command: options of a search, the campaign at work, and a search by name."""

import errno
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from autoselection_core import environment_variables
from autoselection_core.campaign.declaration.campaign import DEFAULT_FILE
from autoselection_core.campaign.declaration.loading import campaign_of, load_campaigns
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.campaign import HomeElsewhereError, HomeNotWritableError, NoSearchError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.space import meanings
from autoselection_core.store.home import DEFAULT_HOME, Home


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
        HomeElsewhereError: Its home folder is beside the file and not here.
    """
    home = home_of(file)
    return installed_workspace(campaign_of(load_campaigns(file, home), campaign), home)


def open_ledger(file: Path) -> Ledger:
    """History of the installation, once its campaign file was read: a wrong file is named first.

    Raises:
        CampaignFileError: The file says something that cannot be.
        HomeElsewhereError: The home folder of its campaigns is beside it and not here.
    """
    home = home_of(file)
    load_campaigns(file, home)
    return Ledger.open(home.history_url)


def home_of(file: Path) -> Home:
    """The home folder of the environment; of the working folder none is made beside one that is known.

    Raises:
        HomeElsewhereError: The working folder has none, and that of the campaign file has one.
    """
    home = Home.from_environment()
    beside = file.absolute().parent / DEFAULT_HOME
    if not os.environ.get(environment_variables.HOME) and not home.root.exists() and beside.is_dir():
        raise HomeElsewhereError(home.root.parent, beside)
    return home


_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR})
"""Errors of a folder that cannot be made or written in."""


def unwritable_home(error: OSError) -> HomeNotWritableError | None:
    """The mistake behind a system's error about the home folder; None where it is about anything else."""
    root = Home.from_environment().root
    if error.errno not in _REFUSED or not Path(str(error.filename or "")).is_relative_to(root):
        return None
    try:
        writable_home()
    except HomeNotWritableError as refused:
        return refused
    return None


def writable_home() -> Path:
    """The home folder of the environment, or the folder that it will be made in.

    Raises:
        HomeNotWritableError: It cannot be written.
    """
    root = Home.from_environment().root
    there = next(each for each in (root, *root.parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise HomeNotWritableError(there)
    return there


def path_sentence() -> str:
    """How a shell finds the command; empty where it does, or where this is no installed program."""
    own = Path(sys.executable).parent / "autoselection"
    found = shutil.which("autoselection")
    if not own.is_file() or (found is not None and Path(found).resolve() == own.resolve()):
        return ""
    other = (
        "this shell does not find `autoselection`" if found is None else f"`autoselection` here is {found}"
    )
    return f"{other}; for the commands above: `export PATH={shlex.quote(str(own.parent))}:$PATH`"


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
