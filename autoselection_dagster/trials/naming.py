"""Names of a trial in the ledger and in Dagster: reservation, partition, run key, tags."""

from collections.abc import Mapping

import dagster as dg

from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import REPORT_PREFIX, Reservation, TrialKind

ATTEMPT_TAG = "autoselection/attempt"
"""Tag of the attempt that a run was requested for; a run that a person started has none."""

WHOLE_TAG = "autoselection/whole_search"
"""The search that a run works on from beginning to end; while it lives, the sensor leaves it to the run."""

WORKS_ON_TAG = "autoselection/works_on"
"""The search whose trials a run works on, one after the other."""

WORKER_TAG = "autoselection/worker"
"""The run in whose process the run of a trial is executed."""

COUNTED_TAG = "autoselection/stopped_its_search"
"""Tag of the last of the workers whose false starts stopped a search; one that is resumed counts anew."""

RUN_KEY_TAG = "dagster/run_key"
"""Tag that Dagster gives a run that was requested under a key."""

PARTITION_TAG = "dagster/partition"
"""Tag that Dagster gives a run of one partition of one dimension."""

_OF_THE_WORKER = (".dagster/repository", ".dagster/grpc_info", "dagster/sensor_name")
"""Tags that a trial's run has from its worker: code location, server for termination, sensor."""

SEARCH_TAG, TRIAL_TAG = "dagster/partition/search", "dagster/partition/trial"
"""Tags that Dagster gives a run of a trial: both parts of its partition."""


def partition_of(reservation: Reservation) -> dg.MultiPartitionKey:
    """The partition that shows a trial."""
    return dg.MultiPartitionKey({"search": reservation.search, "trial": reservation.number})


def tags_of(reservation: Reservation) -> dict[str, str]:
    """Tags of the run that makes an attempt. A lost run is not retried by Dagster: the ledger counts."""
    return {ATTEMPT_TAG: str(reservation.attempt), "dagster/max_retries": "0"}


def tags_under(worker: dg.DagsterRun, reservation: Reservation) -> dict[str, str]:
    """Tags of the run of a trial that a worker executes."""
    inherited = {name: worker.tags[name] for name in _OF_THE_WORKER if name in worker.tags}
    own = {WORKER_TAG: worker.run_id, RUN_KEY_TAG: reservation.run_key}
    return {**inherited, **tags_of(reservation), **own}


def run_key_of(run: dg.DagsterRun) -> str | None:
    """The key under which a run was requested."""
    return run.tags.get(RUN_KEY_TAG)


def filter_of(*run_keys: str) -> dg.RunsFilter:
    """Filter for the runs that were requested under some keys."""
    return dg.RunsFilter(tags={RUN_KEY_TAG: list(run_keys)})


def attempt_of(tags: Mapping[str, str], ledger: Ledger) -> Reservation:
    """The attempt that a run makes; without the tag of the sensor, the trial's present one.

    Raises:
        UnknownTrialError: The ledger has no such trial.
    """
    search, number = tags[SEARCH_TAG], tags[TRIAL_TAG]
    kind = TrialKind.REPORT if number.startswith(REPORT_PREFIX) else TrialKind.SEARCH
    trial = int(number.removeprefix(REPORT_PREFIX))
    if ATTEMPT_TAG in tags:
        return Reservation(search, trial, int(tags[ATTEMPT_TAG]), kind)
    records = ledger.trials(search, kind)
    found = [record for record in records if record.trial == trial]
    if not found:
        raise UnknownTrialError(search, trial, len(records))
    return found[0].reservation
