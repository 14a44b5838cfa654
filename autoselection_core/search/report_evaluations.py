"""Evaluations of a report, planned and run: winner, full pool, random subsets, best plain filter.

They have a budget of their own. Each is one run of an arm.

A winner that is the whole pool has no random subset of equal tokens: its opponent is the best proper subset.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, zip_longest
from typing import Protocol

from autoselection_core.errors.evaluation import EvaluationError
from autoselection_core.errors.search import NoReportError
from autoselection_core.evaluation.fidelity import MultiFidelityEvaluator
from autoselection_core.evaluation.protocol import BaseModelScorer, Evaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import ArmPlan, SearchState, TrialKind, TrialRecord, TrialState
from autoselection_core.history.transactions.arms import REQUESTED
from autoselection_core.history.values import History
from autoselection_core.progress import Progress
from autoselection_core.recipe import Recipe
from autoselection_core.score.evaluation import UntrainedScores
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.arms import (
    FULL_POOL,
    PLAIN_FILTER,
    PLAIN_REPLICATES,
    PROPER_SUBSET,
    RANDOM,
    RANDOM_DRAWS,
    WINNER,
    WINNER_REPLICATES,
    RandomDraws,
    plan_arm,
    separate_runs,
)
from autoselection_core.search.evaluate import evaluate, require_same_evaluator
from autoselection_core.search.loop import DONE, FAILED, TESTING, SearchProgress, Stage
from autoselection_core.search.propose import AskingSolver
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Recommendation
from autoselection_core.subset import realise

STATED_ARM = "stated_recipe"
"""Arm of a recipe that a person stated, to see it beside the winner; several are numbered."""


class RecommendingSolver(AskingSolver, Protocol):
    """Solver as a report needs it."""

    def recommend(self, history: History) -> Recommendation:
        """The tried recipe with the best posterior mean."""
        ...


@dataclass(frozen=True)
class ArmRun:
    """One evaluation of a report, with the test items opened.

    Attributes:
        arm: `winner`, `random`, `full_pool`, `plain_filter`, `proper_subset` or `stated_recipe`, with a
            number where several recipes were stated.
        trial: Its record in the ledger.
        test: Test score of each benchmark.
        training_tokens: Tokens that it was trained on; None where its evaluation is gone.
    """

    arm: str
    trial: TrialRecord
    test: tuple[BenchmarkScore, ...]
    training_tokens: int | None = None


def report_arms(
    ledger: Ledger,
    search: str,
    solver: RecommendingSolver,
    evaluator: Evaluator,
    progress: SearchProgress | None = None,
    *,
    untrained: Progress | None = None,
) -> tuple[ArmRun, ...]:
    """Evaluate what the recommended recipe is compared with, as far as the report's budget goes.

    Goes through the same evaluator as the search. Test items are opened here and nowhere else. Doing it
    again pays for nothing that is there.

    Args:
        ledger: The history.
        search: Name of the search.
        solver: Recommends the winner.
        evaluator: Evaluator of the search.
        progress: Callback for the stages of each evaluation.
        untrained: Callback for the scoring of the untrained base model.

    Raises:
        NoReportError: The search still runs, or measured nothing.
        ChangedEvaluatorError: The search was registered for another evaluator.
    """
    require_same_evaluator(ledger, search, evaluator)
    planned = plan_arms(ledger, search, solver)
    ledger.plan_report(search, planned)
    ledger.release_lost()
    if evaluate_reserved(ledger, reserve_arms(ledger, search), solver.signals, evaluator, progress):
        score_untrained(evaluator, search, untrained)
    opened = open_arms(ledger, search, planned, evaluator, progress)
    open_stated(ledger, search, evaluator, progress)
    return opened


def score_untrained(
    evaluator: Evaluator, search: str, progress: Progress | None = None
) -> UntrainedScores | None:
    """Scores of the untrained base model, beside the arms of a report; None where nothing is trained.

    Scored with the first report of an evaluator that trains; reports of earlier releases go without.

    Raises:
        ScoringFailedError: The model could not be scored.
    """
    full = evaluator.full if isinstance(evaluator, MultiFidelityEvaluator) else evaluator
    if not isinstance(full, BaseModelScorer):
        return None
    return full.score_base_model(f"report of search {search}, base model untrained", progress)


def tests_by_arm(runs: Sequence[ArmRun]) -> dict[str, list[tuple[BenchmarkScore, ...]]]:
    """Test scores of each arm's runs; the arms that a report may plan are there without runs, too."""
    arms = (WINNER, RANDOM, FULL_POOL, PLAIN_FILTER, PROPER_SUBSET, *(run.arm for run in runs))
    return {arm: [run.test for run in runs if run.arm == arm] for arm in dict.fromkeys(arms)}


