"""Transfer: the arms' recipes on another base model, once each."""

from dataclasses import replace

from autoselection_core.history.records import ArmPlan, Kind, TrialState
from autoselection_core.study.arms import evaluate_planned, planned_of
from autoselection_core.study.entries import arms_entry, transfer_entry
from autoselection_core.study.running.registering import register_arms
from autoselection_core.study.study_run import StudyRun


def transfer(study_run: StudyRun) -> None:
    """Evaluate one subset of every arm on the other base model, where the study names one."""
    evaluator = study_run.other_evaluator
    if evaluator is None:
        return
    entry = register_arms(study_run, transfer_entry(study_run.study), study_run.study.transferred, evaluator)
    planned = [replace(plan, replicate=0) for plan in _first_of_each_arm(study_run)]
    evaluate_planned(study_run, entry, planned, evaluator)


def _first_of_each_arm(study_run: StudyRun) -> list[ArmPlan]:
    done = [
        trial
        for trial in study_run.ledger.trials(arms_entry(study_run.study), Kind.REPORT)
        if trial.state is TrialState.DONE
    ]
    return list({trial.arm: planned_of(trial) for trial in reversed(done)}.values())[::-1]
