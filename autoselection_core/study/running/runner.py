"""Run a study, or go on with it: what is finished is never paid for again."""

from collections import Counter
from dataclasses import dataclass, field

from autoselection_core.history.records import ArmPlan, Kind, SearchState, TrialRecord, TrialState
from autoselection_core.search.baselines import WINNER, plan_arm, separate_run
from autoselection_core.search.loop import Stage, run_search
from autoselection_core.study.arms import (
    CANDIDATE,
    candidate_arms,
    contest_arms,
    evaluate_planned,
    full_pool_arms,
    has_ended,
    planned_of,
    recipe_arms,
)
from autoselection_core.study.entries import Contest, arms_entry, contests, entries, transfer_entry
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.results.states import judge_of, keep_states, read_states
from autoselection_core.study.running.further_scoring import score_further
from autoselection_core.study.running.registering import register_arms, register_search
from autoselection_core.study.running.transferring import transfer
from autoselection_core.study.study_run import Ground


def run_study(ground: Ground) -> None:
    """Carry out a study, the parts that tell most first.

    The full pool and the first contest come first, then the stated recipes, then the other contests: a study
    that is cut off has something to say.

    A finished study needs neither pool nor model.

    Raises:
        ChangedEvaluatorError: The study began with another base model, training or set of benchmarks.
        ChangedSubsetError: It began with another pool.
    """
    if is_finished(ground):
        return
    arms = _Arms.of(ground)
    arms.evaluate(full_pool_arms(ground))
    first, *others = contests(ground.study) or (None,)
    if first is not None:
        _contend(arms, first)
    arms.evaluate(recipe_arms(ground))
    for contest in others:
        if contest is not None:
            _contend(arms, contest)
    transfer(ground)
    score_further(ground)
    keep_states(ground)


def is_finished(ground: Ground) -> bool:
    """Whether everything that a study asks for was measured, or has failed for good."""
    study, ledger = ground.study, ground.ledger
    kept = read_states(study, ground.home)
    if kept is None or kept.judge != judge_of(study):
        return False
    known = entries(study, ledger)
    wanted = {contest.entry for contest in contests(study)}
    states = [ledger.search(entry).state for entry in known]
    if not wanted <= set(known) or SearchState.ACTIVE in states:
        return False
    arms = ledger.trials(arms_entry(study), Kind.REPORT)
    transferred = ledger.trials(transfer_entry(study), Kind.REPORT) if study.transfer is not None else ()
    ended = all(has_ended(trial) for trial in (*arms, *transferred))
    runs = {(trial.arm, trial.subset, trial.replicate) for trial in arms}
    complete = len(runs) >= study.compared and len(transferred) >= study.transferred
    return ended and complete and StudyFacts(study, ground.home).has_further_scores


@dataclass
class _Arms:
    """The arms that are planned so far."""

    ground: Ground
    entry: str
    planned: list[ArmPlan] = field(default_factory=list)

    @classmethod
    def of(cls, ground: Ground) -> "_Arms":
        """The arms with those that an earlier process planned."""
        study = ground.study
        paid = study.budget - study.searched - study.transferred
        entry = register_arms(ground, arms_entry(study), paid, ground.evaluator)
        known = ground.ledger.trials(entry, Kind.REPORT)
        planned = [planned_of(trial) for trial in known if trial.state != TrialState.FAILED]
        # An older release let equal draws share a training; each such training is one run.
        return cls(
            ground,
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
                self.planned.append(separate_run(plan, self.planned, _fresh(self.ground, plan.subset)))
        evaluate_planned(self.ground, self.entry, self.planned, self.ground.evaluator)

    def called(self, name: str) -> list[TrialRecord]:
        """The finished and planned evaluations of an arm."""
        trials = self.ground.ledger.trials(self.entry, Kind.REPORT)
        return [trial for trial in trials if trial.arm == name and trial.recipe is not None]


def _contend(arms: _Arms, contest: Contest) -> None:
    if contest.arm is None:
        arms.evaluate(candidate_arms(arms.ground, contest))
    else:
        _search(arms.ground, contest)
    winner = _winner(arms, contest)
    if winner is not None:
        arms.evaluate(contest_arms(arms.ground, contest, winner))


def _search(ground: Ground, contest: Contest) -> None:
    spec = register_search(ground, contest)
    if ground.ledger.search(contest.entry).state is SearchState.ACTIVE:
        solver = ground.workspace.solver(spec)
        run_search(
            ground.ledger,
            contest.entry,
            solver,
            ground.evaluator,
            lambda stage: _tell(ground, contest, stage),
        )


def _tell(ground: Ground, contest: Contest, stage: Stage) -> None:
    if stage.has_ended:
        trials = ground.ledger.trials(contest.entry)
        ended = sum(trial.state in (TrialState.DONE, TrialState.FAILED) for trial in trials)
        ground.tell(f"trials of {contest.name}", ended, None)
    else:
        trial = f"{contest.name}, trial {stage.reservation.trial}"
        ground.tell(f"{trial}: {stage.name}", stage.done, stage.total)


def _winner(arms: _Arms, contest: Contest) -> ArmPlan | None:
    """What a contest recommends; the recorded one where its arms were planned before."""
    ground, name = arms.ground, f"{WINNER}/{contest.name}"
    if known := arms.called(name):
        return planned_of(min(known, key=lambda trial: trial.replicate or 0))
    if contest.arm is None:
        return _best_candidate(arms, contest, name)
    history = ground.ledger.history(contest.entry)
    if not history.observations:
        return None
    best = ground.workspace.solver(ground.ledger.search(contest.entry).spec).recommend(history)
    return plan_arm(name, best.recipe, ground.signals, _fresh(ground, best.subset))


def _best_candidate(arms: _Arms, contest: Contest, name: str) -> ArmPlan | None:
    trials = [
        trial
        for trial in arms.ground.ledger.trials(arms.entry, Kind.REPORT)
        if trial.arm.startswith(f"{CANDIDATE}/{contest.seed}.") and trial.utility is not None
    ]
    best = max(trials, key=lambda trial: trial.utility or 0.0, default=None)
    if best is None or best.recipe is None or best.subset is None:
        return None
    return plan_arm(name, best.recipe, arms.ground.signals, _fresh(arms.ground, best.subset))


def _fresh(ground: Ground, subset: str) -> int:
    """The first replicate of a subset that no search and no arm of the study has seen."""
    trials = [
        trial
        for entry in entries(ground.study, ground.ledger)
        for kind in Kind
        for trial in ground.ledger.trials(entry, kind)
    ]
    seen = [trial.replicate for trial in trials if trial.subset == subset and trial.replicate is not None]
    return 1 + max(seen, default=-1)