def plan_arms(ledger: Ledger, search: str, solver: RecommendingSolver) -> tuple[ArmPlan, ...]:
    """The evaluations that a report of a search asks for, the most telling first.

    Raises:
        NoReportError: The search still runs, or measured nothing.
    """
    record = ledger.search(search)
    if record.state is SearchState.ACTIVE:
        raise NoReportError(search, "it has budget left; let it finish, or stop it")
    history = ledger.history(search)
    if not history.observations:
        raise NoReportError(search, "none of its trials was measured")
    drawn = {trial.subset for trial in ledger.trials(search, TrialKind.REPORT) if trial.arm == RANDOM}
    return arms_after(history, solver, record.report_evaluations, drawn)


def arms_after(
    history: History, solver: RecommendingSolver, evaluations: int, drawn: Collection[str | None] = ()
) -> tuple[ArmPlan, ...]:
    """The evaluations that a report asks for after a history, the most telling first.

    What the report's budget covers beyond the usual ones goes to the winner and to further random draws in
    turn. Where the whole pool won, random subsets of equal tokens are the whole pool, too: all runs go to the
    winner and to the best subset that leaves something out, in turn.

    Args:
        history: History of the search.
        solver: Recommends the winner.
        evaluations: Budget of the report.
        drawn: Subsets of the random draws that were planned before. A report that an earlier release began
            goes on with draws of as many tokens in whole samples, or with draws that are the whole pool.
    """
    best = solver.recommend(history)
    whole = realise(Recipe(), solver.signals).fingerprint
    if best.subset == whole and whole not in drawn:
        return _beside_whole_pool(best, history, solver.signals, evaluations)
    fresh = history.replicate_of(best.subset)
    draws = RandomDraws(best.recipe, solver.signals, solver.max_tokens).as_first_planned(drawn)
    seen: Counter[str] = Counter()
    plans = []
    for arm in arm_order(evaluations, 0 if best.plain_filter is None else PLAIN_REPLICATES):
        number = seen[arm]
        seen[arm] += 1
        if arm == RANDOM:
            plans.append(draws.plan(arm, number))
        elif arm == WINNER:
            plans.append(plan_arm(arm, best.recipe, solver.signals, fresh + number))
        elif arm == PLAIN_FILTER and best.plain_filter is not None:
            plans.append(_plan_plain(best.plain_filter, number, history, solver.signals))
        else:
            plans.append(plan_arm(arm, Recipe(), solver.signals, number))
    return separate_runs(plans)


def _beside_whole_pool(
    best: Recommendation, history: History, signals: SignalTable, evaluations: int
) -> tuple[ArmPlan, ...]:
    """Fresh runs of the whole pool and of the best proper subset in turn; of the pool alone without one."""
    recipes = [(WINNER, best.recipe)]
    count = min(evaluations, WINNER_REPLICATES)
    if best.proper_subset is not None:
        recipes.append((PROPER_SUBSET, best.proper_subset))
        count = evaluations
    plans = [plan_arm(arm, recipe, signals) for arm, recipe in islice(cycle(recipes), count)]
    return separate_runs(
        [replace(plan, replicate=history.replicate_of(plan.subset)) for plan in plans],
    )


def _plan_plain(recipe: Recipe, number: int, history: History, signals: SignalTable) -> ArmPlan:
    """A fresh run of the best plain filter: what chose it is left out, as it is for the winner."""
    first = plan_arm(PLAIN_FILTER, recipe, signals)
    return replace(first, replicate=history.replicate_of(first.subset) + number)


