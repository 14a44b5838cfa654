"""Asset checks of pool, trials and searches."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import numpy as np

from autoselection_core.benchmarks.normalisation import with_symbols
from autoselection_core.benchmarks.split import Split
from autoselection_core.history.records import SearchRecord
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.report.rendering.table import Cell
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.search.arms import RANDOM, WINNER, RandomDraws
from autoselection_core.search.propose import tokens_of
from autoselection_core.search.report_evaluations import ArmRun
from autoselection_core.signals.contamination.decontaminate import GateResult
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset, realise
from autoselection_core.subset.value import fingerprint_of_ids


@dataclass(frozen=True)
class Check:
    """Asset check: a promise of an asset.

    Attributes:
        name: What the UI calls it.
        why: Why anyone should care.
        is_blocking: Whether it stops what comes after it; one that does not is a warning.
    """

    name: str
    why: str
    is_blocking: bool = True

    def spec(self, asset: dg.AssetKey) -> dg.AssetCheckSpec:
        """The check as Dagster declares it; nothing downstream runs when a blocking one fails."""
        return dg.AssetCheckSpec(self.name, asset=asset, description=self.why, blocking=self.is_blocking)

    def result(self, *, passed: bool, **facts: Cell) -> dg.AssetCheckResult:
        """Result of the check, with the facts that it was decided by."""
        shown: Mapping[str, Cell] = facts
        severity = dg.AssetCheckSeverity.ERROR if self.is_blocking else dg.AssetCheckSeverity.WARN
        known = {name: "unknown" if value is None else value for name, value in shown.items()}
        return dg.AssetCheckResult(check_name=self.name, passed=passed, severity=severity, metadata=known)


SUBSET_IS_INSIDE = Check(
    "subset_is_inside_the_pool",
    "Rows are numbers: a row of another pool version would silently be another sample.",
)
TRAINED_IS_SELECTED = Check(
    "subset_equals_what_was_trained",
    "A score belongs to a subset only if the model saw that subset and nothing else.",
)
PASSED_THE_GATE = Check(
    "subset_passed_the_gate",
    "A sample that holds a benchmark's question would make its model look better than it is.",
)
SIDES_ARE_APART = Check(
    "dev_and_test_are_disjoint",
    "A question on both sides lets the search see what the report is supposed to judge it by.",
)
SCORE_IS_FINITE = Check(
    "score_is_finite",
    "One value that is no number would pull the surrogate anywhere, and so all later trials.",
)
BUDGET_IS_KEPT = Check(
    "budget_is_kept", "Every training costs money; nobody may spend more of it than was allowed."
)


def passed_the_gate(
    subset: Subset, pool: Pool, gated: GateResult | None, names: Sequence[str]
) -> dg.AssetCheckResult:
    """The pool was cut at the gate for all benchmarks, and no sample that was cut is in the subset."""
    cut = set() if gated is None else {each.sample.encode() for each in gated.cuts}
    held = len(cut & set(pool.ids[subset.rows].tolist()))
    unlooked = [name for name in names if gated is None or name not in gated.benchmarks]
    return PASSED_THE_GATE.result(
        passed=not held and not unlooked, samples_held=held, not_looked_for=", ".join(unlooked) or "none"
    )


def sides_are_apart(splits: Mapping[str, Split]) -> dg.AssetCheckResult:
    """No question is on both the dev and the test side of a benchmark, however it is spelled."""
    shared = {
        name: {with_symbols(item.question) for item in sides.dev}
        & {with_symbols(item.question) for item in sides.test}
        for name, sides in splits.items()
    }
    count = sum(len(questions) for questions in shared.values())
    return SIDES_ARE_APART.result(passed=count == 0, shared_questions=count, benchmarks=len(splits))


def score_is_finite(evaluation: Evaluation) -> dg.AssetCheckResult:
    """Utility and every item's value are numbers."""
    values = [value for score in evaluation.scores for value in score.values.tolist()]
    broken = sum(not math.isfinite(value) for value in [evaluation.utility, *values])
    return SCORE_IS_FINITE.result(passed=broken == 0, items=len(values), no_numbers=broken)


