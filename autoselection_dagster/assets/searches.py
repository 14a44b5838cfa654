"""Assets of a search: its report against baselines, its best subset, and the search after a changed pool."""

import time
from collections.abc import Callable, Iterator

import dagster as dg

from autoselection_core.campaign.on_pool_change import NextSearch, search_again, wait_until, why_it_waits
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.records import SearchState, TrialState
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.differing import pool_change
from autoselection_core.report.writing import has_report, write_report
from autoselection_core.search.report_evaluations import open_arms, plan_arms, score_untrained
from autoselection_core.search.status import SearchStatus
from autoselection_core.subset import Subset
from autoselection_dagster.assets.asset_checks import (
    ARMS_ARE_EQUAL,
    POOL_IS_LATEST,
    arms_are_equal,
    pool_is_latest,
)
from autoselection_dagster.assets.progress import measured_version
from autoselection_dagster.assets.recorded_trials import enter_recorded_trials
from autoselection_dagster.beta import versioned_output, versioned_result
from autoselection_dagster.errors import terminated_in_a_sentence
from autoselection_dagster.names import Group
from autoselection_dagster.place import EVERY_TRIAL_OF_THE_SEARCH, GPU_POOL, Place
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.values.managers import NOTHING, SUBSETS
from autoselection_dagster.values.metadata.rendering import Facts, partition_link, shown
from autoselection_dagster.values.metadata.search_facts import best_facts, progress_facts, report_facts
from autoselection_dagster.values.metadata.tables import table_value


def search_assets(place: Place) -> list[dg.AssetsDefinition]:
    """The assets of the searches of a campaign."""
    return [_search_report(place), _best_subset(place)]


def _trials(place: Place) -> dg.AssetDep:
    return dg.AssetDep(place.key("evaluation"), partition_mapping=EVERY_TRIAL_OF_THE_SEARCH)


