"""Resumable execution of a study: nothing finished is paid for again."""

from collections import Counter
from dataclasses import dataclass, field, replace

from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.records import (
    ArmPlan,
    SearchState,
    StopCause,
    TrialKind,
    TrialRecord,
    TrialState,
)
from autoselection_core.history.search_settings import merge_settings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.search.arms import WINNER, plan_arm, separate_run
from autoselection_core.search.evaluate import require_same_evaluator
from autoselection_core.search.loop import Stage, run_search
from autoselection_core.study.arms import (
    CANDIDATE,
    candidate_arms,
    contest_arms,
    evaluate_planned,
    full_pool_arms,
    planned_of,
    recipe_arms,
)
from autoselection_core.study.loading import Contest, arms_entry, contests, entries, transfer_entry
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.states import evaluator_of, keep_states, read_states
from autoselection_core.study.running.further_scoring import score_further
from autoselection_core.study.study import SearchArm
from autoselection_core.study.study_run import StudyRun


def transfer(study_run: StudyRun) -> None:
    """Evaluate one subset of every arm on the other base model, where the study names one."""
    evaluator = study_run.other_evaluator
    if evaluator is None:
        return
    entry = register_arms(
        study_run, transfer_entry(study_run.study), study_run.study.transfer_evaluations, evaluator
    )
    planned = [replace(plan, replicate=0) for plan in _first_of_each_arm(study_run)]
    evaluate_planned(study_run, entry, planned, evaluator)


def _first_of_each_arm(study_run: StudyRun) -> list[ArmPlan]:
    done = [
        trial
        for trial in study_run.ledger.trials(arms_entry(study_run.study), TrialKind.REPORT)
        if trial.state is TrialState.DONE
    ]
    return list({trial.arm: planned_of(trial) for trial in reversed(done)}.values())[::-1]


def run_study(study_run: StudyRun) -> None:
    """Carry out a study, the most informative parts first.

    The full pool and the first contest come first, then the stated recipes, then the other contests: a study
    that is cut off has a result.

    A finished study needs neither pool nor model.

    Raises:
        ChangedEvaluatorError: The study began with another base model, training or set of benchmarks.
        ChangedSubsetError: It began with another pool.
    """
    if is_finished(study_run):
        return
    arms = _Arms.of(study_run)
    arms.evaluate(full_pool_arms(study_run))
    first, *others = contests(study_run.study) or (None,)
    if first is not None:
        _contend(arms, first)
    arms.evaluate(recipe_arms(study_run))
    for contest in others:
        if contest is not None:
            _contend(arms, contest)
    transfer(study_run)
    score_further(study_run)
    keep_states(study_run)


def is_finished(study_run: StudyRun) -> bool:
    """Whether everything that a study asks for was measured, or has failed for good."""
    study, ledger = study_run.study, study_run.ledger
    kept = read_states(study, study_run.home)
    if kept is None or kept.judge != evaluator_of(study):
        return False
    known = entries(study, ledger)
    wanted = {contest.entry for contest in contests(study)}
    states = [ledger.search(entry).state for entry in known]
    if not wanted <= set(known) or SearchState.ACTIVE in states:
        return False
    arms = ledger.trials(arms_entry(study), TrialKind.REPORT)
    transferred = ledger.trials(transfer_entry(study), TrialKind.REPORT) if study.transfer is not None else ()
    ended = all(trial.state.has_ended for trial in (*arms, *transferred))
    runs = {(trial.arm, trial.subset, trial.replicate) for trial in arms}
    complete = len(runs) >= study.arm_evaluations and len(transferred) >= study.transfer_evaluations
    return ended and complete and StudyFacts(study, study_run.home).has_further_scores


@dataclass
class _Arms:
    """The arms that are planned so far."""

    study_run: StudyRun
    entry: str
    planned: list[ArmPlan] = field(default_factory=list)

    @classmethod
    def of(cls, study_run: StudyRun) -> "_Arms":
        """The arms with those that an earlier process planned."""
        study = study_run.study
        paid = study.budget - study.search_trainings - study.transfer_evaluations
        entry = register_arms(study_run, arms_entry(study), paid, study_run.evaluator)
        known = study_run.ledger.trials(entry, TrialKind.REPORT)
        planned = [planned_of(trial) for trial in known if trial.state != TrialState.FAILED]
        # An older release let equal draws share a training; each such training is one run.
        return cls(
            study_run,
            entry,
            list({(plan.arm, plan.subset, plan.replicate): plan for plan in planned}.values()),
        )

    def evaluate(self, plans: list[ArmPlan]) -> None:
        """Plan further arms and evaluate all that are not yet.

        Every run of the study is a training of its own: where two draws are the same subset, or a draw is the
        full pool, the later one has a fresh replicate. One training counted twice would look like no luck.
        """
        there = Counter((plan.arm, plan.subset) for plan in self.planned)
        for plan in plans:
            if there[plan.arm, plan.subset]:
                there[plan.arm, plan.subset] -= 1
            else:
                self.planned.append(separate_run(plan, self.planned, _fresh(self.study_run, plan.subset)))
        evaluate_planned(self.study_run, self.entry, self.planned, self.study_run.evaluator)

    def trials_of(self, name: str) -> list[TrialRecord]:
        """The finished and planned evaluations of an arm."""
        trials = self.study_run.ledger.trials(self.entry, TrialKind.REPORT)
        return [trial for trial in trials if trial.arm == name and trial.recipe is not None]


