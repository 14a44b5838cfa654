"""Which files a campaign may name: below its file, below the home folder, or where the operator allows."""

import os
from dataclasses import dataclass
from pathlib import Path

from autoselection_core import environment
from autoselection_core.campaign.document import Value
from autoselection_core.store.home import Home

_HOME = "{home}/"


@dataclass(frozen=True)
class Places:
    """The folders that a campaign's paths may lead to.

    Attributes:
        file: The campaign file; relative paths start in its folder.
        home: What `{home}/` at the start of a path stands for.
    """

    file: Path
    home: Home

    def path(self, value: Value) -> Path:
        """The absolute path that a value names; patterns stay patterns.

        Raises:
            CampaignFileError: It leads out of every allowed folder.
        """
        text = value.text()
        if text.startswith(_HOME):
            return self._inside(value, self.home.root.absolute() / text.removeprefix(_HOME))
        return self._inside(value, self.file.absolute().parent / Path(text).expanduser())

    def model(self, value: Value) -> str:
        """The folder of a base model, or its hub name as it stands."""
        text = value.text()
        is_path = text.startswith((_HOME, ".", "/", "~")) or (self.file.absolute().parent / text).exists()
        return str(self.path(value)) if is_path else text

    def _inside(self, value: Value, path: Path) -> Path:
        allowed = [self.file.absolute().parent, self.home.root.absolute(), *_allowed_by_operator()]
        resolved = path.resolve()  # links are followed first, so that none leads out
        if not any(resolved.is_relative_to(folder.resolve()) for folder in allowed):
            folders = ", ".join(str(folder) for folder in allowed)
            value.refuse(
                f"leads to {path}, outside of {folders}; "
                f"move the files there, or let {environment.DATA} name their folder"
            )
        return resolved


def _allowed_by_operator() -> list[Path]:
    named = os.environ.get(environment.DATA, "")
    return [Path(folder) for folder in named.split(os.pathsep) if folder]
