"""Estimated cost of a study, before anything is spent."""

from dataclasses import dataclass
from statistics import median

from autoselection_core.campaign.duration import Pace, pace_of, unit_of
from autoselection_core.history.records import SearchState, TrialKind, TrialRecord
from autoselection_core.search.time_left import LATEST
from autoselection_core.study.arms import full_pool_arms, recipe_arms
from autoselection_core.study.loading import arms_entry, contests, entries, transfer_entry
from autoselection_core.study.study_run import StudyRun


@dataclass(frozen=True)
class StudyCost:
    """Remaining cost of a study, in full trainings and time.

    Attributes:
        evaluations: Full trainings that are left at most.
        pace: Expected duration of one.
        found: Evaluations of stated arms that the home folder has finished and that cost nothing.
    """

    evaluations: int
    pace: Pace
    found: int = 0

    @property
    def sentence(self) -> str:
        """The estimate for people."""
        return self.pace.sentence(self.evaluations, self.found)


def estimated_cost(study_run: StudyRun) -> StudyCost:
    """Upper bound of the remaining cost of a study, before its pool and signals are there."""
    return _cost_without(study_run, 0)


def estimated_cost_with_signals(study_run: StudyRun) -> StudyCost:
    """Remaining cost of a study, without the stated arms that the home folder has finished.

    Makes the pool and its signals where they are not there yet; trains nothing.
    """
    planned = [*full_pool_arms(study_run), *recipe_arms(study_run)]
    known = {(trial.subset, trial.replicate) for trial in _arms(study_run)}
    keys = {
        study_run.evaluator.key(plan.subset, plan.replicate)
        for plan in planned
        if (plan.subset, plan.replicate) not in known
    }
    return _cost_without(study_run, sum(study_run.evaluator.load_finished(key) is not None for key in keys))


def _cost_without(study_run: StudyRun, found: int) -> StudyCost:
    return StudyCost(max(0, _left(study_run) - found), _pace(study_run), found)


def _pace(study_run: StudyRun) -> Pace:
    known = {record.search for record in study_run.ledger.searches()}
    entered = {*entries(study_run.study, study_run.ledger), transfer_entry(study_run.study)} & known
    if own := study_run.ledger.paid_seconds(entered)[-LATEST:]:
        source = f"the median of its latest {len(own)} evaluations"
        campaign = study_run.study.campaign
        return Pace(median(own), source, unit_of(campaign), price_per_hour=campaign.price_per_hour)
    workspace, evaluator = study_run.workspace, None
    if study_run.study.campaign.closed_form is None and workspace.has_pool():
        evaluator = workspace.evaluator(workspace.pool().version).fingerprint
    return pace_of(workspace, evaluator, study_run.study.campaign.training)


def _left(study_run: StudyRun) -> int:
    """Trainings left: of the searches' budgets, and of arms that have not ended. A reuse ends an arm, too."""
    study, ledger = study_run.study, study_run.ledger
    known = {record.search: record for record in ledger.searches()}
    left = 0
    for contest in contests(study):
        record = known.get(contest.entry)
        if contest.arm is None:
            continue
        if record is None:
            left += contest.arm.budget
        elif record.state is SearchState.ACTIVE or contest.arm.budget > record.budget:
            left += max(0, contest.arm.budget - round(record.spent))
    transferred = (
        ledger.trials(transfer_entry(study), TrialKind.REPORT) if transfer_entry(study) in known else ()
    )
    ended = [sum(trial.state.has_ended for trial in trials) for trials in (_arms(study_run), transferred)]
    return left + max(0, study.arm_evaluations - ended[0]) + max(0, study.transfer_evaluations - ended[1])


def _arms(study_run: StudyRun) -> list[TrialRecord]:
    entry = arms_entry(study_run.study)
    known = {record.search for record in study_run.ledger.searches()}
    return list(study_run.ledger.trials(entry, TrialKind.REPORT)) if entry in known else []
