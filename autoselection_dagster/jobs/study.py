"""The job that carries out a study: searches and baselines under one budget, and one report."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, create_model

from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.searches import NAME
from autoselection_dagster.assets.progress import Logged
from autoselection_dagster.place import GPU_POOL
from autoselection_dagster.resources import HomeResource, with_prefixed_resources


class StudyName(dg.Config):
    """Config of `run_study`: the study to carry out."""

    study: str


def _known(folder: Path) -> list[str]:
    return sorted(file.parent.name for file in folder.glob("*/study.yaml"))


def _config(folder: Path) -> type[StudyName]:
    """Config with the names of the studies; it is filled where there is one only, for a study costs much."""
    known = _known(folder)
    said = "Name of a folder with a study.yaml, below `studies` beside the campaigns' file"
    listed = f"{said}: {', '.join(known)}." if known else f"{said}; there is none yet."
    usual: Any = known[0] if len(known) == 1 else ...
    named = (str, Field(default=usual, description=listed))
    return create_model("StudyName", __base__=StudyName, __module__=__name__, study=named)


def _name(asked: StudyName, folder: Path) -> str:
    """Name of the study.

    Raises:
        SettingError: It is no name of a folder, or of none that holds a study.
    """
    if not NAME.fullmatch(asked.study):
        raise SettingError("study", asked.study, "the name of a folder below `studies`, and no path")
    if not (folder / asked.study / "study.yaml").is_file():
        known = ", ".join(_known(folder)) or f"one that holds a study.yaml below {folder}; there is none yet"
        raise SettingError("study", asked.study, known)
    return asked.study


def study_job(folder: Path, campaigns: Container[str]) -> dg.JobDefinition:
    """The job `run_study`.

    Args:
        folder: Holds one folder a study.
        campaigns: Names that the search sensor works on, and that a study may therefore not have.
    """
    asked = _config(folder)

    @dg.op(name="study", pool=GPU_POOL)
    @with_prefixed_resources
    def carry_out(context: dg.OpExecutionContext, config: asked, home: HomeResource) -> None:  # type: ignore[valid-type] # made from the folder
        """Run the study or go on with it; what is finished is never paid for again."""
        from autoselection_core.study.loading import load_study
        from autoselection_core.study.report.sections import write_study
        from autoselection_core.study.running.runner import run_study
        from autoselection_core.study.study_run import StudyRun

        study = load_study(folder / _name(config, folder) / "study.yaml", home)
        if study.campaign.name in campaigns:
            raise SettingError("study", study.campaign.name, "called like no campaign of the installation")
        run_study(StudyRun(study, home, Logged(context.log, "study")))
        written = write_study(study, home)
        context.add_output_metadata(
            {
                "report": dg.MetadataValue.path(written.html),
                "found": "\n".join(written.sentences),
            }
        )

    @dg.job(name="run_study", executor_def=dg.in_process_executor)
    def carried_out() -> None:
        """Carry out a study, or go on with one, under its own budget; the report is written at the end."""
        carry_out()

    return carried_out
