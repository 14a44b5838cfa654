"""The sensor that keeps searches going."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import dagster as dg

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, SearchRecord, SearchState, TrialState
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.jobs.adjust import STOPPED_BY_A_PERSON
from autoselection_dagster.jobs.whole_search import searches_in_one_run
from autoselection_dagster.resources import LedgerResource
from autoselection_dagster.trials.naming import partition_of, requested, tags_of
from autoselection_dagster.trials.reconcile import reconcile


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
        left = searches_in_one_run(context.instance)
        _reserve(ledger, graphs, left)
        wanted = [*_trials(ledger, graphs, left), *_reports(ledger, graphs)]
        known = requested(context.instance, [str(ask.run_key) for ask in wanted])
        new = [ask for ask in wanted if not known[str(ask.run_key)]]
        if not new:
            return dg.SkipReason(ledger.why_idle())
        return dg.SensorResult(run_requests=new, dynamic_partitions_requests=_additions(graphs, new))

    return sensor


def _reserve(ledger: Ledger, graphs: Mapping[str, CampaignGraph], left: AbstractSet[str]) -> None:
    """Hold what slots and budgets allow: trials, and what is compared with them or asked for beside them."""
    for search in _searches(ledger, graphs):
        if search.state is SearchState.ACTIVE and search.search not in left:
            ledger.reserve_free_slots(search.search)
        # Each is a transaction that writes, and a finished search keeps the arms that nobody will pay for.
        for _ in range(min(search.slots, search.open_arms) - search.report_held):
            ledger.reserve_report(search.search, only_requested=not is_over(search))


def _searches(ledger: Ledger, graphs: Mapping[str, CampaignGraph]) -> list[SearchRecord]:
    """The searches of campaigns that are declared, oldest first."""
    return [search for search in ledger.searches() if search.spec.campaign in graphs]


def _trials(
    ledger: Ledger, graphs: Mapping[str, CampaignGraph], left: AbstractSet[str]
) -> list[dg.RunRequest]:
    """A run for each reserved trial, but for those of searches that one run works on."""
    campaigns = {
        search.search: search.spec.campaign
        for search in _searches(ledger, graphs)
        if search.search not in left
    }
    return [
        _trial_request(graphs[campaigns[trial.reservation.search]], trial.reservation)
        for trial in ledger.open_trials()
        if trial.state is TrialState.RESERVED and trial.reservation.search in campaigns
    ]


def _reports(ledger: Ledger, graphs: Mapping[str, CampaignGraph]) -> list[dg.RunRequest]:
    """A run for each report that is due."""
    return [
        _report_request(graphs[search.spec.campaign], search)
        for search in _searches(ledger, graphs)
        if is_over(search) and not search.open_arms
    ]


def is_over(search: SearchRecord) -> bool:
    """Whether a search is to be reported: done or stuck, and not stopped by a person."""
    is_left = search.state is SearchState.STOPPED and search.reason == STOPPED_BY_A_PERSON
    return search.state is not SearchState.ACTIVE and not is_left and search.held == 0


def _additions(
    graphs: Mapping[str, CampaignGraph], new: Sequence[dg.RunRequest]
) -> list[dg.AddDynamicPartitionsRequest]:
    """The partitions that the requests need, as each campaign's graph names them."""
    return [
        addition
        for graph in graphs.values()
        for addition in graph.place.partitions.adding(
            str(ask.partition_key) for ask in new if ask.job_name in graph.jobs
        )
    ]


def _trial_request(graph: CampaignGraph, reservation: Reservation) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=reservation.run_key,
        job_name=graph.trial_job.name,
        partition_key=partition_of(reservation),
        tags=tags_of(reservation),
    )


def _report_request(graph: CampaignGraph, search: SearchRecord) -> dg.RunRequest:
    """A report is due again whenever something was paid for or compared since the last one."""
    state = f"{search.spent:g}|{search.report_done}|{search.report_evaluations}"
    return dg.RunRequest(
        run_key=f"{search.search}|report|{state}",
        job_name=graph.report_job.name,
        partition_key=search.search,
    )
