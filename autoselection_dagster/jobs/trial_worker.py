"""The job of a worker: the trials of one search, each a run of its own, in one warm process."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import dagster as dg
from pydantic import Field

from autoselection_core.evaluation.training.settings import fine_tuning
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, SearchState, StopCause
from autoselection_core.search.report_evaluations import plan_arms
from autoselection_core.search.status import SearchStatus
from autoselection_dagster.assets.progress import show_progress
from autoselection_dagster.errors import Terminated, terminated_in_a_sentence
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources
from autoselection_dagster.trials.device_lease import devices, lease_devices
from autoselection_dagster.trials.naming import partition_of, tags_under
from autoselection_dagster.trials.workers import is_over, requested_runs

_POLL_S = 1.0

TrialJob = Callable[[], dg.JobDefinition]
"""Makes the job of a single trial, with everything that it needs to run in this process."""


class WorksOn(dg.Config):
    """The search that a worker works on."""

    search: str = Field(description="Name of the search.")


def work_job(place: Place, resources: Mapping[str, object], trial_job: TrialJob) -> dg.JobDefinition:
    """The job `<campaign>_work`, which the search sensor starts.

    Args:
        place: The campaign.
        resources: Those of the installation.
        trial_job: Makes the job of a trial.
    """

    @dg.op(name=place.names.work_op)
    @with_prefixed_resources
    def work(
        context: dg.OpExecutionContext, config: WorksOn, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Make one trial after the other until nothing is left to start, or one of them failed.

        Each is a run with assets, checks and lineage of its own. After the last trial the worker plans the
        report's evaluations and makes them, too: it has the model in memory. After a failure or an
        interruption a fresh process goes on, so that nothing that broke here breaks the next trial. Each
        worker has devices of its own, where the machine has several.
        """
        count = fine_tuning(place.campaign.training).devices

        def show() -> None:
            show_progress(context.instance, place, SearchStatus.of(ledger, config.search, home))

        def plan() -> None:
            solver = place.workspace(home).solver(ledger.search(config.search).spec)
            ledger.plan_report(config.search, plan_arms(ledger, config.search, solver))

        leased = lease_devices(home.root / "devices", devices(os.environ), count, os.environ)
        with terminated_in_a_sentence(), leased:
            _work(context, place, reservations(ledger, config.search, plan), trial_job(), show)

    @dg.job(name=place.names.work_job, executor_def=dg.in_process_executor, resource_defs=dict(resources))
    def worker() -> None:
        """Make the trials of a search; the search sensor starts it."""
        work()

    return worker


def _work(
    context: dg.OpExecutionContext,
    place: Place,
    reserved: Iterable[Reservation],
    job: dg.JobDefinition,
    show: Callable[[], None],
) -> None:
    for reservation in reserved:
        context.log.info("%s: attempt %d", reservation.partition, reservation.attempt)
        show()
        made = _execute(context, place, job, reservation)
        show()
        if not made.is_success:
            context.log.warning("run %s ended as %s", made.run_id, made.status.value)
            _pass_on_interruption(context)
            return


def reservations(ledger: Ledger, search: str, plan: Callable[[], None]) -> Iterator[Reservation]:
    """The next trial or report evaluation of a search, reserved when it is asked for, while there is one.

    Args:
        ledger: The history.
        search: Name of the search.
        plan: Enters the evaluations of its report; called once, after its last trial.
    """
    is_planned = False
    while True:
        found = _reserve(ledger, search)
        if found is None and not is_planned and _awaits_plan(ledger, search):
            plan()
            is_planned = True
            found = _reserve(ledger, search)
        if found is None:
            return
        # The short lease of a worker and not the long one of a queue: who dies now is missed soon.
        ledger.heartbeat(found)
        yield found


def _awaits_plan(ledger: Ledger, search: str) -> bool:
    """Whether the trials of a search are over, and its report can pay for evaluations that nobody entered."""
    record = ledger.search(search)
    has_budget = record.report_spent < record.report_evaluations and not record.open_arms
    return is_over(record) and has_budget and bool(ledger.history(search).observations)


def _reserve(ledger: Ledger, search: str) -> Reservation | None:
    record = ledger.search(search)
    if record.state is SearchState.ACTIVE and (taken := ledger.reserve_free_slots(search, max_trials=1)):
        return taken[0]
    if record.report_held >= record.slots or record.stop_cause is StopCause.BROKEN:
        return None
    return ledger.reserve_report(search, only_requested=not is_over(record))


def _execute(
    context: dg.OpExecutionContext, place: Place, job: dg.JobDefinition, reservation: Reservation
) -> dg.DagsterRun:
    """Execute the run of a trial in this process."""
    partition = partition_of(reservation)
    for addition in place.partitions.partition_requests([str(partition)]):
        context.instance.add_dynamic_partitions(addition.partitions_def_name, list(addition.partition_keys))
    with _interruptible(context.instance, reservation.run_key):
        job.execute_in_process(
            instance=context.instance,
            partition_key=str(partition),
            tags=tags_under(context.run, reservation),
            raise_on_error=False,
        )
    return requested_runs(context.instance, [reservation.run_key])[reservation.run_key][0]


@contextmanager
def _interruptible(instance: dg.DagsterInstance, run_key: str) -> Iterator[None]:
    """Interrupt this process when somebody terminates the run that it executes.

    Dagster sends the signal to the process of a run that it launched, and it did not launch this one.
    """
    over = threading.Event()

    def listen() -> None:
        while not over.wait(_POLL_S):
            if any(run.status in _TERMINATED for run in requested_runs(instance, [run_key])[run_key]):
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


_TERMINATED = (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)


def _pass_on_interruption(context: dg.OpExecutionContext) -> None:
    """End this run as terminated if that is why the trial's run ended."""
    own = context.instance.get_run_by_id(context.run_id)
    if own is not None and own.status is dg.DagsterRunStatus.CANCELING:
        raise Terminated
