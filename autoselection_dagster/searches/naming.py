"""Names of trials on both sides: reservations of the ledger, partitions and run keys of Dagster."""

from collections.abc import Mapping

import dagster as dg

from autoselection_core.errors.history import UnknownTrialError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Kind, Reservation

ATTEMPT_TAG = "autoselection/attempt"
"""Which attempt a run was requested for; a run that a person started has none."""

_RUN_KEY_TAG = "dagster/run_key"
_SEARCH_TAG = "dagster/partition/search"
_TRIAL_TAG = "dagster/partition/trial"
_REPORT = "report-"


def number_of(reservation: Reservation) -> str:
    """The trial's key in its dimension: `007`, or `report-02` for an evaluation of a report."""
    is_report = reservation.kind is Kind.REPORT
    return f"{_REPORT}{reservation.trial:02d}" if is_report else f"{reservation.trial:03d}"


def partition_of(reservation: Reservation) -> dg.MultiPartitionKey:
    """The partition that shows a trial."""
    return dg.MultiPartitionKey({"search": reservation.search, "trial": number_of(reservation)})


def run_key_of(reservation: Reservation) -> str:
    """Dagster remembers run keys for good, so an attempt is started once however often it is asked for."""
    return f"{reservation.search}|{number_of(reservation)}|{reservation.attempt}"


def tags_of(reservation: Reservation) -> dict[str, str]:
    """Tags of the run that makes an attempt. A lost run is not retried by Dagster: the ledger counts."""
    return {ATTEMPT_TAG: str(reservation.attempt), "dagster/max_retries": "0"}


def filter_of(reservation: Reservation) -> dg.RunsFilter:
    """Finds the run of an attempt."""
    return dg.RunsFilter(tags={_RUN_KEY_TAG: run_key_of(reservation)})


def attempt_of(tags: Mapping[str, str], ledger: Ledger) -> Reservation:
    """The attempt that a run makes; without the tag of the sensor, the trial's present one.

    Raises:
        UnknownTrialError: The ledger has no such trial.
    """
    search, number = tags[_SEARCH_TAG], tags[_TRIAL_TAG]
    kind = Kind.REPORT if number.startswith(_REPORT) else Kind.SEARCH
    trial = int(number.removeprefix(_REPORT))
    if ATTEMPT_TAG in tags:
        return Reservation(search, trial, int(tags[ATTEMPT_TAG]), kind)
    records = ledger.trials(search, kind)
    found = [record for record in records if record.trial == trial]
    if not found:
        raise UnknownTrialError(search, trial, len(records))
    return found[0].reservation


def has_run(instance: dg.DagsterInstance, run_key: str) -> bool:
    """Whether a run was ever requested under a key."""
    return instance.get_runs_count(dg.RunsFilter(tags={_RUN_KEY_TAG: run_key})) > 0