def _search_report(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        io_manager_key=NOTHING,
        key=place.key("search_report"),
        group_name=place.group(Group.SEARCH),
        partitions_def=place.partitions.searches,
        deps=[_trials(place), place.key("pool")],
        pool=GPU_POOL,
        kinds={"svg"},
        check_specs=[check.spec(place.key("search_report")) for check in (ARMS_ARE_EQUAL, POOL_IS_LATEST)],
    )
    @with_prefixed_resources
    def search_report(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """Report of a search: its winner beside the full pool and random subsets of equal tokens.

        While the search runs it shows how far it is, and is refreshed after every trial and report
        evaluation. After the last trial the search's worker goes on with the evaluations that the comparison
        needs; then the search sensor makes this report, which plans those that no worker planned. Test items
        are opened here and nowhere else.
        """
        facts = SearchFacts.of(place.workspace(home), context.partition_key)
        if entered := enter_recorded_trials(context.instance, place, facts):
            context.log.info("%d trials that no run of Dagster made are entered from the history", entered)
        if facts.record.state is SearchState.ACTIVE or not facts.history.observations:
            status = SearchStatus.of(facts.workspace.ledger, facts.record.search, home)
            told = progress_facts(status, place.names)
        else:
            with terminated_in_a_sentence():
                _open_report(facts, context.log.info)
            told = report_facts(facts, write_report(facts), place.names)
        yield versioned_result(told, measured_version(facts.trials))
        yield arms_are_equal(facts.arms, facts.signals, facts.solver.max_tokens)
        yield pool_is_latest(facts.record.spec.pool_version, facts.workspace.pool().version)

    return search_report


def _open_report(facts: SearchFacts, say: Callable[[str], None]) -> None:
    """Plan the report's evaluations, and score the test items of those done, with a line for each."""
    ledger, record = facts.workspace.ledger, facts.record
    planned = plan_arms(ledger, record.search, facts.solver)
    ledger.plan_report(record.search, planned)
    status = SearchStatus.of(ledger, record.search, facts.workspace.home)
    done = {(arm.arm, arm.subset, arm.replicate): arm for arm in status.arms}
    evaluator = facts.workspace.evaluator(record.spec.pool_version, record.spec)
    if status.record.open_arms or (status.arms and not has_report(facts)):
        score_untrained(evaluator, record.search)
    for number, plan in enumerate(planned[: status.planned_arms], start=1):
        arm = done[plan.arm, plan.subset, plan.replicate]
        kind = plan.arm.replace("_", " ")
        name = f"report evaluation {number} of {status.planned_arms} ({kind}, {plan.tokens:,} tokens)"
        if arm.state is TrialState.DONE:
            say(f"{name}: dev score {arm.utility:.4g}; its test items are scored")
            open_arms(ledger, record.search, [plan], evaluator)
        else:
            say(f"{name}: {arm.state.value}" + (f", {arm.reason}" if arm.reason else ""))
    for run in facts.stated:
        say(f"{run.arm.replace('_', ' ')}: dev score {run.trial.utility:.4g}; its test items are scored")


def _best_subset(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("best_subset"),
        group_name=place.group(Group.SEARCH),
        partitions_def=place.partitions.searches,
        deps=[place.key("pool"), place.key("search_report")],
        io_manager_key=SUBSETS,
        kinds={"parquet"},
    )
    @with_prefixed_resources
    def best_subset(context: dg.AssetExecutionContext, home: HomeResource) -> dg.Output[Subset]:
        """Subset with the best expected utility, which need not be the one with the highest score.

        While the search runs it is the best so far.
        """
        facts = SearchFacts.of(place.workspace(home), context.partition_key)
        facts.require_best()
        run = _run_of(context.instance, place, facts)
        told, subset = best_facts(facts, place.names, run), facts.best_subset
        assert subset is not None, "a recommendation has rows"
        return versioned_output(subset, told, subset.fingerprint)

    return best_subset


def _run_of(instance: dg.DagsterInstance, place: Place, facts: SearchFacts) -> str | None:
    """The run that last evaluated the recommended trial; None where no run of Dagster did."""
    trial = next(each for each in facts.trials if each.trial == facts.require_best().trial)
    wanted = dg.AssetRecordsFilter(place.key("evaluation"), asset_partitions=[trial.reservation.partition])
    found = instance.fetch_materializations(wanted, limit=1).records
    return found[0].run_id or None if found else None  # what was read from the history has an empty one


AUTOMATED = "dagster/from_automation_condition"
"""Tag of a run that a condition asked for: the campaign's limits hold for it, as the sensor keeps to them."""


def next_search_asset(place: Place, signals: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """Asset that, when materialized, registers a search on the present pool."""

    @dg.asset(
        io_manager_key=NOTHING,
        key=place.key("next_search"),
        group_name=place.group(Group.SEARCH),
        deps=[place.key("pool"), *signals],
        kinds={"sql"},
    )
    @with_prefixed_resources
    def next_search(context: dg.AssetExecutionContext, home: HomeResource) -> dg.MaterializeResult[None]:
        """A search on the latest pool, warm from all searches of the campaign, with the last winner first.

        Entered once for a pool, however often this is made. Comes after the pool and all its signals, so a
        check that fails there starts no search. The search sensor launches its trials.
        """
        workspace, asked = place.workspace(home), place.campaign.on_pool_change
        until = wait_until(workspace.ledger, place.campaign.name, asked, time.time())
        if until and AUTOMATED in context.run.tags:
            again = NextSearch(None, False, None, why_it_waits(asked, until))
        else:
            again = search_again(workspace, asked.budget)
        context.log.info(again.why)
        facts: Facts = {
            "decided": again.why,
            "search": again.search or "none",
            "is_new": again.is_new,
            "warm_from": again.warm_from or "none",
            "warm_also": ", ".join(again.warm_also) or "none",
            "stopped": ", ".join(again.stopped) or "none",
            "pool_version": workspace.pool().version,
            **({"report": partition_link(place.key("search_report"), again.search)} if again.search else {}),
            **_change(workspace, again.warm_from),
        }
        return dg.MaterializeResult(metadata=shown(facts))

    return next_search


def _change(workspace: Workspace, before: str | None) -> Facts:
    """Difference of the pool to that of the search that a new one starts from."""
    if before is None:
        return {}
    version = workspace.ledger.search(before).spec.pool_version
    change = pool_change(workspace.pool(version), workspace.pool())
    return {"change": change.sentence, "change_by_source": table_value(change.by_source)}
