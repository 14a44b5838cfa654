"""`autoselection prune`: runs of trials, pictures and signal columns that nothing needs any more."""

import json
import time
from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, Self

from autoselection_core.cli.output import show_table, tell
from autoselection_core.history.ledger import Ledger
from autoselection_core.report.rendering.table import Table
from autoselection_core.store.atomic import staging_folder
from autoselection_core.store.home import Home

_DAY_S = 86_400.0


@dataclass(frozen=True)
class UnusedColumns:
    """Columns of pools that no search uses and that are no campaign's latest.

    They are derived: of samples they are rebuilt from the tables, groups and pairs are computed again.

    Attributes:
        home: Home folder of the columns.
        folders: A folder for each of the pools.
        kept: Number of pools whose columns stay.
        freed_bytes: Size of the files that no other pool shares.
    """

    home: Home
    folders: tuple[Path, ...]
    kept: int
    freed_bytes: int

    @classmethod
    def of(cls, home: Home, used: Collection[str], before: float) -> Self:
        """Unused columns that nobody has written since a time.

        Args:
            home: Home folder of the columns.
            used: Versions of the pools that searches use.
            before: Time of the last write, in seconds since 1970.
        """
        latest = {json.loads(file.read_text())["pool"] for file in (home.root / "campaigns").glob("*.json")}
        found = [each for each in home.columns.glob("*") if not each.name.startswith(".")]
        free = [
            each for each in found if each.name not in latest | set(used) and each.stat().st_mtime < before
        ]
        files = [file.stat() for each in free for file in each.rglob("*") if file.is_file()]
        size = sum(file.st_size for file in files if file.st_nlink == 1)
        return cls(home, tuple(sorted(free)), len(found) - len(free), size)

    def remove(self) -> None:
        """Remove them; readers see a pool's columns whole or not at all. A kill's rest goes next time."""
        if self.folders:
            with staging_folder(self.home.columns / "pruned") as trash:
                for folder in self.folders:
                    folder.rename(trash / folder.name)


class Pruning(Protocol):
    """Runs of one search that Dagster may forget; see `autoselection_dagster.trials.pruning`."""

    @property
    def search(self) -> str:
        """Name of the search."""
        ...

    @property
    def runs(self) -> tuple[str, ...]:
        """Ids of the runs that may go."""
        ...

    @property
    def kept_runs(self) -> int:
        """Number of runs of its trials that stay."""
        ...

    @property
    def reason(self) -> str:
        """Why all stay."""
        ...

    @property
    def freed_bytes(self) -> int:
        """Size of what they hold in files of their own."""
        ...


class PrunablePictures(Protocol):
    """Pictures of Dagster's pages that may go; see `autoselection_dagster.trials.pruning`."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Their files."""
        ...

    @property
    def freed_bytes(self) -> int:
        """Their size."""
        ...


_PRUNING = "autoselection_dagster.trials.pruning"
"""Module that reads Dagster's records; the core knows nothing of Dagster, so it is found by its name."""


def show_prunable(days: float) -> tuple[Pruning, ...]:
    """Show the runs of trials that Dagster may forget, by search; nothing is changed."""
    records = import_module(_PRUNING)
    found: tuple[Pruning, ...] = records.prunings_of(
        Home.from_environment().root.resolve(), days * _DAY_S, time.time()
    )
    rows = tuple(
        (each.search, len(each.runs), round(each.freed_bytes / 1e6, 2), each.kept_runs, each.reason or "-")
        for each in found
    )
    columns = ("search", "runs that may go", "MB in their files", "runs that stay", "why all stay")
    show_table(Table(f"Runs of trials that ended more than {days:g} days ago", columns, rows))
    return found


def tell_prunable(days: float) -> None:
    """Dry run: show what may go, and how it goes."""
    found = show_prunable(days)
    pictures, columns = _prunable_pictures(days, found), _prunable_columns(days)
    count, size = sum(len(each.runs) for each in found), sum(each.freed_bytes for each in found)
    tell(
        f"{count:,} runs may go, with {size / 1e6:,.2f} MB of files, and {len(pictures.files):,} pictures "
        f"that no other run shows, with {pictures.freed_bytes / 1e6:,.2f} MB, and the signal columns of "
        f"{len(columns.folders):,} pools that no search uses, with {columns.freed_bytes / 1e6:,.2f} MB; "
        "nothing was changed. Repeat the command with --yes to delete them",
        runs=count,
        bytes=size + pictures.freed_bytes + columns.freed_bytes,
        pictures=len(pictures.files),
        pools=len(columns.folders),
        deleted=0,
    )


def prune(days: float) -> None:
    """Delete the runs that may go with their events, logs and pictures, and columns that nothing uses."""
    found, records = show_prunable(days), import_module(_PRUNING)
    pictures, columns = _prunable_pictures(days, found), _prunable_columns(days)
    count = records.prune_runs(Home.from_environment().root.resolve(), found)
    gone = records.prune_pictures(pictures)
    columns.remove()
    size = sum(each.freed_bytes for each in found) + pictures.freed_bytes + columns.freed_bytes
    tell(
        f"{count:,} runs, {gone:,} pictures, the columns of {len(columns.folders):,} pools and "
        f"{size / 1e6:,.2f} MB of files are gone",
        runs=count,
        bytes=size,
        pictures=gone,
        pools=len(columns.folders),
        deleted=count,
    )


def _prunable_columns(days: float) -> UnusedColumns:
    home = Home.from_environment()
    used = {each.spec.pool_version for each in Ledger.open(home.history_url).searches()}
    return UnusedColumns.of(home, used, time.time() - days * _DAY_S)


def _prunable_pictures(days: float, found: tuple[Pruning, ...]) -> PrunablePictures:
    home, records = Home.from_environment().root.resolve(), import_module(_PRUNING)
    pictures: PrunablePictures = records.prunable_pictures(home, days * _DAY_S, time.time(), found)
    return pictures
