"""Stated recipes entered for evaluation, by a person or after a changed pool, and ablations of a winner."""

import time
from enum import StrEnum

from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import ArmPlan, TrialKind, TrialRecord
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.transactions.arms import ABLATION, REQUESTED
from autoselection_core.recipe import Recipe
from autoselection_core.search.evaluate import POLL_S, require_same_evaluator
from autoselection_core.search.loop import SearchProgress
from autoselection_core.search.propose import tokens_of
from autoselection_core.search.report_evaluations import evaluate_reserved, reserve_arms
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.subset import Subset, realise

STATED = "given"
"""Origin of a trial whose recipe was stated: a person wrote it, or it won an earlier search."""


class Pays(StrEnum):
    """Budget of a search that pays: the search's own, or the report's."""

    budget = "budget"
    report_evaluations = "report_evaluations"


def enter_recipe(ledger: Ledger, search: str, recipe: Recipe, signals: SignalTable, pays: Pays) -> Subset:
    """Enter a person's recipe for evaluation; whoever works on the search makes it.

    Paid from the search's budget it is a trial, and the solver learns from it. Paid from the second budget
    it joins the arms of the report, and the search goes on as if nobody had asked.

    Raises:
        InvalidRecipe: The recipe realises no subset of this pool.
        BudgetSpentError: The budget does not cover it.
    """
    subset = realise(recipe, signals)
    tokens = tokens_of(subset, signals)
    if pays is Pays.budget:
        ledger.enter_trial(search, recipe, subset.fingerprint, tokens, Proposal(STATED).to_json())
    else:
        ledger.enter_arm(search, ArmPlan(REQUESTED, recipe, subset.fingerprint, tokens, 0))
    return subset


def evaluate_recipe(  # noqa: PLR0917 - what `report_arms` takes, and the recipe
    ledger: Ledger,
    search: str,
    recipe: Recipe,
    signals: SignalTable,
    evaluator: Evaluator,
    progress: SearchProgress | None = None,
) -> TrialRecord:
    """Evaluate a person's recipe beside a search, from its second budget, and return the ended evaluation.

    One that another process works on is waited for. What was evaluated before is found and not paid again.

    Raises:
        InvalidRecipe: The recipe realises no subset of this pool.
        BudgetSpentError: The second budget does not cover it.
        ChangedEvaluatorError: The search was registered for another evaluator.
    """
    require_same_evaluator(ledger, search, evaluator)
    subset = enter_recipe(ledger, search, recipe, signals, Pays.report_evaluations)
    while not (trial := requested_trial(ledger, search, subset)).state.has_ended:
        ledger.release_lost()
        reserved = reserve_arms(ledger, search, only_requested=True)
        if not evaluate_reserved(ledger, reserved, signals, evaluator, progress):
            time.sleep(POLL_S)
    return trial


def requested_trial(ledger: Ledger, search: str, subset: Subset) -> TrialRecord:
    """The latest evaluation of a subset that a person asked for beside a search."""
    arms = ledger.trials(search, TrialKind.REPORT)
    return [each for each in arms if (each.arm, each.subset) == (REQUESTED, subset.fingerprint)][-1]


def register_recipe(
    ledger: Ledger, spec: SearchSpec, name: str, recipe: Recipe, signals: SignalTable, *, source: str = ""
) -> Subset:
    """Enter a search of its own for a stated recipe, which is its first trial.

    Args:
        ledger: Ledger that it is entered in.
        spec: The search.
        name: Its name.
        recipe: The recipe of its first trial.
        signals: The pool of the search.
        source: Where the recipe is from, where no person wrote it; recorded with the trial.

    Raises:
        InvalidRecipe: The recipe realises no subset of this pool.
        SearchConflictError: The name is taken by a search that asks for something else.
    """
    subset = realise(recipe, signals)
    ledger.register_with_trial(
        spec,
        name,
        recipe,
        subset=subset.fingerprint,
        tokens=tokens_of(subset, signals),
        proposal=Proposal(STATED, edit=source).to_json(),
    )
    return subset


def enter_ablation(ledger: Ledger, search: str, recipe: Recipe, step: int, signals: SignalTable) -> Subset:
    """Enter an evaluation of a recipe without one of its steps, paid from the second budget.

    Args:
        ledger: Ledger that it is entered in.
        search: Whose second budget pays.
        recipe: The whole recipe, mostly the recommended one.
        step: Number of the step that is left out, from 1.
        signals: The pool of the search.

    Raises:
        SettingError: The recipe has no such step.
        InvalidRecipe: The shorter recipe realises no subset of this pool.
        BudgetSpentError: The second budget does not cover it.
    """
    if not 1 <= step <= len(recipe.steps):
        raise SettingError("step", step, f"from 1 to {len(recipe.steps)}")
    rest = recipe.with_steps((*recipe.steps[: step - 1], *recipe.steps[step:]))
    subset = realise(rest, signals)
    ledger.enter_arm(search, ArmPlan(ABLATION, rest, subset.fingerprint, tokens_of(subset, signals), 0))
    return subset