def budget_is_kept(search: SearchRecord) -> dg.AssetCheckResult:
    """Spent and reserved evaluations stay within either budget."""
    return BUDGET_IS_KEPT.result(
        passed=search.spent + search.held <= search.budget
        and search.report_spent + search.report_held <= search.report_evaluations,
        spent=search.spent,
        held=search.held,
        budget=search.budget,
        report_spent=search.report_spent,
        report_evaluations=search.report_evaluations,
    )


def subset_is_inside(subset: Subset, pool: Pool) -> dg.AssetCheckResult:
    """Rows ascend, are within the pool, and name the samples that the subset is named for."""
    rows = subset.rows
    ascending = bool((np.diff(rows) > 0).all())
    outside = int(((rows < 0) | (rows >= len(pool))).sum())
    is_same = outside == 0 and fingerprint_of_ids(pool.ids[rows]) == subset.fingerprint
    return SUBSET_IS_INSIDE.result(passed=ascending and is_same, rows=len(rows), rows_outside=outside)


def trained_is_selected(evaluation: Evaluation, subset: Subset) -> dg.AssetCheckResult:
    """The optimiser saw the selected samples; fewer only where the budget of tokens or steps ended first."""
    is_whole = evaluation.trained_count == len(subset)
    passed = (
        evaluation.subset == subset.fingerprint
        and evaluation.selected_count == len(subset)
        and evaluation.trained_count <= len(subset)
        and (not is_whole or evaluation.trained_hash == subset.fingerprint)
    )
    return TRAINED_IS_SELECTED.result(
        passed=passed, selected=len(subset), trained=evaluation.trained_count, skipped=len(evaluation.skipped)
    )


ARMS_ARE_EQUAL = Check(
    "arms_have_equal_tokens",
    "A random subset with fewer tokens than the winner would lose for its size and not for its choice.",
)
POOL_IS_LATEST = Check(
    "is_of_the_latest_pool",
    "A search of an older pool says nothing about what was added since.",
    is_blocking=False,
)


def arms_are_equal(
    arms: Sequence[ArmRun], signals: SignalTable, max_tokens: int | None
) -> dg.AssetCheckResult:
    """Random subsets come as near to the tokens that the winner's training reads as whole samples can.

    Draws that an earlier release planned are as near in tokens of whole samples.
    """
    recipes = {arm: [_recipe(run) for run in arms if run.arm == arm] for arm in (WINNER, RANDOM)}
    drawn = {run.trial.subset for run in arms if run.arm == RANDOM}
    for recipe in recipes[WINNER][:1]:
        max_tokens = RandomDraws(recipe, signals, max_tokens).as_first_planned(drawn).max_tokens
    sizes = {arm: _sizes(of_arm, signals, max_tokens) for arm, of_arm in recipes.items()}
    winner = max(sizes[WINNER], default=None)
    furthest = max((abs(size - winner) for size in sizes[RANDOM]), default=0) if winner is not None else 0
    largest = int(np.nanmax(signals["tokens"])) if "tokens" in signals.columns else 1
    largest = largest if max_tokens is None else min(largest, max_tokens)
    return ARMS_ARE_EQUAL.result(
        passed=furthest <= largest, winner_tokens=winner, furthest=furthest, max_sample_tokens=largest
    )


def _sizes(recipes: Sequence[Recipe], signals: SignalTable, max_tokens: int | None) -> list[int]:
    return [tokens_of(realise(recipe, signals), signals, max_tokens) for recipe in recipes]


def _recipe(run: ArmRun) -> Recipe:
    assert run.trial.recipe is not None, "an arm is planned with its recipe"
    return run.trial.recipe


def pool_is_latest(searched: str, latest: str) -> dg.AssetCheckResult:
    """The search selects from the pool as it is now; a warning where it does not."""
    return POOL_IS_LATEST.result(passed=searched == latest, searched=searched, latest=latest)
