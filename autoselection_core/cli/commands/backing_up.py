"""`autoselection backup` and `autoselection restore`."""

import os
from collections.abc import Mapping
from pathlib import Path

from autoselection_core import environment
from autoselection_core.cli.output import tell
from autoselection_core.export.installation.backup import back_up, restore
from autoselection_core.export.installation.postgresql import is_postgresql
from autoselection_core.store.home import Home

_DAGSTER_URL = "DAGSTER_POSTGRES_URL"


def back_up_home(file: Path) -> None:
    """Write everything that the environment names into one file."""
    made = back_up(Home.from_environment(), file, _databases())
    tell(f"{made.file}: {made.files:,} files, PostgreSQL databases: {', '.join(made.databases) or 'none'}")
    for each in made.left_out:
        tell(f"left out: {each.name} {each.reason}")


def restore_home(file: Path) -> None:
    """Fill the empty home folder and databases that the environment names."""
    home = Home.from_environment()
    made = restore(file, home, _databases())
    tell(f"{home.root}: {made.files:,} files as they were, databases: {', '.join(made.databases) or 'none'}")
    tell("next: autoselection status")


def _databases() -> Mapping[str, str]:
    named = {"history": os.environ.get(environment.HISTORY_URL), "dagster": os.environ.get(_DAGSTER_URL)}
    return {name: url for name, url in named.items() if url and is_postgresql(url)}
