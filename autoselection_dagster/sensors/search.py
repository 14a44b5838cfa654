"""Sensor that starts the workers and reports of searches."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import getdoc
from typing import Self

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord, SearchState, StopCause
from autoselection_core.report.rendering.table import printable
from autoselection_core.search.awaited import FailedReport, UnbegunRuns, forget_failure
from autoselection_core.search.status import SearchStatus
from autoselection_core.store.home import Home
from autoselection_dagster.assets.progress import show_progress
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.jobs.whole_search import searches_in_one_run
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources
from autoselection_dagster.sensors.source_changes import LOST, pause_after
from autoselection_dagster.trials.naming import COUNTED_TAG, PARTITION_TAG, WORKS_ON_TAG, run_key_of
from autoselection_dagster.trials.reconcile import reconcile
from autoselection_dagster.trials.workers import (
    UNFINISHED,
    Workers,
    cause_of,
    is_over,
    missing_workers,
    requested_runs,
    why_none_starts,
)


@dataclass(frozen=True)
class LostReport:
    """A report whose first run failed or was cancelled, with the runs that were asked for since.

    Attributes:
        ask: The first request.
        runs: All runs that were requested for it, latest first; at least one.
    """

    ask: dg.RunRequest
    runs: tuple[dg.RunRecord, ...]

    @classmethod
    def of(cls, instance: dg.DagsterInstance, ask: dg.RunRequest) -> Self:
        """The runs of a request that is known to have some."""
        found = instance.get_run_records(
            dg.RunsFilter(job_name=ask.job_name, tags={PARTITION_TAG: str(ask.partition_key)})
        )
        first = str(ask.run_key)
        keys = [(each, run_key_of(each.dagster_run) or "") for each in found]
        return cls(ask, tuple(each for each, key in keys if key == first or key.startswith(f"{first}|")))

    @property
    def is_lost(self) -> bool:
        """Whether every run ended without a report."""
        return _are_lost([record.dagster_run for record in self.runs])

    @property
    def again(self) -> dg.RunRequest:
        """The request for the next run, under a key of its own."""
        return self.ask.with_replaced_attrs(run_key=f"{self.ask.run_key}|{len(self.runs) + 1}")

    def is_due(self, now: float) -> bool:
        """Whether the pause after the latest run is over, in seconds since the epoch."""
        latest = self.runs[0].create_timestamp.timestamp()
        return self.is_lost and now - latest >= pause_after(len(self.runs))

    def failure(self, instance: dg.DagsterInstance) -> FailedReport:
        """The run that failed last with its error, and when the next one is asked for."""
        latest = self.runs[0]
        reason = f"run {latest.dagster_run.run_id[:8]}: {printable(cause_of(instance, latest.dagster_run))}"
        return FailedReport(reason, latest.create_timestamp.timestamp() + pause_after(len(self.runs)))


def _are_lost(runs: Sequence[dg.DagsterRun]) -> bool:
    return bool(runs) and all(run.status in LOST for run in runs)


def search_sensor(graphs: Mapping[str, CampaignGraph]) -> dg.SensorDefinition:
    """The sensor over all campaigns of an installation."""
    jobs = [job for graph in graphs.values() for job in (graph.work_job, graph.report_job)]

    def sensor(
        context: dg.SensorEvaluationContext, ledger: LedgerResource, home: HomeResource
    ) -> dg.SensorResult | dg.SkipReason:
        """Start workers while searches have budget and slots are free, and their reports at the end.

        A worker reserves its trials itself, and each trial's own run asks the solver what to try. A run key
        counts the workers of a search: Dagster remembers keys for good, so a repeated or lost tick changes
        nothing, and a worker too many finds nothing to reserve. A report whose run failed is asked for
        again, with a pause that grows; until then the search's page and `status` say why it failed.
        """
        instance, now = context.instance, time.time()
        reconcile(ledger, instance)
        reports = _reports(ledger, instance, graphs)
        wanted = [*_workers(ledger, instance, graphs), *reports]
        known = requested_runs(instance, [str(ask.run_key) for ask in wanted])
        lost = [LostReport.of(instance, ask) for ask in reports if _are_lost(known[str(ask.run_key)])]
        new = [
            *(ask for ask in wanted if not known[str(ask.run_key)]),
            *(each.again for each in lost if each.is_due(now)),
        ]
        waiting = [each for each in lost if each.is_lost and not each.is_due(now)]
        told = _tell_failures(instance, ledger, home, graphs, reports, waiting)
        UnbegunRuns(_unbegun(instance, ledger, graphs), now).note(home)
        if not new:
            return dg.SkipReason("; ".join([ledger.why_idle(), *told]))
        return dg.SensorResult(run_requests=new, dynamic_partitions_requests=_additions(graphs, new))

    return dg.sensor(
        name="search_sensor",
        description=getdoc(sensor),
        jobs=jobs,
        minimum_interval_seconds=2,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )(with_prefixed_resources(sensor))


def _tell_failures(  # noqa: PLR0917 - what a tick has at hand
    instance: dg.DagsterInstance,
    ledger: Ledger,
    home: Home,
    graphs: Mapping[str, CampaignGraph],
    reports: Sequence[dg.RunRequest],
    waiting: Sequence[LostReport],
) -> list[str]:
    """Keep the failures of reports that wait for their next run, and show each on its page once."""
    failed = {str(each.ask.partition_key): each for each in waiting}
    told = []
    for search in (str(ask.partition_key) for ask in reports):
        if search not in failed:
            forget_failure(home, search)
            continue
        failure = failed[search].failure(instance)
        told.append(f"{search}: {failure.sentence}")
        if failure.keep(home, search):
            place = graphs[ledger.search(search).spec.campaign].place
            show_progress(instance, place, SearchStatus.of(ledger, search, home))
    return told


def _unbegun(
    instance: dg.DagsterInstance, ledger: Ledger, graphs: Mapping[str, CampaignGraph]
) -> Mapping[str, str]:
    """What Dagster has in hand of each search of which nobody holds a trial, by search."""
    works = {
        job.name: words
        for graph in graphs.values()
        for job, words in ((graph.work_job, _WORKER), (graph.report_job, _REPORT))
    }
    held = {trial.reservation.search for trial in ledger.open_trials()}
    found = {}
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED))):
        search = run.tags.get(WORKS_ON_TAG) or run.tags.get(PARTITION_TAG)
        if run.job_name in works and search is not None and search not in held:
            what, at_work = works[run.job_name]
            waits = "waits in Dagster's queue" if run.status is dg.DagsterRunStatus.QUEUED else "starts"
            found[search] = at_work if run.status is dg.DagsterRunStatus.STARTED else f"{what} {waits}"
    return found


_WORKER = ("its worker", "its worker is at work")
_REPORT = ("its report", "its report is being made")
"""A run by its job, and what it does once it has started."""


def _searches(ledger: Ledger, graphs: Mapping[str, CampaignGraph]) -> list[SearchRecord]:
    """The searches of campaigns that are declared, oldest first."""
    return [search for search in ledger.searches() if search.spec.campaign in graphs]


def _workers(
    ledger: Ledger, instance: dg.DagsterInstance, graphs: Mapping[str, CampaignGraph]
) -> Iterator[dg.RunRequest]:
    """A run for each worker that a search lacks, but for searches that one run works on as a whole."""
    left = searches_in_one_run(instance)
    for search in _searches(ledger, graphs):
        is_idle = search.state is not SearchState.ACTIVE and not search.open_arms
        if is_idle or search.search in left:
            continue
        workers = Workers.of(instance, search.search)
        if failed := workers.false_starts(instance):
            ledger.stop(search.search, why_none_starts(instance, failed[0]), StopCause.BROKEN)
            instance.add_run_tags(failed[0].run_id, {COUNTED_TAG: search.search})
            continue
        for key in workers.keys(missing_workers(ledger, search, workers.living)):
            yield _worker_request(graphs[search.spec.campaign], search.search, key)


def _reports(
    ledger: Ledger, instance: dg.DagsterInstance, graphs: Mapping[str, CampaignGraph]
) -> list[dg.RunRequest]:
    """A run for each report that is due: when the last worker has ended, which plans its evaluations."""
    due = [search for search in _searches(ledger, graphs) if is_over(search) and not search.open_arms]
    unfinished = instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED))) if due else ()
    at_work = {run.tags.get(WORKS_ON_TAG) for run in unfinished}
    return [
        _report_request(graphs[search.spec.campaign], search)
        for search in due
        if search.search not in at_work
    ]


def _additions(
    graphs: Mapping[str, CampaignGraph], new: Sequence[dg.RunRequest]
) -> list[dg.AddDynamicPartitionsRequest]:
    """The partitions that the requests need, as each campaign's graph names them."""
    return [
        addition
        for graph in graphs.values()
        for addition in graph.place.partitions.partition_requests(
            str(ask.partition_key) for ask in new if ask.job_name == graph.report_job.name
        )
    ]


def _worker_request(graph: CampaignGraph, search: str, run_key: str) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key,
        job_name=graph.work_job.name,
        run_config={"ops": {graph.place.names.work_op: {"config": {"search": search}}}},
        # A lost worker is not retried by Dagster: the ledger counts what it held.
        tags={WORKS_ON_TAG: search, "dagster/max_retries": "0"},
    )


def _report_request(graph: CampaignGraph, search: SearchRecord) -> dg.RunRequest:
    """A report is due again whenever something was paid for or compared since the last one."""
    state = f"{search.spent:g}|{search.report_done}|{search.report_evaluations}"
    return dg.RunRequest(
        run_key=f"{search.search}|report|{state}",
        job_name=graph.report_job.name,
        partition_key=search.search,
    )
