"""Jobs that change a search that is registered: stop, resume, and pay for more."""

from collections.abc import Mapping

import dagster as dg

from autoselection_core.history.records import StopCause
from autoselection_core.search.status import SearchStatus
from autoselection_dagster.assets.progress import show_progress
from autoselection_dagster.jobs.named_search import SearchName, at_least, check_minima, named_search
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import logged_link

_BY_A_PERSON = "a person stopped it"


class Budget(SearchName):
    """Config of `raise_budget`: the search, and its budgets from now on."""

    budget: int | None = at_least(
        1, "Full trainings in all, those that were paid included; never fewer than now.", default=None
    )
    report_evaluations: int | None = at_least(
        0, "Trainings of its report in all; never fewer than now.", default=None
    )


def adjustment_jobs(places: Mapping[str, Place]) -> tuple[dg.JobDefinition, ...]:
    """The jobs `stop_search`, `resume_search` and `raise_budget`."""
    return _stop_job(places), _resume_job(places), _budget_job(places)


def _stop_job(places: Mapping[str, Place]) -> dg.JobDefinition:
    @dg.op(name="stop")
    @with_prefixed_resources
    def stop(
        context: dg.OpExecutionContext, config: SearchName, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Start no further trial. What runs may finish and is kept; a search that is done stays as it is."""
        search = named_search(ledger, config.search).search
        if not SearchStatus.of(ledger, search, home).is_searched:
            ledger.stop(search, _BY_A_PERSON, StopCause.PERSON)
        _say(context, places, SearchStatus.of(ledger, search, home))

    @dg.job(executor_def=dg.in_process_executor)
    def stop_search() -> None:
        """Stop a search: no further trial starts, and no report is paid for."""
        stop()

    return stop_search


def _resume_job(places: Mapping[str, Place]) -> dg.JobDefinition:
    @dg.op(name="resume")
    @with_prefixed_resources
    def resume(
        context: dg.OpExecutionContext, config: SearchName, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Let a stopped search go on with the budget that is left."""
        search = named_search(ledger, config.search).search
        ledger.resume(search)
        _say(context, places, SearchStatus.of(ledger, search, home))

    @dg.job(executor_def=dg.in_process_executor)
    def resume_search() -> None:
        """Resume a search that was stopped, by a person or by itself."""
        resume()

    return resume_search


def _budget_job(places: Mapping[str, Place]) -> dg.JobDefinition:
    @dg.op(name="budget")
    @with_prefixed_resources
    def pay_more(
        context: dg.OpExecutionContext, config: Budget, home: HomeResource, ledger: LedgerResource
    ) -> None:
        """Let a search pay for more; a finished one goes on by itself."""
        check_minima(config)
        search = named_search(ledger, config.search).search
        asked = {"budget": config.budget, "report_evaluations": config.report_evaluations}
        ledger.raise_budgets(search, {name: most for name, most in asked.items() if most is not None})
        _say(context, places, SearchStatus.of(ledger, search, home))

    @dg.job(executor_def=dg.in_process_executor)
    def raise_budget() -> None:
        """Raise what a search may spend."""
        pay_more()

    return raise_budget


def _say(context: dg.OpExecutionContext, places: Mapping[str, Place], status: SearchStatus) -> None:
    """Report the state of a search in the run and on the search's page: spent budget, running trials."""
    search = status.record.search
    context.log.info("search %s: %s", search, status.sentence)
    if (place := places.get(status.record.spec.campaign)) is None:
        return
    show_progress(context.instance, place, status)
    report = logged_link(place.key("search_report"), search)
    context.add_output_metadata({"status": status.sentence, "search": search, "report": report})
