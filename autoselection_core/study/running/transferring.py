"""The arms' recipes on another base model, once each."""

from dataclasses import replace

from autoselection_core.history.records import ArmPlan, Kind, TrialState
from autoselection_core.study.arms import evaluate_planned, planned_of
from autoselection_core.study.entries import arms_entry, transfer_entry
from autoselection_core.study.running.registering import register_arms
from autoselection_core.study.study_run import Ground


def transfer(ground: Ground) -> None:
    """Evaluate one subset of every arm on the other base model, where the study names one."""
    evaluator = ground.other_evaluator
    if evaluator is None:
        return
    entry = register_arms(ground, transfer_entry(ground.study), ground.study.transferred, evaluator)
    planned = [replace(plan, replicate=0) for plan in _first_of_each_arm(ground)]
    evaluate_planned(ground, entry, planned, evaluator)


def _first_of_each_arm(ground: Ground) -> list[ArmPlan]:
    done = [
        trial
        for trial in ground.ledger.trials(arms_entry(ground.study), Kind.REPORT)
        if trial.state is TrialState.DONE
    ]
    return list({trial.arm: planned_of(trial) for trial in reversed(done)}.values())[::-1]
