"""The home of an earlier version, and what that version said of it."""

import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.environment_variables import HOME
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import TrialKind, TrialRecord
from autoselection_core.identity import fingerprint_bytes
from autoselection_core.report.facts import SearchFacts
from autoselection_core.signals.base import Computed
from autoselection_core.store.home import Home

MADE = Path(__file__).parent / "f7d6479"
"""The packed home, what was recorded of it, and the script that made both."""


@cache
def recorded() -> Mapping[str, Any]:
    """Description of the home by the commit that wrote it."""
    said: Mapping[str, Any] = json.loads((MADE / "expected.json").read_text())
    return said


CAMPAIGNS = tuple(recorded()["pools"])
SEARCHES = tuple(recorded()["searches"])

REDEFINED = frozenset(
    {
        "word_entropy",
        "ngram_entropy/2",
        "form",
        "minhash",
        "contamination/sums",
        "sae",
        "sae_pairs",
        "mona/sums",
    }
)
"""Signals, by their first names, that are defined otherwise on purpose since: words are told apart in all
scripts, and sparse features count the tokens of messages only. New searches score them; a search of then goes
on with the values that it pins.
"""


def unpack(folder: Path) -> Path:
    """Unpack the home into a folder."""
    with tarfile.open(MADE / "home.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass(frozen=True)
class EarlierHome:
    """An unpacked home with the files that its campaigns name.

    Attributes:
        folder: Where it was unpacked; the home is `home` inside.
    """

    folder: Path

    @classmethod
    def entered(cls, folder: Path, monkeypatch: pytest.MonkeyPatch) -> "EarlierHome":
        """The home, with its folder as the working folder and nothing else in the environment."""
        for name in [name for name in os.environ if name.startswith("AUTOSELECTION_")]:
            monkeypatch.delenv(name)
        monkeypatch.chdir(folder)
        monkeypatch.setenv(HOME, str(folder / "home"))
        return cls(folder)

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(self.home.history_url)

    def workspace(self, campaign: str) -> Workspace:
        return Workspace(load_campaigns(self.folder / "autoselection.yaml", self.home)[campaign], self.home)

    def facts(self, search: str) -> SearchFacts:
        return SearchFacts.of(self.workspace(recorded()["searches"][search]["campaign"]), search)

    def evaluations(self) -> dict[str, int]:
        """Time of each complete evaluation."""
        made = self.home.evaluations.glob("*/result.json")
        return {file.parent.name: file.stat().st_mtime_ns for file in made}

    def stored(self) -> dict[str, int]:
        """Size of every file that holds values of signals."""
        folders = (self.home.lance, self.home.columns)
        return {str(file): file.stat().st_size for folder in folders for file in folder.rglob("*.*")}


def values_of(workspace: Workspace) -> Iterator[list[Any]]:
    """Entries and hash of each stored value of a campaign's latest pool, in the versions of then."""
    pool = workspace.pool()
    for name, known in recorded()["signals"][workspace.campaign.name].items():
        for value in workspace.store.values(name, known["version"], pool).values():
            yield hash_of(value)


def hash_of(value: Computed) -> list[Any]:
    """Number of entries of a value, and the hash of the bytes of its arrays."""
    parts: list[object] = [value] if isinstance(value, np.ndarray) else list(vars(value).values())
    arrays = [np.ascontiguousarray(part) for part in parts if isinstance(part, np.ndarray)]
    return [len(arrays[-1]), fingerprint_bytes([array.tobytes() for array in arrays])]


def trials_of(ledger: Ledger, search: str) -> tuple[TrialRecord, ...]:
    """The trials of a search and then those of its report."""
    return (*ledger.trials(search), *ledger.trials(search, TrialKind.REPORT))
