"""Reconciliation of the ledger's trials with Dagster's runs, after any kind of loss.

A worker can die alone (its code server reports the run as failed), or together with its code server (then
the run stays STARTED for ever, and keeps its place in the concurrency pool). A request can get lost between
ledger and queue. Each case ends with the trial's next attempt, and with nothing charged.
"""

import time
from collections.abc import Iterable, Sequence

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation
from autoselection_dagster.trials.naming import WHOLE_TAG, filter_of
from autoselection_dagster.trials.workers import (
    end_left_behind,
    end_silent_workers,
    requested_runs,
    worker_of,
)

_WAITING = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
)


def reconcile(ledger: Ledger, instance: dg.DagsterInstance) -> None:
    """End runs whose trials were lost, and give back trials whose runs ended."""
    for lost in ledger.release_lost():
        _end_runs(instance, lost)
    end_silent_workers(ledger, instance, time.time())
    end_left_behind(instance)
    held = [trial.reservation for trial in ledger.open_trials()]
    runs = requested_runs(instance, [reservation.run_key for reservation in held])
    for reservation in held:
        _settle(ledger, instance, reservation, runs[reservation.run_key])


def _settle(
    ledger: Ledger, instance: dg.DagsterInstance, reservation: Reservation, runs: Sequence[dg.DagsterRun]
) -> None:
    """Keep the lease of a trial whose run waits, or give back a trial whose runs have all ended."""
    if any(run.status in _WAITING for run in runs):
        # Nobody beats for a run in the queue; without this a long queue would look like a loss.
        ledger.heartbeat(reservation)
    elif runs and all(run.is_finished for run in runs):
        _give_back(ledger, reservation, runs)
        _free_places(instance, runs)


def _give_back(ledger: Ledger, reservation: Reservation, runs: Sequence[dg.DagsterRun]) -> None:
    if any(run.status is dg.DagsterRunStatus.CANCELED for run in runs):
        ledger.release(reservation, "its run was cancelled; it begins again, and nothing is charged")
    else:
        ledger.fail(reservation, "its run ended without an event: the worker was killed", retryable=True)


def _end_runs(instance: dg.DagsterInstance, reservation: Reservation) -> None:
    runs = [
        *instance.get_runs(filter_of(reservation.run_key)),
        *instance.get_runs(dg.RunsFilter(tags={WHOLE_TAG: reservation.search})),
    ]
    workers = [worker for run in runs if (worker := worker_of(instance, run)) is not None]
    for run in (*runs, *workers):
        if not run.is_finished:
            instance.report_run_failed(
                run, "The worker sent no heartbeat within its lease; the trial starts again."
            )
    _free_places(instance, runs)


def _free_places(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> None:
    for run in runs:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
