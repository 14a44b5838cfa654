"""Retention of Dagster's records: runs of trials that nobody needs any more, and pictures of pages besides.

The ledger is kept whole. Of Dagster's runs only those of trials go, and only where

- the search is done: one that runs, or that was stopped and can be resumed, keeps all;
- it was compared: the trials of the subsets that a report names stay, with the trials that these were edited
  from, and so do all evaluations of reports;
- the worker that made them ended well: a failed worker without trials would count as a false start.

Runs of workers and reports stay, because their keys say what was asked for before. Of the pictures that pages
show, those go that no event of a run that stays shows.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord, SearchState, TrialKind, TrialState
from autoselection_core.report.lineage.ancestry import ancestors
from autoselection_core.report.serving import PICTURES, picture_path
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from autoselection_dagster.trials.naming import ATTEMPT_TAG, SEARCH_TAG, TRIAL_TAG, WORKER_TAG
from autoselection_dagster.trials.workers import worker_of

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

_PICTURE = re.compile(rf"{re.escape(picture_path(''))}(\w+\.\w+)")

_NO_RUN = ""
"""Id under which Dagster keeps events that no run reported."""


@dataclass(frozen=True)
class SearchPruning:
    """Runs of one search that may go.

    Attributes:
        search: Name of the search.
        runs: Their ids.
        kept_runs: Number of runs of its trials that stay.
        reason: Why all stay; empty where some may go.
        freed_bytes: Size of what they hold in files of their own.
    """

    search: str
    runs: tuple[str, ...]
    kept_runs: int
    reason: str
    freed_bytes: int


@dataclass(frozen=True)
class PicturePruning:
    """Pictures of Dagster's pages that may go.

    Attributes:
        files: Their files.
        kept_files: Number of pictures that stay.
        freed_bytes: Size of the files that may go.
    """

    files: tuple[Path, ...]
    kept_files: int
    freed_bytes: int


def prunings_of(home: Path, older_than_s: float, now: float) -> tuple[SearchPruning, ...]:
    """Runs that may go, by search; nothing is changed.

    Args:
        home: Home folder of the installation.
        older_than_s: Age from which on a run may go, in seconds since it ended.
        now: The present time, in seconds since 1970.
    """
    installation = Installation(home, home)
    if not installation.instance.is_dir():
        return ()
    before, ledger = now - older_than_s, Ledger.open(Home(home).history_url)
    with dg.DagsterInstance.from_config(str(installation.instance)) as instance:
        return tuple(_pruning(search, ledger, instance, before) for search in ledger.searches())


def prune_runs(home: Path, prunings: tuple[SearchPruning, ...]) -> int:
    """Delete these runs with their events and logs; returns how many. A killed one is simply called again."""
    installation = Installation(home, home)
    runs = [run for pruning in prunings for run in pruning.runs]
    if not runs:
        return 0
    with dg.DagsterInstance.from_config(str(installation.instance)) as instance:
        for run in runs:
            instance.delete_run(run)
            for file in _files(installation.instance, run):
                rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    return len(runs)


def prunable_pictures(
    home: Path, older_than_s: float, now: float, prunings: tuple[SearchPruning, ...]
) -> PicturePruning:
    """Pictures that were not used for so long, and that only events of runs that may go show.

    Args:
        home: Home folder of the installation.
        older_than_s: Age from which on a picture may go, in seconds since an event showed it first or again.
        now: The present time, in seconds since 1970.
        prunings: The runs that may go.
    """
    files = [file for file in (Home(home).reports / PICTURES).glob("*") if not file.name.startswith(".")]
    old = {file.name: file for file in files if file.stat().st_mtime < now - older_than_s}
    if not old:
        return PicturePruning((), len(files), 0)
    shown = _shown_pictures(Installation(home, home), {run for each in prunings for run in each.runs})
    free = tuple(file for name, file in sorted(old.items()) if name not in shown)
    return PicturePruning(free, len(files) - len(free), sum(file.stat().st_size for file in free))


def prune_pictures(pruning: PicturePruning) -> int:
    """Delete these pictures; returns how many."""
    for file in pruning.files:
        file.unlink(missing_ok=True)
    return len(pruning.files)


def _shown_pictures(installation: Installation, pruned: Collection[str]) -> set[str]:
    """Names of the pictures that events of other runs show."""
    if not installation.instance.is_dir():
        return set()
    with dg.DagsterInstance.from_config(str(installation.instance)) as instance:
        runs = [each.run_id for each in instance.get_runs() if each.run_id not in pruned]
        runs.append(_NO_RUN)
        return {name for run in runs for name in _PICTURE.findall(_events_text(instance, run))}


def _events_text(instance: dg.DagsterInstance, run: str) -> str:
    return "".join(
        dg.serialize_value(entry.dagster_event) for entry in instance.all_logs(run) if entry.dagster_event
    )


def _pruning(
    search: SearchRecord, ledger: Ledger, instance: dg.DagsterInstance, before: float
) -> SearchPruning:
    records = instance.get_run_records(dg.RunsFilter(tags={SEARCH_TAG: search.search}))
    reason, needed = _needed(search, ledger)
    if reason:
        return SearchPruning(search.search, (), len(records), reason, 0)
    free = [
        record.dagster_run.run_id
        for record in records
        if record.dagster_run.status in _ENDED
        and record.end_time is not None
        and record.end_time < before
        and ATTEMPT_TAG in record.dagster_run.tags
        and record.dagster_run.tags[TRIAL_TAG] not in needed
        and not _is_of_a_failed_worker(instance, record.dagster_run)
    ]
    folder = Path(instance.root_directory)
    held = sum(_size(file) for run in free for file in _files(folder, run))
    return SearchPruning(search.search, tuple(free), len(records) - len(free), "", held)


def _needed(search: SearchRecord, ledger: Ledger) -> tuple[str, frozenset[str]]:
    """Why a search keeps all runs, or the numbers of the trials that it keeps."""
    if search.state is not SearchState.DONE or search.held or search.open_arms:
        return "it runs, or can be resumed", frozenset()
    arms = ledger.trials(search.search, TrialKind.REPORT)
    selected = {arm.subset for arm in arms if arm.state is TrialState.DONE}
    if not selected:
        return "nothing was compared yet, so every trial may be selected", frozenset()
    trials = ledger.trials(search.search)
    chains = [ancestors(trial, trials) for trial in trials if trial.subset in selected]
    kept = {each.reservation.number for chain in chains for each in chain}
    return "", frozenset(kept | {arm.reservation.number for arm in arms})


def _is_of_a_failed_worker(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    worker = worker_of(instance, run) if WORKER_TAG in run.tags else None
    return worker is not None and worker.status is dg.DagsterRunStatus.FAILURE


def _files(instance: Path, run: str) -> Iterator[Path]:
    """Files and folders of one run: its events where SQLite stores them, its logs and its values."""
    yield from (instance / "history" / "runs").glob(f"{run}.db*")
    folder = instance / "storage" / run
    if folder.is_dir():
        yield folder


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