def _contend(arms: _Arms, contest: Contest) -> None:
    if contest.arm is None:
        arms.evaluate(candidate_arms(arms.study_run, contest))
    else:
        _search(arms.study_run, contest)
    winner = _winner(arms, contest)
    if winner is not None:
        arms.evaluate(contest_arms(arms.study_run, contest, winner))


def _search(study_run: StudyRun, contest: Contest) -> None:
    spec = register_search(study_run, contest)
    if study_run.ledger.search(contest.entry).state is SearchState.ACTIVE:
        solver = study_run.workspace.solver(spec)
        run_search(
            study_run.ledger,
            contest.entry,
            solver,
            study_run.evaluator,
            lambda stage: _tell(study_run, contest, stage),
        )


def _tell(study_run: StudyRun, contest: Contest, stage: Stage) -> None:
    if stage.has_ended:
        trials = study_run.ledger.trials(contest.entry)
        ended = sum(trial.state.has_ended for trial in trials)
        study_run.tell(f"trials of {contest.name}", ended, None)
    else:
        trial = f"{contest.name}, trial {stage.reservation.trial}"
        study_run.tell(f"{trial}: {stage.name}", stage.done, stage.total)


def _winner(arms: _Arms, contest: Contest) -> ArmPlan | None:
    """Recommendation of a contest; the recorded one where its arms were planned before."""
    study_run, name = arms.study_run, f"{WINNER}/{contest.name}"
    if known := arms.trials_of(name):
        return planned_of(min(known, key=lambda trial: trial.replicate or 0))
    if contest.arm is None:
        return _best_candidate(arms, contest, name)
    history = study_run.ledger.history(contest.entry)
    if not history.observations:
        return None
    best = study_run.workspace.solver(study_run.ledger.search(contest.entry).spec).recommend(history)
    return plan_arm(name, best.recipe, study_run.signals, _fresh(study_run, best.subset))


def _best_candidate(arms: _Arms, contest: Contest, name: str) -> ArmPlan | None:
    trials = [
        trial
        for trial in arms.study_run.ledger.trials(arms.entry, TrialKind.REPORT)
        if trial.arm.startswith(f"{CANDIDATE}/{contest.seed}.") and trial.utility is not None
    ]
    best = max(trials, key=lambda trial: trial.utility or 0.0, default=None)
    if best is None or best.recipe is None or best.subset is None:
        return None
    return plan_arm(name, best.recipe, arms.study_run.signals, _fresh(arms.study_run, best.subset))


def _fresh(study_run: StudyRun, subset: str) -> int:
    """The first replicate of a subset that no search and no arm of the study has seen."""
    trials = [
        trial
        for entry in entries(study_run.study, study_run.ledger)
        for kind in TrialKind
        for trial in study_run.ledger.trials(entry, kind)
    ]
    seen = [trial.replicate for trial in trials if trial.subset == subset and trial.replicate is not None]
    return 1 + max(seen, default=-1)


_NOT_A_SEARCH = "it holds arms of a study; nothing is searched here"


def register_arms(study_run: StudyRun, entry: str, evaluations: int, evaluator: Evaluator) -> str:
    """Enter the budget of arms; the ledger keeps it as a search, which is stopped before it starts.

    Raises:
        ChangedEvaluatorError: The study began with another evaluator.
    """
    ledger = study_run.ledger
    if not _is_known(study_run, entry):
        asked = study_run.workspace.spec(
            study_run.pool.version, budget=1, seed=0, report_evaluations=evaluations
        )
        ledger.register(replace(asked, evaluator=evaluator.fingerprint), entry)
    require_same_evaluator(ledger, entry, evaluator)
    record = ledger.search(entry)
    if record.state is not SearchState.STOPPED:
        ledger.stop(entry, _NOT_A_SEARCH, StopCause.STUDY)
    if evaluations > record.report_evaluations:
        ledger.raise_report_evaluations(entry, evaluations)
    return entry


def register_search(study_run: StudyRun, contest: Contest) -> SearchSpec:
    """Enter one search of a study, or find it, and say what it pins.

    A search that has begun keeps the pool, signals and settings that it began with.
    """
    arm = contest.arm
    assert arm is not None, "a contest among equal candidates searches nothing"
    if not _is_known(study_run, contest.entry):
        study_run.ledger.register(_spec_of(study_run, contest, arm), contest.entry)
    record = study_run.ledger.search(contest.entry)
    if arm.budget > record.budget:
        study_run.ledger.raise_budget(contest.entry, arm.budget)
    return record.spec


def _is_known(study_run: StudyRun, entry: str) -> bool:
    return study_run.ledger.find_search(entry) is not None


def _spec_of(study_run: StudyRun, contest: Contest, arm: SearchArm) -> SearchSpec:
    asked = study_run.workspace.spec(
        study_run.pool.version, budget=arm.budget, seed=contest.seed, policy=arm.policy, report_evaluations=0
    )
    # Arms are compared at equal trainings: none of them buys low-fidelity scores.
    return replace(
        asked,
        fidelities={},
        operators=arm.operators or asked.operators,
        policy_settings=merge_settings(asked.policy_settings, arm.settings),
    )
