"""Trackers of experiments that a campaign declares: settings of each, and how they are read."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from autoselection_core.campaign.declaration.allowed_paths import AllowedPaths
from autoselection_core.campaign.declaration.yaml_document import Value
from autoselection_core.errors.base import without_user
from autoselection_core.errors.recipe import SettingError


@dataclass(frozen=True)
class Mlflow:
    """Server of MLflow that gets a copy of every finished trial.

    Attributes:
        url: Its address.
        experiment: Name of the experiment; the campaign's where it is empty.

    Raises:
        SettingError: The address is none.
    """

    url: str
    experiment: str = ""

    def __post_init__(self) -> None:
        """Refuse what no request can be sent to."""
        if not self.url.startswith(("http://", "https://")):
            raise SettingError(
                "url", without_user(self.url), "an address that begins with http:// or https://"
            )


@dataclass(frozen=True)
class TensorBoard:
    """Folder of event files in which TensorBoard shows every finished trial.

    Attributes:
        folder: Folder for `tensorboard --logdir`; `trackers/tensorboard` in the home folder by default.
    """

    folder: Path | None = None


@dataclass(frozen=True)
class WeightsAndBiases:
    """Offline runs of Weights & Biases, one for every finished trial; `wandb sync` uploads them.

    Attributes:
        project: Name of the project; the campaign's where it is empty.
        folder: Folder of the runs; `trackers/wandb` in the home folder by default.
    """

    project: str = ""
    folder: Path | None = None


FileTracker = TypeVar("FileTracker", TensorBoard, WeightsAndBiases)
"""A tracker that writes files."""


def mlflow_from(value: Value) -> Mlflow:
    """Read the settings of MLflow.

    Raises:
        CampaignFileError: The address is missing, or is none.
    """
    found = value.entries(*(field.name for field in fields(Mlflow)))
    if "url" not in found:
        value.refuse("needs `url`: the address of the server")
    settings = {name: entry.text() for name, entry in found.items()}
    try:
        return Mlflow(**settings)
    except SettingError as error:
        found["url"].refuse(f"is refused: {error}", error)


def tracker_from(value: Value, kind: type[FileTracker], allowed_paths: AllowedPaths) -> FileTracker:
    """Read the settings of a tracker that writes files; `{}` means the defaults.

    Raises:
        CampaignFileError: A key is unknown, or the folder is outside of every allowed one.
    """
    found = value.entries(*(field.name for field in fields(kind)))
    text = {name: entry.text() for name, entry in found.items() if name != "folder"}
    return kind(**text, folder=allowed_paths.path(found["folder"]) if "folder" in found else None)
