"""The assets of a search: what it found, against what, and the subset that it recommends."""

import dagster as dg

from autoselection_core.search.arms import open_arms, plan_arms
from autoselection_core.subset import Subset, materialize
from autoselection_dagster.beta import versioned
from autoselection_dagster.names import Group
from autoselection_dagster.partitions import EVERY_TRIAL_OF_THE_SEARCH
from autoselection_dagster.place import GPU_POOL, Place
from autoselection_dagster.resources import HomeResource, LedgerResource
from autoselection_dagster.search_facts import best_facts, report_facts


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
        deps=[_trials(place)],
        pool=GPU_POOL,
        kinds={"svg"},
    )
    def search_report(
        context: dg.AssetExecutionContext, home: HomeResource, ledger: LedgerResource
    ) -> dg.MaterializeResult[None]:
        """What the search found, beside the full pool and random subsets of equal tokens.

        Plans the evaluations that the comparison still needs; the search sensor starts them, and then makes
        this report again. Test items are opened here and nowhere else.
        """
        book, workspace, search = ledger.open(), place.workspace(home), context.partition_key
        spec = book.search(search).spec
        solver, evaluator = workspace.solver(spec), workspace.evaluator(spec.pool_version)
        planned = plan_arms(book, search, solver)
        book.plan_report(search, planned)
        arms = open_arms(book, search, planned, evaluator)
        return dg.MaterializeResult(metadata=report_facts(book, search, arms))

    return search_report


def _best_subset(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("best_subset"),
        group_name=place.group(Group.SEARCH),
        partitions_def=place.partitions.searches,
        deps=[_trials(place), place.key("search_report")],
        io_manager_key="subsets",
        kinds={"parquet"},
    )
    def best_subset(
        context: dg.AssetExecutionContext, home: HomeResource, ledger: LedgerResource
    ) -> dg.Output[Subset]:
        """The subset with the best expected utility, which need not be the luckiest one."""
        book, workspace = ledger.open(), place.workspace(home)
        history = book.history(context.partition_key)
        solver = workspace.solver(book.search(history.search).spec)
        best = solver.recommend(history)
        subset = materialize(best.recipe, solver.signals)
        return versioned(
            subset, best_facts(best, subset, solver.signals, history, place.names), subset.fingerprint
        )

    return best_subset
