"""Jobs that change a search that is registered: stop, resume, and pay for more."""

import dagster as dg
from pydantic import Field

from autoselection_dagster.resources import LedgerResource
from autoselection_dagster.trials.workers import STOPPED_BY_A_PERSON


class SearchName(dg.Config):
    """Which search."""

    search: str = Field(description="Name of the search, as the partitions of the trials show it.")


class Budget(SearchName):
    """Which search, and what it may spend from now on."""

    budget: int | None = Field(
        default=None,
        ge=1,
        description="Full trainings in all, those that were paid included; never fewer than now.",
    )
    report_evaluations: int | None = Field(
        default=None, ge=0, description="Trainings of its report in all; never fewer than now."
    )


@dg.op(name="stop")
def _stop(context: dg.OpExecutionContext, config: SearchName, ledger: LedgerResource) -> None:
    """Start no further trial. What runs may finish and is kept."""
    ledger.stop(config.search, STOPPED_BY_A_PERSON)
    context.log.info("search %s starts no further trial", config.search)


@dg.op(name="resume")
def _resume(context: dg.OpExecutionContext, config: SearchName, ledger: LedgerResource) -> None:
    """Let a stopped search go on with the budget that is left."""
    ledger.resume(config.search)
    context.log.info("search %s goes on", config.search)


@dg.op(name="budget")
def _raise(context: dg.OpExecutionContext, config: Budget, ledger: LedgerResource) -> None:
    """Let a search pay for more; a finished one goes on by itself."""
    if config.budget is not None:
        ledger.raise_budget(config.search, config.budget)
    if config.report_evaluations is not None:
        ledger.raise_report_evaluations(config.search, config.report_evaluations)
    context.log.info(ledger.why_idle(config.search))


@dg.job(executor_def=dg.in_process_executor)
def stop_search() -> None:
    """Stop a search: no further trial starts, and no baselines are paid for."""
    _stop()


@dg.job(executor_def=dg.in_process_executor)
def resume_search() -> None:
    """Resume a search that was stopped, by a person or by itself."""
    _resume()


@dg.job(executor_def=dg.in_process_executor)
def raise_budget() -> None:
    """Raise what a search may spend."""
    _raise()


ADJUSTMENTS = (stop_search, resume_search, raise_budget)