def arm_order(evaluations: int, plain_filter: int = 0) -> tuple[str, ...]:
    """Arms of a report in the order in which its budget pays for them, one more than it has evaluations.

    The search mostly paid for the full pool already: first, so that a small budget still covers it. What that
    saves pays for a second run of it, without which no verdict over it is possible.

    Args:
        evaluations: The report's budget.
        plain_filter: Runs of the best plain filter.
    """
    runs = ([WINNER] * WINNER_REPLICATES, [RANDOM] * RANDOM_DRAWS, [PLAIN_FILTER] * plain_filter)
    most = max(evaluations, 1 + sum(map(len, runs)))
    usual = [arm for turn in zip_longest(*runs) for arm in turn if arm is not None]
    return (FULL_POOL, *usual, FULL_POOL, *(WINNER, RANDOM) * most)[: 1 + most]


def runs_covered(evaluations: int, plain_filter: int = 0) -> Mapping[str, int]:
    """Runs of each arm that a report's budget pays for, where the search paid for one of the full pool."""
    return Counter(arm_order(evaluations, plain_filter)[: 1 + evaluations] if evaluations else ())


def open_arms(
    ledger: Ledger,
    search: str,
    planned: Sequence[ArmPlan],
    evaluator: Evaluator,
    progress: SearchProgress | None = None,
) -> tuple[ArmRun, ...]:
    """The finished evaluations of a report with their test scores, in the order of the plan."""
    trials = {
        (trial.arm, trial.subset, trial.replicate): trial
        for trial in ledger.trials(search, TrialKind.REPORT)
        if trial.state is TrialState.DONE
    }
    wanted = [trials.get((plan.arm, plan.subset, plan.replicate)) for plan in planned]
    return tuple(_open(trial, evaluator, progress) for trial in wanted if trial is not None)


def open_stated(
    ledger: Ledger, search: str, evaluator: Evaluator, progress: SearchProgress | None = None
) -> tuple[ArmRun, ...]:
    """The finished evaluations of recipes that a person stated beside a search, with their test scores.

    In the order in which they were asked for; one of a subset that was stated twice counts once.
    """
    stated = {
        trial.subset: trial
        for trial in ledger.trials(search, TrialKind.REPORT)
        if trial.arm == REQUESTED and trial.state is TrialState.DONE
    }
    names = (
        [STATED_ARM] if len(stated) == 1 else [f"{STATED_ARM}_{number + 1}" for number in range(len(stated))]
    )
    return tuple(
        replace(_open(trial, evaluator, progress), arm=name)
        for name, trial in zip(names, stated.values(), strict=True)
    )


def _open(trial: TrialRecord, evaluator: Evaluator, progress: SearchProgress | None) -> ArmRun:
    if progress is not None:
        progress(Stage(trial.reservation, TESTING))
    assert trial.evaluation is not None, "a trial is done only with an evaluation"
    reason = f"report of search {trial.search}, arm {trial.arm}"
    test, made = evaluator.open_test(trial.evaluation, reason), evaluator.load_finished(trial.evaluation)
    return ArmRun(trial.arm, trial, test, None if made is None else made.cost.training_tokens)


def evaluate_reserved(
    ledger: Ledger,
    reserved: Iterable[TrialRecord],
    signals: SignalTable,
    evaluator: Evaluator,
    progress: SearchProgress | None,
) -> int:
    """Evaluate arms, each reserved when it is asked for; returns the number of evaluations."""
    made = 0
    for trial in reserved:
        made += 1
        reservation = trial.reservation

        def tell(name: str, done: int, total: int, trial: TrialRecord = trial) -> None:
            if progress is not None:
                shown = name if name in (DONE, FAILED) else f"({trial.arm}) {name}"
                progress(Stage(trial.reservation, shown, done, total))

        assert trial.recipe is not None, "an arm is planned with its recipe"
        try:
            evaluate(ledger, reservation, evaluator, realise(trial.recipe, signals), tell)
        except EvaluationError:
            tell(FAILED, 1, 1)  # the ledger has the reason
        else:
            tell(DONE, 1, 1)
    return made


def reserve_arms(ledger: Ledger, search: str, *, only_requested: bool = False) -> Iterator[TrialRecord]:
    """Arms, each reserved when it is asked for: what persons asked for, and else what a report planned."""
    while (reservation := ledger.reserve_report(search, only_requested=only_requested)) is not None:
        yield ledger.trial(reservation)
