"""Installation: its home folder, its file of campaigns and its Dagster instance."""

import os
import shutil
from collections.abc import MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import yaml

from autoselection_core import environment_variables
from autoselection_core.identity import fingerprint
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.strict_yaml import text_of

_REPOSITORY = Path(__file__).parents[1]
LOCATION = "autoselection"
"""Name of the code location in the UI."""


@dataclass(frozen=True)
class Installation:
    """Paths of one installation.

    Attributes:
        home: Everything that AutoSelection stores (`AUTOSELECTION_HOME`).
        campaigns: The file that declares the campaigns (`AUTOSELECTION_CAMPAIGNS`).
        declared: Content of that file when the code location was loaded; None where it is read as it is now.
    """

    home: Path
    campaigns: Path
    declared: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """The installation that the environment names, or the one of the working directory."""
        campaigns = Path(os.environ.get(environment_variables.CAMPAIGNS, "autoselection.yaml"))
        return cls(Home.from_environment().root.resolve(), campaigns.resolve())

    def with_loaded_campaigns(self, environ: MutableMapping[str, str]) -> Self:
        """The installation with the campaigns that its code location has loaded, whatever the file says now.

        The code server keeps the content in the home folder and names it in its own environment, which the
        run workers that it starts inherit. Reload starts a code server with a fresh environment.
        """
        if environment_variables.LOADED not in environ and self.campaigns.is_file():
            text = text_of(self.campaigns)
            kept = self.home / "loaded" / f"{fingerprint(text)}.yaml"
            kept.parent.mkdir(parents=True, exist_ok=True)
            with atomic_file(kept) as draft:
                draft.write_text(text)
            environ[environment_variables.LOADED] = str(kept)
        loaded = environ.get(environment_variables.LOADED)
        return self if loaded is None else replace(self, declared=text_of(Path(loaded)))

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
            environment_variables.HOME: str(self.home),
            environment_variables.CAMPAIGNS: str(self.campaigns),
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
