"""Codec of a campaign: to JSON for another process, and back."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from autoselection_core.campaign.declaration.campaign import (
    Campaign,
    ClosedForm,
    DeclaredBenchmark,
    Fidelity,
    OnPoolChange,
    OnSuperseded,
    PoolChangeTrigger,
    Stewardship,
)
from autoselection_core.campaign.declaration.trackers import (
    FileTracker,
    Mlflow,
    TensorBoard,
    WeightsAndBiases,
)
from autoselection_core.evaluation.judge.evaluator import JudgeSettings
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.pool.sources import Source
from autoselection_core.solver.advice.settings import AdviserSettings


def campaign_to_json(campaign: Campaign) -> dict[str, Any]:
    """The campaign in JSON values; its paths are as resolved here."""
    # A worker reads pools and not what they were made of, so it needs neither where that is fetched
    # from nor how its records are read.
    stored = asdict(replace(campaign, sources=()))
    stored["sources"] = [
        {"path": source.path, "name": source.name, "licence": source.licence} for source in campaign.sources
    ]
    stored["benchmarks"] = [{**each, "path": str(each["path"])} for each in stored["benchmarks"]]
    for tracker in ("tensorboard", "wandb"):
        if stored[tracker] is not None and stored[tracker]["folder"] is not None:
            stored[tracker]["folder"] = str(stored[tracker]["folder"])
    return stored


def campaign_from_json(stored: Mapping[str, Any]) -> Campaign:
    """Read back what `campaign_to_json` wrote."""
    judge, mlflow = stored["judge"], stored["mlflow"]
    formula, on_pool_change, adviser = stored["closed_form"], stored["on_pool_change"], stored["adviser"]
    return Campaign(
        **{
            **stored,
            "sources": tuple(Source(**source) for source in stored["sources"]),
            "benchmarks": tuple(
                DeclaredBenchmark(**{**each, "path": Path(each["path"])}) for each in stored["benchmarks"]
            ),
            "operators": tuple(stored["operators"]),
            "search": SearchSettings(**stored["search"]),
            "stated_settings": tuple(stored["stated_settings"]),
            "closed_form": None if formula is None else ClosedForm(**formula),
            "judge": None
            if judge is None
            else JudgeSettings(**{**judge, "command": tuple(judge["command"])}),
            "adviser": None if adviser is None else AdviserSettings.from_json(adviser),
            "fidelities": {name: Fidelity(**each) for name, each in stored["fidelities"].items()},
            "stewardship": Stewardship(
                **{**stored["stewardship"], "owners": tuple(stored["stewardship"]["owners"])}
            ),
            "mlflow": None if mlflow is None else Mlflow(**mlflow),
            "tensorboard": _with_folder(TensorBoard, stored["tensorboard"]),
            "wandb": _with_folder(WeightsAndBiases, stored["wandb"]),
            "on_pool_change": OnPoolChange(
                **{
                    **on_pool_change,
                    "when": PoolChangeTrigger(on_pool_change["when"]),
                    "running": OnSuperseded(on_pool_change["running"]),
                }
            ),
        }
    )


def _with_folder(kind: type[FileTracker], stored: Mapping[str, Any] | None) -> FileTracker | None:
    if stored is None:
        return None
    folder = stored["folder"]
    return kind(**{**stored, "folder": None if folder is None else Path(folder)})
