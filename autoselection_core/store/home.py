"""Home folder of an installation, with the place of everything that is kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from autoselection_core import environment_variables
from autoselection_core.errors.store import NotAFolderError, OutsideFolderError

DEFAULT_HOME = Path(".autoselection")


def confine(path: Path, folder: Path) -> Path:
    """The absolute path of something below a folder; relative paths start there.

    Links are followed first, so that none leads out.

    Raises:
        OutsideFolderError: The path leads out of the folder.
    """
    root = folder.resolve()
    resolved = (root / path).resolve()
    if not resolved.is_relative_to(root):
        raise OutsideFolderError(path, folder)
    return resolved


_served: ContextVar[Path | None] = ContextVar("served", default=None)


@dataclass(frozen=True)
class Home:
    """Home folder of an installation. It names places only; writers make the folders they need.

    Attributes:
        root: The folder.
    """

    root: Path

    @classmethod
    def from_environment(cls) -> Self:
        """The folder that AUTOSELECTION_HOME names, or `.autoselection` in the working folder.

        Raises:
            NotAFolderError: It names object storage.
        """
        named = os.environ.get(environment_variables.HOME) or ""
        if "://" in named:
            raise NotAFolderError(environment_variables.HOME, named)
        return cls(Path(named or DEFAULT_HOME).absolute())

    @classmethod
    def current(cls) -> Self:
        """The folder that this work is for: as a task of a cluster names it, else as the environment does.

        Raises:
            NotAFolderError: The environment names object storage.
        """
        served = _served.get()
        return cls.from_environment() if served is None else cls(served)

    @contextmanager
    def served(self) -> Iterator[None]:
        """Make this the current home of what the block does, whatever the environment of a worker names."""
        before = _served.set(self.root)
        try:
            yield
        finally:
            _served.reset(before)

    @property
    def history_url(self) -> str:
        """The database of the history: AUTOSELECTION_HISTORY_URL, or an SQLite file in the home folder."""
        return os.environ.get(environment_variables.HISTORY_URL) or f"sqlite:///{self.history_file}"

    @property
    def history_file(self) -> Path:
        """The SQLite file of the history, unless the environment names another database."""
        return self.root.absolute() / "history.sqlite"

    @property
    def pools(self) -> Path:
        """A folder for each pool version."""
        return self.root / "pools"

    @property
    def columns(self) -> Path:
        """Signals as columns aligned to a pool, derived and rebuilt at will."""
        return self.root / "columns"

    @property
    def lance(self) -> Path:
        """The LanceDB tables of signal values."""
        return self.root / "lance"

    @property
    def subsets(self) -> Path:
        """A folder for each subset."""
        return self.root / "subsets"

    @property
    def evaluations(self) -> Path:
        """A folder for each evaluation."""
        return self.root / "evaluations"

    @property
    def models(self) -> Path:
        """Base models that were prepared here."""
        return self.root / "models"

    @property
    def templated(self) -> Path:
        """Base models with chat settings, as links to their folders; made again when they are gone."""
        return self.root / "templated"

    @property
    def number_types(self) -> Path:
        """A file for each machine and shape of model with the number type that models have there."""
        return self.root / "number_types"

    @property
    def objects(self) -> Path:
        """Raw files that were fetched from object storage; fetched again when they are gone."""
        return self.root / "objects"

    @property
    def shards(self) -> Path:
        """What workers of a cluster have finished of a signal of the pool as a whole that is not complete."""
        return self.root / "shards"

    def shards_of(self, pool_version: str, signal_version: str) -> Path:
        """The folder of a signal's shards for a pool."""
        return self.resolve(self.shards / f"{pool_version}.{signal_version}")

    @property
    def reports(self) -> Path:
        """Reports of searches."""
        return self.root / "reports"

    def report(self, search: str) -> Path:
        """The folder of a search's report."""
        return self.resolve(self.reports / search)

    @property
    def quarantine(self) -> Path:
        """A file for each pool version with the records that are no samples."""
        return self.root / "quarantine"

    def tracker(self, name: str) -> Path:
        """Folder of a tracker that writes files: copies of what the history holds."""
        return self.root / "trackers" / name

    def pool(self, version: str) -> Path:
        """The folder of a pool version."""
        return self.resolve(self.pools / version)

    def columns_of(self, pool_version: str, signal_version: str) -> Path:
        """The folder of a signal's columns for a pool."""
        return self.resolve(self.columns / pool_version / signal_version)

    def subset(self, fingerprint: str) -> Path:
        """Folder of a subset: a file for each lineage."""
        return self.resolve(self.subsets / fingerprint)

    def evaluation(self, key: str) -> Path:
        """The folder of an evaluation."""
        return self.resolve(self.evaluations / key)

    def quarantine_file(self, pool_version: str) -> Path:
        """File of the records that ingestion left out of a pool."""
        return self.resolve(self.quarantine / f"{pool_version}.jsonl")

    def gate_file(self, pool_version: str, gate: str) -> Path:
        """File with what a gate, given by its fingerprint, cut before a pool was left."""
        return self.resolve(self.quarantine / f"{pool_version}.{gate}.gate.json")

    def resolve(self, path: Path) -> Path:
        """The absolute path of something in the home folder.

        Raises:
            OutsideFolderError: The path leads out of the home folder.
        """
        return confine(path, self.root)
