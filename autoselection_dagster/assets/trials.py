"""Assets of a trial, in one run: recipe -> subset -> fine_tuned_model -> evaluation, and the subset's state.

Each also names the pool: Dagster does not hand staleness on, and each is out of date once the pool is.
"""

import time
from collections.abc import Iterator, Sequence

import dagster as dg
import numpy as np

from autoselection_core.benchmarks.split import split
from autoselection_core.campaign.trackers import TrackedTrial, tell, trackers_of
from autoselection_core.history.records import TrialKind, TrialRecord
from autoselection_core.identity import fingerprint
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.report.lineage.examples import rows_table
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.search.evaluate import evaluate
from autoselection_core.search.propose import propose
from autoselection_core.search.status import SearchStatus
from autoselection_core.search.time_left import Refreshed
from autoselection_core.state import state_of
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise
from autoselection_dagster.assets.asset_checks import (
    BUDGET_IS_KEPT,
    PASSED_THE_GATE,
    SCORE_IS_FINITE,
    SIDES_ARE_APART,
    SUBSET_IS_INSIDE,
    TRAINED_IS_SELECTED,
    budget_is_kept,
    passed_the_gate,
    score_is_finite,
    sides_are_apart,
    subset_is_inside,
    trained_is_selected,
)
from autoselection_dagster.assets.progress import Announced, Logged, show_progress
from autoselection_dagster.beta import versioned_output
from autoselection_dagster.errors import terminated_in_a_sentence
from autoselection_dagster.names import Group
from autoselection_dagster.place import GPU_POOL, Place
from autoselection_dagster.resources import AttemptResource, HomeResource, with_prefixed_resources
from autoselection_dagster.trials.attempt import Attempt
from autoselection_dagster.trials.judge_pipes import ProgramReports
from autoselection_dagster.values.managers import EVALUATIONS, RECIPES, STATES, SUBSETS
from autoselection_dagster.values.metadata.rendering import partition_url
from autoselection_dagster.values.metadata.trial_facts import (
    anchor_facts,
    evaluation_facts,
    lineage_links,
    model_facts,
    recipe_facts,
    row_facts,
    state_facts,
    subset_facts,
    won_and_lost,
)


