"""The sensor that keeps searches going."""

from collections.abc import Iterable, Mapping

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Kind, Reservation, SearchRecord, SearchState, TrialState
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.resources import LedgerResource
from autoselection_dagster.searches.adjust import STOPPED_BY_A_PERSON
from autoselection_dagster.searches.naming import (
    has_run,
    number_of,
    partition_of,
    run_key_of,
    tags_of,
)
from autoselection_dagster.searches.reconcile import open_trials, reconcile


def search_sensor(graphs: Mapping[str, CampaignGraph]) -> dg.SensorDefinition:
    """The sensor over all campaigns of an installation."""
    jobs = [job for graph in graphs.values() for job in (graph.trial_job, graph.report_job)]

    @dg.sensor(
        name="search_sensor",
        jobs=jobs,
        minimum_interval_seconds=2,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(
        context: dg.SensorEvaluationContext, ledger: LedgerResource
    ) -> dg.SensorResult | dg.SkipReason:
        """Start trials while searches have budget and slots are free, and their reports at the end.

        A tick only reserves numbers; the trial's own run asks the solver what to try. A run key holds search,
        trial and attempt: Dagster remembers keys for good, so every tick asks for all that is reserved, and
        a repeated or lost tick changes nothing.
        """
        reconcile(ledger, context.instance)
        wanted = [ask for graph in graphs.values() for ask in _asks(graph, ledger)]
        new = [ask for ask in wanted if not has_run(context.instance, str(ask.run_key))]
        if not new:
            return dg.SkipReason(ledger.why_idle())
        additions = [addition for graph in graphs.values() for addition in _additions(graph, ledger)]
        return dg.SensorResult(run_requests=new, dynamic_partitions_requests=additions)

    return sensor


def _asks(graph: CampaignGraph, ledger: Ledger) -> list[dg.RunRequest]:
    """A run for each reserved trial of a campaign, and for each report that is due."""
    for search in searches_of(graph, ledger):
        ledger.reserve_free_slots(search.search)
        _reserve_report(ledger, search)
    searches = searches_of(graph, ledger)
    reserved = [trial for search in searches for trial in _reserved(ledger, search)]
    due = [search for search in searches if _is_over(search) and not _open_arms(ledger, search)]
    return [
        *(_trial_request(graph, reservation) for reservation in reserved),
        *(_report_request(graph, ledger, search) for search in due),
    ]


def searches_of(graph: CampaignGraph, ledger: Ledger) -> list[SearchRecord]:
    """The searches of a campaign, oldest first."""
    return [search for search in ledger.searches() if search.spec.campaign == graph.name]


def _additions(graph: CampaignGraph, ledger: Ledger) -> Iterable[dg.AddDynamicPartitionsRequest]:
    searches = searches_of(graph, ledger)
    numbers = [number_of(trial) for search in searches for trial in _reserved(ledger, search)]
    return graph.place.partitions.adding([search.search for search in searches], numbers)


def _reserved(ledger: Ledger, search: SearchRecord) -> list[Reservation]:
    records = open_trials(ledger, search)
    return [record.reservation for record in records if record.state is TrialState.RESERVED]


def _reserve_report(ledger: Ledger, search: SearchRecord) -> None:
    """Hold arms of a report, as many at a time as the search may use slots."""
    if not _is_over(search):
        return
    for _ in range(search.slots - len(open_trials(ledger, search))):
        ledger.reserve_report(search.search)


def _is_over(search: SearchRecord) -> bool:
    is_left = search.state is SearchState.STOPPED and search.reason == STOPPED_BY_A_PERSON
    return search.state is not SearchState.ACTIVE and not is_left and search.held == 0


def _open_arms(ledger: Ledger, search: SearchRecord) -> int:
    """Evaluations of a report that run, or that its budget still covers."""
    arms = ledger.trials(search.search, Kind.REPORT)
    running = sum(arm.state in (TrialState.RESERVED, TrialState.RUNNING) for arm in arms)
    affordable = max(0, int(search.report_evaluations - search.report_spent - running))
    return running + min(affordable, sum(arm.state is TrialState.WAITING for arm in arms))


def _trial_request(graph: CampaignGraph, reservation: Reservation) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=run_key_of(reservation),
        job_name=graph.trial_job.name,
        partition_key=partition_of(reservation),
        tags=tags_of(reservation),
    )


def _report_request(graph: CampaignGraph, ledger: Ledger, search: SearchRecord) -> dg.RunRequest:
    """A report is due again whenever something was paid for or compared since the last one."""
    arms = ledger.trials(search.search, Kind.REPORT)
    compared = sum(arm.state is TrialState.DONE for arm in arms)
    return dg.RunRequest(
        run_key=f"{search.search}|report|{search.spent:g}|{compared}|{search.report_evaluations}",
        job_name=graph.report_job.name,
        partition_key=search.search,
    )
