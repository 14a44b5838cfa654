"""Installation: its home folder, its file of campaigns and its Dagster instance."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml

from autoselection_core import environment
from autoselection_core.store.home import Home

_REPOSITORY = Path(__file__).parents[1]
LOCATION = "autoselection"
"""Name of the code location in the UI."""


@dataclass(frozen=True)
class Installation:
    """Paths of one installation.

    Attributes:
        home: Everything that AutoSelection stores (`AUTOSELECTION_HOME`).
        campaigns: The file that declares the campaigns (`AUTOSELECTION_CAMPAIGNS`).
    """

    home: Path
    campaigns: Path

    @classmethod
    def from_environment(cls) -> Self:
        """The installation that the environment names, or the one of the working directory."""
        campaigns = Path(os.environ.get(environment.CAMPAIGNS, "autoselection.yaml"))
        return cls(Home.from_environment().root.resolve(), campaigns.resolve())

    @property
    def instance(self) -> Path:
        """The folder of the Dagster instance (`DAGSTER_HOME`)."""
        return self.home / "dagster"

    @property
    def workspace(self) -> Path:
        """The file that tells daemon, webserver and commands where the code server listens."""
        return self.instance / "workspace.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of every process that works on this installation."""
        return {
            environment.HOME: str(self.home),
            environment.CAMPAIGNS: str(self.campaigns),
            "DAGSTER_HOME": str(self.instance),
            "PYTHONUNBUFFERED": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }

    def prepare(self, code_server_port: int) -> None:
        """Make the instance folder with its settings; settings that are already there stay."""
        self.instance.mkdir(parents=True, exist_ok=True)
        settings = self.instance / "dagster.yaml"
        if not settings.exists():
            shutil.copyfile(_REPOSITORY / "deploy" / "dagster.yaml", settings)
        server = {"host": "127.0.0.1", "port": code_server_port, "location_name": LOCATION}
        self.workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": server}]}))
