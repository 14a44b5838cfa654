"""Workers of a search: runs that make its trials one after the other, so that only the first starts cold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord, SearchState, StopCause, TrialKind, TrialState
from autoselection_core.history.transactions.arms import ON_REQUEST
from autoselection_dagster.trials.naming import (
    COUNTED_TAG,
    RUN_KEY_TAG,
    WORKER_TAG,
    WORKS_ON_TAG,
    filter_of,
    run_key_of,
)

MAX_FALSE_STARTS = 3
"""After so many workers in a row that made no trial the search is stopped, with the last one's reason."""

_LEFT = (StopCause.PERSON, StopCause.SUPERSEDED, StopCause.BROKEN)
"""Stops after which a search gets no report on its own: its evaluations cost trainings, or would fail."""

_PATIENCE_S = 30.0
"""A busy machine takes its time to load a campaign before the first trial."""

_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)

UNFINISHED = tuple(status for status in dg.DagsterRunStatus if status not in _ENDED)
"""States of a run that waits in the queue, starts or runs."""

_BEGUN = (dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


@dataclass(frozen=True)
class Workers:
    """The workers that a search ever had, oldest first.

    Attributes:
        search: Name of the search.
        runs: Their runs.
    """

    search: str
    runs: tuple[dg.DagsterRun, ...]

    @classmethod
    def of(cls, instance: dg.DagsterInstance, search: str) -> "Workers":
        """The workers of a search."""
        found = instance.get_runs(dg.RunsFilter(tags={WORKS_ON_TAG: search}))
        return cls(search, tuple(reversed(list(found))))

    @property
    def living(self) -> int:
        """Number of workers that wait in the queue, start or run."""
        return sum(not run.is_finished for run in self.runs)

    def keys(self, count: int) -> list[str]:
        """Run keys of the next workers; a repeated or lost tick asks for the same."""
        first = len(self.runs) + 1
        return [f"{self.search}|worker|{number}" for number in range(first, first + count)]

    def false_starts(self, instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
        """The latest workers that failed before they made a trial, newest first, if there are too many.

        Those that stopped the search before it was resumed are not counted again.
        """
        latest = self.runs[: -MAX_FALSE_STARTS - 1 : -1]
        if (
            any(COUNTED_TAG in run.tags for run in latest)
            or len(latest) < MAX_FALSE_STARTS
            or any(not _failed(instance, run) for run in latest)
        ):
            return ()
        return latest


def _failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    is_failed = run.status is dg.DagsterRunStatus.FAILURE
    return is_failed and not instance.get_runs(dg.RunsFilter(tags={WORKER_TAG: run.run_id}), limit=1)


def why_none_starts(instance: dg.DagsterInstance, worker: dg.DagsterRun) -> str:
    """Reason of a search whose workers fail before they make a trial, with the cause of the latest one."""
    cause = cause_of(instance, worker)
    return (
        f"its last {MAX_FALSE_STARTS} workers failed before they made a trial (run {worker.run_id[:8]}: "
        f"{cause}); mend that, then resume the search"
    )


_TELLING = {
    dg.DagsterEventType.ENGINE_EVENT,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
"""Kinds of events that hold the error of a run, or at least say that it failed."""


def cause_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """First line of the error that a run ended with: of Dagster, where its job could not be loaded."""
    found = instance.get_records_for_run(run.run_id, of_type=_TELLING).records
    events = [event for record in found if (event := record.event_log_entry.dagster_event) is not None]
    failed = [
        event.engine_event_data.error if event.is_engine_event else event.step_failure_data.error
        for event in events
        if event.is_engine_event or event.is_step_failure
    ]
    error = next((each for each in failed if each is not None), None)
    while error is not None and error.cause is not None:
        error = error.cause
    if error is not None:
        return error.message.strip().splitlines()[0]
    told = [event.message.splitlines()[0] for event in events if not event.is_engine_event and event.message]
    return told[0] if told else "its log says why"


def is_over(search: SearchRecord) -> bool:
    """Whether a search is to be reported: done or stuck, and neither broken nor stopped for a reason."""
    return search.state is not SearchState.ACTIVE and search.stop_cause not in _LEFT and search.held == 0


def missing_workers(ledger: Ledger, search: SearchRecord, living: int) -> int:
    """Workers to start: as many as slots are free, and no more than there is work for."""
    work = _startable_trials(ledger, search) + _startable_arms(ledger, search)
    busy = sum(each.reservation.search == search.search for each in ledger.open_trials())
    idle = max(0, living - busy)
    return max(0, min(search.slots - max(living, busy), work - idle))


def _startable_trials(ledger: Ledger, search: SearchRecord) -> int:
    """Trials that slots and budget would allow now, those that wait for another attempt included."""
    if search.state is not SearchState.ACTIVE:
        return 0
    states = [trial.state for trial in ledger.trials(search.search)] if search.held else []
    return states.count(TrialState.WAITING) + search.affordable


def _startable_arms(ledger: Ledger, search: SearchRecord) -> int:
    """Report evaluations that wait and are paid for; until the search ends those that a person asks for."""
    waiting = search.open_arms - search.report_held
    if search.stop_cause is StopCause.BROKEN:
        return 0
    if waiting <= 0 or is_over(search):
        return max(0, waiting)
    asked = (each for each in ledger.trials(search.search, TrialKind.REPORT) if each.arm in ON_REQUEST)
    return min(waiting, sum(each.state is TrialState.WAITING for each in asked))


def end_silent_workers(ledger: Ledger, instance: dg.DagsterInstance, now: float) -> None:
    """Report workers as failed that died with their code server: nobody else would ever say so.

    A worker that holds no trial for longer than a lease is dead: between two trials it takes a moment. One
    that holds a trial loses it with its lease.
    """
    held = {trial.reservation.run_key for trial in ledger.open_trials()}
    for worker in instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        search = worker.dagster_run.tags.get(WORKS_ON_TAG)
        if search is None:
            continue
        made = instance.get_run_records(dg.RunsFilter(tags={WORKER_TAG: worker.dagster_run.run_id}))
        open_ = [each.dagster_run for each in made if not each.dagster_run.is_finished]
        if any(run_key_of(run) in held for run in open_):
            continue
        began = worker.start_time or worker.create_timestamp.timestamp()
        ended = [payment.at for payment in ledger.payments(search)]
        last = max([began, *ended, *(each.end_time or began for each in made)])
        if now - last > max(ledger.lease_s, _PATIENCE_S):
            why = "The worker sent no heartbeat within its lease; the search goes on with another one."
            instance.report_run_failed(worker.dagster_run, why)


def end_left_behind(instance: dg.DagsterInstance) -> None:
    """Report runs of trials as failed whose worker has ended, and free the places that they hold.

    Dagster notices the death of a process that it launched, and the worker's is the only one.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=_BEGUN)):
        worker = worker_of(instance, run)
        if worker is not None and worker.is_finished:
            instance.report_run_failed(
                run, "Its worker was killed; the trial starts again if it has no score."
            )
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def worker_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRun | None:
    """The run in whose process a run is executed; None for one that has a process of its own."""
    return instance.get_run_by_id(run.tags[WORKER_TAG]) if WORKER_TAG in run.tags else None


def requested_runs(instance: dg.DagsterInstance, run_keys: Iterable[str]) -> dict[str, list[dg.DagsterRun]]:
    """The runs that were ever requested under some keys, by key; one query for all of them."""
    keys = list(run_keys)
    found: dict[str, list[dg.DagsterRun]] = {key: [] for key in keys}
    for run in instance.get_runs(filter_of(*keys)) if keys else ():
        found[run.tags[RUN_KEY_TAG]].append(run)
    return found
