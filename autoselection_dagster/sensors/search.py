"""Sensor that starts the workers and reports of searches."""

from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchRecord, SearchState
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.jobs.whole_search import searches_in_one_run
from autoselection_dagster.resources import LedgerResource, with_prefixed_resources
from autoselection_dagster.trials.naming import COUNTED_TAG, WORKS_ON_TAG
from autoselection_dagster.trials.reconcile import reconcile
from autoselection_dagster.trials.workers import (
    Workers,
    is_over,
    missing_workers,
    requested_runs,
    why_none_starts,
)


def search_sensor(graphs: Mapping[str, CampaignGraph]) -> dg.SensorDefinition:
    """The sensor over all campaigns of an installation."""
    jobs = [job for graph in graphs.values() for job in (graph.work_job, graph.report_job)]

    def sensor(
        context: dg.SensorEvaluationContext, ledger: LedgerResource
    ) -> dg.SensorResult | dg.SkipReason:
        """Start workers while searches have budget and slots are free, and their reports at the end.

        A worker reserves its trials itself, and each trial's own run asks the solver what to try. A run key
        counts the workers of a search: Dagster remembers keys for good, so a repeated or lost tick changes
        nothing, and a worker too many finds nothing to reserve.
        """
        instance = context.instance
        reconcile(ledger, instance)
        wanted = [*_workers(ledger, instance, graphs), *_reports(ledger, graphs)]
        known = requested_runs(instance, [str(ask.run_key) for ask in wanted])
        new = [ask for ask in wanted if not known[str(ask.run_key)]]
        if not new:
            return dg.SkipReason(ledger.why_idle())
        return dg.SensorResult(run_requests=new, dynamic_partitions_requests=_additions(graphs, new))

    return dg.sensor(
        name="search_sensor",
        description=getdoc(sensor),
        jobs=jobs,
        minimum_interval_seconds=2,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )(with_prefixed_resources(sensor))


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
            ledger.stop(search.search, why_none_starts(instance, failed[0]))
            instance.add_run_tags(failed[0].run_id, {COUNTED_TAG: search.search})
            continue
        for key in workers.keys(missing_workers(ledger, search, workers.living)):
            yield _worker_request(graphs[search.spec.campaign], search.search, key)


def _reports(ledger: Ledger, graphs: Mapping[str, CampaignGraph]) -> list[dg.RunRequest]:
    """A run for each report that is due."""
    return [
        _report_request(graphs[search.spec.campaign], search)
        for search in _searches(ledger, graphs)
        if is_over(search) and not search.open_arms
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
