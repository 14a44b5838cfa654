"""`autoselection study`: searches and baselines under one budget, and one report."""

from pathlib import Path
from typing import Annotated

import typer

from autoselection_core import environment_variables
from autoselection_core.cli.output import tell
from autoselection_core.store.home import Home

study = typer.Typer(
    name="study",
    help="Compare searches and baselines under one budget.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

StudyFile = Annotated[Path, typer.Argument(help="The file that declares the study.")]
HomeFolder = Annotated[
    Path | None, typer.Option("--home", envvar=environment_variables.HOME, help="Where everything is kept.")
]


@study.command()
def estimate(file: StudyFile, home: HomeFolder = None) -> None:
    """Say how many trainings a study has left and how long they will take; trains nothing.

    Makes the pool and its signals, because they identify what the home folder has finished already.
    """
    from autoselection_core.cli.progress import show_progress
    from autoselection_core.study.loading import load_study
    from autoselection_core.study.running.cost_estimate import estimated_cost_with_signals
    from autoselection_core.study.study_run import StudyRun

    place = _home(home)
    declared = load_study(file, place)
    with show_progress() as progress:
        found = estimated_cost_with_signals(StudyRun(declared, place, progress))
    tell(found.sentence)


@study.command()
def run(file: StudyFile, home: HomeFolder = None) -> None:
    """Run a study or go on with it, and write its report; what is finished is never paid for again."""
    from autoselection_core.cli.progress import show_progress
    from autoselection_core.study.loading import load_study
    from autoselection_core.study.report.sections import write_study
    from autoselection_core.study.running.cost_estimate import estimated_cost, estimated_cost_with_signals
    from autoselection_core.study.running.runner import is_finished, run_study
    from autoselection_core.study.study_run import StudyRun

    place = _home(home)
    declared = load_study(file, place)
    with show_progress() as progress:
        study_run = StudyRun(declared, place, progress)
        expected = estimated_cost(study_run)
        tell(expected.sentence)
        if not is_finished(study_run) and (left := estimated_cost_with_signals(study_run)) != expected:
            tell(left.sentence)
        run_study(study_run)
    written = write_study(declared, place)
    for sentence in written.sentences:
        tell(sentence)
    tell(f"report: {written.html}")


@study.command()
def report(file: StudyFile, home: HomeFolder = None) -> None:
    """Write the report of what a study has measured so far; trains nothing."""
    from autoselection_core.study.loading import load_study
    from autoselection_core.study.report.sections import write_study

    place = _home(home)
    written = write_study(load_study(file, place), place)
    for sentence in written.sentences:
        tell(sentence)
    tell(f"report: {written.html}")


def _home(folder: Path | None) -> Home:
    return Home(folder.absolute()) if folder is not None else Home.from_environment()