def trial_assets(place: Place, signals: Sequence[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """The assets of the trials of a campaign, whose recipes may read some signals."""
    made = [
        _recipe(place, signals),
        _subset(place, signals),
        _subset_state(place),
        _fine_tuned_model(place),
        _evaluation(place),
    ]
    return [asset.map_asset_specs(_with_partitions) for asset in made]


_LOOKS_EVERY_S = 15.0
"""Seconds between two looks at the history for the time left."""

_PARTITIONS = (
    "A partition is a trial of a search, or an evaluation of its report. Dagster pairs every search with "
    "every number: it shows a pair beyond a search's trials as missing, and nothing is ever made of it."
)


def _with_partitions(spec: dg.AssetSpec) -> dg.AssetSpec:
    return spec.replace_attributes(description=f"{spec.description}\n\n{_PARTITIONS}")


def _recipe(place: Place, signals: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("recipe"),
        group_name=place.group(Group.TRIAL),
        partitions_def=place.partitions.trials,
        deps=[place.key("pool"), *signals],
        io_manager_key=RECIPES,
        kinds={"yaml"},
    )
    @with_prefixed_resources
    def recipe(attempt: AttemptResource, home: HomeResource) -> dg.Output[Recipe]:
        """Recipe of the trial, as the solver chose it, with its reasons.

        A later trial waits until every earlier one has a recipe or has failed. A trial that has a recipe gets
        the same one again. Evaluations of a report have the recipe that the report planned.
        """
        pages = lineage_links(place.names, attempt.reservation)
        if attempt.reservation.kind is TrialKind.REPORT:
            planned = attempt.proposal.recipe
            facts = {**recipe_facts(planned, "planned by the report"), **pages}
            return versioned_output(planned, facts, planned.fingerprint)
        solver = place.workspace(home).solver(attempt.search.spec)
        with terminated_in_a_sentence():
            chosen = propose(attempt.ledger, attempt.reservation, solver)
        facts = {**recipe_facts(chosen.recipe, chosen.proposal.origin, chosen.proposal), **pages}
        return versioned_output(chosen.recipe, facts, chosen.recipe.fingerprint)

    return recipe


def _subset(place: Place, signals: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("subset"),
        group_name=place.group(Group.TRIAL),
        partitions_def=place.partitions.trials,
        ins={"recipe": dg.AssetIn(place.key("recipe"))},
        deps=[place.key("pool"), *signals],
        io_manager_key=SUBSETS,
        kinds={"parquet"},
        check_specs=[
            check.spec(place.key("subset")) for check in (SUBSET_IS_INSIDE, PASSED_THE_GATE, SIDES_ARE_APART)
        ],
    )
    @with_prefixed_resources
    def subset(
        attempt: AttemptResource, home: HomeResource, recipe: Recipe
    ) -> Iterator[dg.Output[Subset] | dg.AssetCheckResult]:
        """The rows that the recipe leaves of the pool that the search is pinned to."""
        spec, workspace = attempt.search.spec, place.workspace(home)
        signals = workspace.signals(spec.pool_version, spec.signal_versions)
        selected = realise(recipe, signals)
        pool = Pool.open(home.pool(selected.pool_version))
        facts = {
            **subset_facts(selected, signals, place.names, home),
            **lineage_links(place.names, attempt.reservation),
            **anchor_facts(
                selected, _trial_of(attempt), attempt.ledger.trials(attempt.search.search), signals, pool
            ),
            **row_facts(rows_table(recipe, pool, signals), attempt.reservation.search),
        }
        yield versioned_output(selected, facts, selected.fingerprint)
        yield subset_is_inside(selected, pool)
        yield passed_the_gate(
            selected, pool, workspace.gate_result(pool.version), tuple(place.campaign.weights)
        )
        yield sides_are_apart({benchmark.name: split(benchmark) for benchmark in workspace.benchmarks})

    return subset


def _trial_of(attempt: Attempt) -> TrialRecord | None:
    """The trial itself; None for an evaluation of the report, which nobody edited."""
    is_report = attempt.reservation.kind is TrialKind.REPORT
    return None if is_report else attempt.ledger.trial(attempt.reservation)


def _subset_state(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("subset_state"),
        group_name=place.group(Group.TRIAL),
        partitions_def=place.partitions.trials,
        ins={"subset": dg.AssetIn(place.key("subset"))},
        deps=[place.key("pool")],
        io_manager_key=STATES,
        kinds={"json"},
    )
    @with_prefixed_resources
    def subset_state(
        attempt: AttemptResource, home: HomeResource, subset: Subset
    ) -> dg.Output[dict[str, float]]:
        """Statistics of the subset, comparable to those of the pool."""
        spec = attempt.search.spec
        signals = place.workspace(home).signals(spec.pool_version, spec.signal_versions)
        numbers = dict(state_of(subset.rows, signals).to_json())
        pool = state_of(np.arange(len(signals)), signals).to_json()
        facts = {**state_facts(numbers, dict(pool)), **lineage_links(place.names, attempt.reservation)}
        return versioned_output(numbers, facts, fingerprint(dict(numbers)))

    return subset_state


def _fine_tuned_model(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("fine_tuned_model"),
        group_name=place.group(Group.TRIAL),
        partitions_def=place.partitions.trials,
        ins={"subset": dg.AssetIn(place.key("subset"))},
        deps=[place.key("pool"), *place.scored_by],
        io_manager_key=EVALUATIONS,
        pool=GPU_POOL,
        kinds={"pytorch"},
        check_specs=[TRAINED_IS_SELECTED.spec(place.key("fine_tuned_model"))],
    )
    @with_prefixed_resources
    def fine_tuned_model(
        context: dg.AssetExecutionContext, attempt: AttemptResource, home: HomeResource, subset: Subset
    ) -> Iterator[dg.Output[Evaluation] | dg.AssetCheckResult]:
        """The base model, trained on the subset and scored on the dev items. This is what the budget pays.

        An evaluation that was finished before, by another trial, search or attempt, is read back.
        """
        reports = ProgramReports(context)
        evaluator = reports.attach(place.workspace(home).evaluator(subset.pool_version, attempt.search.spec))
        logged = Logged(context.log, "evaluation", time_left=_time_left(attempt, home))

        def show() -> None:
            status = SearchStatus.of(attempt.ledger, attempt.reservation.search, home)
            show_progress(context.instance, place, status)

        with terminated_in_a_sentence():
            measured = evaluate(
                attempt.ledger, attempt.reservation, evaluator, subset, Announced(logged, show)
            )
        made = evaluator.load_finished(measured.evaluation)
        assert made is not None, "it was committed only with a complete folder"
        facts = {**model_facts(made, home), **lineage_links(place.names, attempt.reservation)}
        yield versioned_output(made, {**reports.metadata, **facts}, made.key)
        yield trained_is_selected(made, subset)

    return fine_tuned_model


def _time_left(attempt: Attempt, home: Home) -> Refreshed:
    """Time left of the trial's search with its report, in words."""

    def find() -> str:
        return SearchStatus.of(attempt.ledger, attempt.reservation.search, home).time_left

    return Refreshed(find, _LOOKS_EVERY_S, time.monotonic)


def _evaluation(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        key=place.key("evaluation"),
        group_name=place.group(Group.TRIAL),
        partitions_def=place.partitions.trials,
        ins={"fine_tuned_model": dg.AssetIn(place.key("fine_tuned_model"))},
        deps=[place.key("pool")],
        io_manager_key=EVALUATIONS,
        kinds={"json"},
        check_specs=[check.spec(place.key("evaluation")) for check in (SCORE_IS_FINITE, BUDGET_IS_KEPT)],
    )
    @with_prefixed_resources
    def evaluation(
        context: dg.AssetExecutionContext,
        home: HomeResource,
        attempt: AttemptResource,
        fine_tuned_model: Evaluation,
    ) -> Iterator[dg.Output[Evaluation] | dg.AssetCheckResult]:
        """The scores of the trained model with their standard errors, as the history holds them."""
        trial, search = attempt.reservation, attempt.search
        trials = attempt.ledger.trials(search.search)
        facts = {
            **evaluation_facts(fine_tuned_model, attempt.ledger, trial),
            **lineage_links(place.names, trial),
            **won_and_lost(fine_tuned_model, trial, trials, search.spec.seed, home),
        }
        untold = _tell_trackers(place, home, attempt)
        for problem in untold:
            context.log.warning(problem)
        told = {"untold": "; ".join(untold)} if untold else {}
        yield versioned_output(fine_tuned_model, {**facts, **told}, fine_tuned_model.key)
        yield score_is_finite(fine_tuned_model)
        yield budget_is_kept(attempt.search)

    return evaluation


def _tell_trackers(place: Place, home: Home, attempt: Attempt) -> tuple[str, ...]:
    """Report the trial to the campaign's trackers; returns a sentence for each that failed."""
    trackers = trackers_of(place.campaign, home)
    if not trackers:
        return ()
    trial = attempt.ledger.trial(attempt.reservation)
    links = {
        "evaluation": str(home.evaluation(str(trial.evaluation))),
        "page": partition_url(place.key("evaluation"), attempt.reservation.partition),
        "subset": str(trial.subset),
    }
    return tell(trackers, TrackedTrial.of(attempt.search, trial, links))
