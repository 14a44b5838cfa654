"""The assets of a search: what it found, against what, and the subset that it recommends."""

from collections.abc import Iterator

import dagster as dg

from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.writing import write_report
from autoselection_core.search.arms import plan_arms
from autoselection_core.subset import Subset
from autoselection_dagster.assets.checks.search_checks import (
    ARMS_ARE_EQUAL,
    POOL_IS_LATEST,
    arms_are_equal,
    pool_is_latest,
)
from autoselection_dagster.beta import versioned
from autoselection_dagster.names import Group
from autoselection_dagster.partitions import EVERY_TRIAL_OF_THE_SEARCH
from autoselection_dagster.place import GPU_POOL, Place
from autoselection_dagster.resources import HomeResource
from autoselection_dagster.values.metadata.search_facts import best_facts, report_facts


def search_assets(place: Place) -> list[dg.AssetsDefinition]:
    """The assets of the searches of a campaign."""
    return [_search_report(place), _best_subset(place)]


def _trials(place: Place) -> dg.AssetDep:
    return dg.AssetDep(place.key("evaluation"), partition_mapping=EVERY_TRIAL_OF_THE_SEARCH)


def _search_report(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("search_report"),
        group_name=place.group(Group.SEARCH),
        partitions_def=place.partitions.searches,
        deps=[_trials(place), place.key("pool")],
        pool=GPU_POOL,
        kinds={"svg"},
        check_specs=[check.spec(place.key("search_report")) for check in (ARMS_ARE_EQUAL, POOL_IS_LATEST)],
    )
    def search_report(
        context: dg.AssetExecutionContext, home: HomeResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        """What the search found, beside the full pool and random subsets of equal tokens.

        Plans the evaluations that the comparison still needs; the search sensor starts them, and then makes
        this report again. Test items are opened here and nowhere else.
        """
        facts = SearchFacts.of(place.workspace(home), context.partition_key)
        ledger, search = facts.workspace.ledger, facts.record.search
        ledger.plan_report(search, plan_arms(ledger, search, facts.solver))
        yield dg.MaterializeResult(metadata=report_facts(facts, write_report(facts)))
        yield arms_are_equal(facts.arms, facts.signals)
        yield pool_is_latest(facts.record.spec.pool_version, facts.workspace.pool().version)

    return search_report


def _best_subset(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("best_subset"),
        group_name=place.group(Group.SEARCH),
        partitions_def=place.partitions.searches,
        deps=[_trials(place), place.key("pool"), place.key("search_report")],
        io_manager_key="subsets",
        kinds={"parquet"},
    )
    def best_subset(context: dg.AssetExecutionContext, home: HomeResource) -> dg.Output[Subset]:
        """The subset with the best expected utility, which need not be the luckiest one."""
        facts = SearchFacts.of(place.workspace(home), context.partition_key)
        told, subset = best_facts(facts, place.names), facts.best_subset
        assert subset is not None, "its report was made, so something was measured"
        return versioned(subset, told, subset.fingerprint)

    return best_subset
