"""Arms of a study in the ledger: planned one after the other, paid from what the searches leave."""

import time
from collections.abc import Sequence
from dataclasses import replace

from autoselection_core.errors.evaluation import EvaluationError
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.records import ArmPlan, Reservation, TrialKind, TrialRecord, TrialState
from autoselection_core.recipe import Recipe
from autoselection_core.search.arms import FULL_POOL, RANDOM, RandomDraws, plan_arm
from autoselection_core.search.evaluate import evaluate
from autoselection_core.study.loading import Contest, arms_entry
from autoselection_core.study.study_run import StudyRun
from autoselection_core.subset import realise

RECIPE, CANDIDATE = "recipe", "candidate"
"""Kinds of arms beside those of a report; all kinds but the full pool are followed by a slash and a name."""

_POLL_S = 1.0

_DRAWS_A_CONTEST = 1_000
"""Draw numbers that a contest has to itself: contests share no draw, whatever their number of tokens."""


def planned_of(trial: TrialRecord) -> ArmPlan:
    """The plan of an evaluation that the ledger knows."""
    assert trial.recipe is not None, "an arm is planned with its recipe"
    return ArmPlan(trial.arm, trial.recipe, str(trial.subset), trial.tokens or 0, trial.replicate or 0)


def full_pool_arms(study_run: StudyRun) -> list[ArmPlan]:
    """Runs of the full pool."""
    return [plan_arm(FULL_POOL, Recipe(), study_run.signals, run) for run in range(study_run.study.full_pool)]


def recipe_arms(study_run: StudyRun) -> list[ArmPlan]:
    """Runs of the stated recipes, each first run before any second one."""
    return [
        plan_arm(f"{RECIPE}/{arm.name}", arm.recipe, study_run.signals, run)
        for run in range(study_run.study.recipe_runs)
        for arm in study_run.study.recipes
    ]


def candidate_arms(study_run: StudyRun, contest: Contest) -> list[ArmPlan]:
    """The equal candidates of a contest of the A/A mode, one run each."""
    same = study_run.study.same
    if same is None:
        return []
    first = contest.number * _DRAWS_A_CONTEST + _DRAWS_A_CONTEST // 2
    draws = _random_draws(study_run, Recipe(), f"{CANDIDATE}/{contest.seed}.1", first, same.share)
    return [
        draws.plan(f"{CANDIDATE}/{contest.seed}.{number + 1}", first + number) for number in range(same.count)
    ]


def contest_arms(study_run: StudyRun, contest: Contest, winner: ArmPlan) -> list[ArmPlan]:
    """Fresh runs of a winner and random draws of as many tokens.

    Args:
        study_run: The study at work.
        contest: What recommended the winner.
        winner: The winner, with the first replicate that nobody has seen.
    """
    runs = [replace(winner, replicate=winner.replicate + run) for run in range(study_run.study.winner)]
    name, first = f"{RANDOM}/{contest.name}", contest.number * _DRAWS_A_CONTEST
    draws = _random_draws(study_run, winner.recipe, name, first)
    return [*runs, *(draws.plan(name, first + draw) for draw in range(study_run.study.random))]


def _random_draws(
    study_run: StudyRun, recipe: Recipe, arm: str, first: int, share: float = 1.0
) -> RandomDraws:
    """Draws of as many tokens as a share of a recipe's, as the study began them."""
    known = study_run.ledger.trials(arms_entry(study_run.study), TrialKind.REPORT)
    begun = {trial.subset for trial in known if trial.arm == arm}
    return RandomDraws(recipe, study_run.signals, study_run.max_tokens, share).as_first_planned(begun, first)


def evaluate_planned(
    study_run: StudyRun, entry: str, planned: Sequence[ArmPlan], evaluator: Evaluator
) -> None:
    """Enter what is planned so far and evaluate it as far as the budget goes; test items are opened here.

    What failed stays failed, with its reason in the ledger. Doing it again pays for nothing that is there.
    What another process holds is waited for, or taken over once its lease has ended: a winner is chosen among
    all candidates, however a study was interrupted.
    """
    ledger = study_run.ledger
    ledger.plan_report(entry, planned)
    while True:
        ledger.release_lost()
        if (reservation := ledger.reserve_report(entry)) is not None:
            _evaluate(study_run, reservation, evaluator)
        elif held := [trial for trial in ledger.trials(entry, TrialKind.REPORT) if trial.state.is_held]:
            study_run.tell(f"waiting for {len(held)} evaluations that another process holds", 0, None)
            time.sleep(_POLL_S)
        else:
            break
    for trial in ledger.trials(entry, TrialKind.REPORT):
        if trial.state is TrialState.DONE:
            open_items(study_run, trial, evaluator)


def _evaluate(study_run: StudyRun, reservation: Reservation, evaluator: Evaluator) -> None:
    ledger, entry = study_run.ledger, reservation.search
    trial = ledger.trial(reservation)
    assert trial.recipe is not None, "an arm is planned with its recipe"

    def tell(stage: str, done: int, total: int) -> None:
        study_run.tell(f"{trial.arm}: {stage}", done, total)

    try:
        evaluate(ledger, reservation, evaluator, realise(trial.recipe, study_run.signals), tell)
    except EvaluationError as error:
        study_run.tell(f"{trial.arm} failed: {error}", 1, 1)
    else:
        open_items(study_run, ledger.trial(reservation), evaluator)
        known = ledger.trials(entry, TrialKind.REPORT)
        study_run.tell(f"arms of {entry}", sum(each.state.has_ended for each in known), len(known))


def open_items(study_run: StudyRun, trial: TrialRecord, evaluator: Evaluator) -> None:
    """Score the test items and the held-out benchmarks with a finished arm, unless that was done before."""
    assert trial.evaluation is not None, "a trial is done only with an evaluation"
    folder = EvaluationFolder(study_run.home.evaluation(trial.evaluation))
    reason = f"study {study_run.study.name}, arm {trial.arm}"
    if not folder.has_test_scores:
        evaluator.open_test(trial.evaluation, reason)
    for benchmark in study_run.held_out_benchmarks:
        if isinstance(evaluator, FineTuningEvaluator) and not folder.has_held_out(benchmark):
            evaluator.score_held_out(trial.evaluation, benchmark, reason)
