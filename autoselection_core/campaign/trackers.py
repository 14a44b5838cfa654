"""Experiment trackers, off by default: each finished trial as a run of MLflow, TensorBoard or W&B.

The ledger stays the record of what was measured; a tracker gets a copy. One that does not answer costs a
warning and no trial.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from textwrap import indent
from typing import Any, Protocol
from urllib.parse import quote

import requests

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.errors.base import without_user
from autoselection_core.errors.campaign import TrackerError
from autoselection_core.errors.store import StorageFullError
from autoselection_core.history.records import SearchRecord, TrialRecord
from autoselection_core.store.atomic import atomic_folder
from autoselection_core.store.home import Home, confine

_PATIENCE_S = 20
_MAX_TEXT = 5000
_EXISTS = "RESOURCE_ALREADY_EXISTS"
_TRIAL = "autoselection.trial"
_CODE = "    "
"""What makes a line of Markdown one of code, whatever it holds."""


@dataclass(frozen=True)
class TrackedTrial:
    """A trial as trackers show it.

    Attributes:
        name: Search and number of the trial, unique in a home.
        params: What was chosen, by name.
        scores: What was measured, by name.
        links: Where subset, evaluation and page are, by name.
    """

    name: str
    params: Mapping[str, str] = field(hash=False)
    scores: Mapping[str, float] = field(hash=False)
    links: Mapping[str, str] = field(hash=False)

    @classmethod
    def of(cls, search: SearchRecord, trial: TrialRecord, links: Mapping[str, str]) -> "TrackedTrial":
        """The run of a trial that is done."""
        assert trial.recipe is not None, "a trial is done only with a recipe"
        spec = search.spec
        params = {
            "search": search.search,
            "campaign": spec.campaign,
            "recipe": trial.recipe.label,
            "steps": trial.recipe.to_yaml(),
            "arm": trial.arm or "search",
            "policy": spec.policy,
            "seed": str(spec.seed),
            "pool_version": spec.pool_version,
        }
        measured = {"utility": trial.utility, "standard_error": trial.standard_error, "cost": trial.cost}
        scores = {**measured, "subset_tokens": trial.tokens, **trial.scores}
        known = {name: float(value) for name, value in scores.items() if value is not None}
        return cls(f"{search.search}|{trial.reservation.number}", params, known, links)

    def folder(self, root: Path) -> Path:
        """Its folder in the folder of a tracker: one per search, and in it one per trial."""
        return confine(Path(*self.name.split("|")), root)


class Tracker(Protocol):
    """A program that shows runs of experiments."""

    def record(self, trial: TrackedTrial) -> None:
        """Show a trial; one that it shows already stays one run.

        Raises:
            TrackerError: The tracker did not take it.
        """


def trackers_of(campaign: Campaign, home: Home) -> tuple[Tracker, ...]:
    """The trackers that a campaign declares."""
    found: list[Tracker] = []
    if (mlflow := campaign.mlflow) is not None:
        found.append(MlflowTracker(mlflow.url, mlflow.experiment or campaign.name))
    if (board := campaign.tensorboard) is not None:
        found.append(TensorBoardTracker(board.folder or home.tracker("tensorboard")))
    if (wandb := campaign.wandb) is not None:
        found.append(WandbTracker(wandb.folder or home.tracker("wandb"), wandb.project or campaign.name))
    return tuple(found)


def tell(trackers: Sequence[Tracker], trial: TrackedTrial) -> tuple[str, ...]:
    """Show a trial in every tracker; returns what went wrong, a sentence each."""
    problems = []
    for tracker in trackers:
        try:
            tracker.record(trial)
        except TrackerError as error:
            problems.append(str(error))
    return tuple(problems)


@dataclass(frozen=True)
class MlflowTracker:
    """MLflow's server, by its REST API: no package of it is needed here.

    Attributes:
        url: Address of the tracking server.
        experiment: Name of the experiment that the runs belong to.
    """

    url: str
    experiment: str = "autoselection"

    def record(self, trial: TrackedTrial) -> None:
        """Create a finished run with params, metrics and links as tags, unless the trial has one."""
        experiment = self._experiment()
        known = {"experiment_ids": [experiment], "filter": f"tags.`{_TRIAL}` = '{trial.name}'"}
        if self._ask("POST", "runs/search", known).get("runs"):
            return
        tags = {_TRIAL: trial.name, **{f"autoselection.{name}": link for name, link in trial.links.items()}}
        asked = {"experiment_id": experiment, "run_name": trial.name, "tags": _pairs(tags)}
        run = self._ask("POST", "runs/create", asked)["run"]["info"]["run_id"]
        metrics = [
            {"key": name, "value": value, "timestamp": round(time.time() * 1000), "step": 0}
            for name, value in trial.scores.items()
        ]
        self._ask(
            "POST", "runs/log-batch", {"run_id": run, "metrics": metrics, "params": _pairs(trial.params)}
        )
        self._ask("POST", "runs/update", {"run_id": run, "status": "FINISHED"})

    def _experiment(self) -> str:
        """Id of the experiment, which is made where there is none."""
        name = {"name": self.experiment}
        made = self._ask("POST", "experiments/create", name, may_exist=_EXISTS)
        if "experiment_id" in made:
            return str(made["experiment_id"])
        named = f"experiments/get-by-name?experiment_name={quote(self.experiment)}"
        found = self._ask("GET", named)
        return str(found["experiment"]["experiment_id"])

    def _ask(self, method: str, path: str, body: object = None, may_exist: str = "") -> dict[str, Any]:
        address = f"{self.url.rstrip('/')}/api/2.0/mlflow/{path}"
        try:
            answer = requests.request(method, address, json=body, timeout=_PATIENCE_S)
            said = answer.json()
        except (requests.RequestException, ValueError) as error:
            problem = f"{without_user(self.url)} does not answer as MLflow does ({type(error).__name__})"
            raise TrackerError("mlflow", problem) from error
        if answer.ok or (may_exist and said.get("error_code") == may_exist):
            return dict(said)
        raise TrackerError("mlflow", f"{answer.status_code} {said.get('message', '')}"[:300])


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": name, "value": value[:_MAX_TEXT]} for name, value in values.items()]


@dataclass(frozen=True)
class TensorBoardTracker:
    """Event files for TensorBoard: params and scores as hyper-parameters, links as text.

    Attributes:
        folder: Folder with a folder a search, and in it a folder a trial.
    """

    folder: Path

    def record(self, trial: TrackedTrial) -> None:
        """Write the event files of a trial, unless it has some."""
        place = trial.folder(self.folder)
        if place.exists():
            return
        with _whole_folder("tensorboard", place) as writing:
            from torch.utils.tensorboard import SummaryWriter

            # Steps of a recipe are text of many lines, which the table of hyper-parameters cannot show.
            params = {name: value for name, value in trial.params.items() if "\n" not in value}
            texts = {
                **{name: trial.params[name] for name in trial.params if name not in params},
                **trial.links,
            }
            with SummaryWriter(str(writing)) as writer:
                for name, text in texts.items():
                    writer.add_text(name, indent(text, _CODE, lambda _: True))
                writer.add_hparams(params, dict(trial.scores), run_name=".")


@dataclass(frozen=True)
class WandbTracker:
    """Offline runs of Weights & Biases; nothing is uploaded before `wandb sync`.

    Attributes:
        folder: Folder with a folder a search, and in it a folder a trial.
        project: Name of the project.
    """

    folder: Path
    project: str

    def record(self, trial: TrackedTrial) -> None:
        """Write the offline run of a trial, unless it has one."""
        place = trial.folder(self.folder)
        if place.exists():
            return
        with _whole_folder("wandb", place) as writing:
            import wandb

            quiet = wandb.Settings(console="off", silent=True, x_disable_stats=True, x_disable_meta=True)
            run = wandb.init(
                project=self.project,
                id=sha256(trial.name.encode()).hexdigest()[:16],
                name=trial.name,
                dir=writing,
                mode="offline",
                config={**trial.params, **trial.links},
                settings=quiet,
            )
            run.log(dict(trial.scores))
            run.finish()
            for link in (each for each in writing.rglob("*") if each.is_symlink()):
                link.unlink()  # to its logs, by the path that they have only while this is written


@contextmanager
def _whole_folder(tracker: str, place: Path) -> Iterator[Path]:
    """A folder to write into that becomes `place` when all is written.

    Raises:
        TrackerError: The tracker's package is not installed, or the disk takes no more.
    """
    try:
        with atomic_folder(place) as writing:
            yield writing
    except ImportError as error:
        needed = f"the package {error.name} is not installed; pip install 'autoselection[trackers]'"
        raise TrackerError(tracker, needed) from error
    except (OSError, StorageFullError) as error:
        raise TrackerError(tracker, str(error)) from error
