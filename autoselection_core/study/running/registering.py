"""A study's entries in the ledger; together they can pay for no more than the study's budget."""

from dataclasses import replace

from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.records import SearchState
from autoselection_core.history.spec import SearchSpec
from autoselection_core.search.evaluate import require_same_evaluator
from autoselection_core.study.entries import Contest
from autoselection_core.study.study import SearchArm
from autoselection_core.study.study_run import Ground

_NOT_A_SEARCH = "it holds arms of a study; nothing is searched here"


def register_arms(ground: Ground, entry: str, evaluations: int, evaluator: Evaluator) -> str:
    """Enter what pays for arms; the ledger calls it a search, which is stopped before it starts.

    Raises:
        ChangedEvaluatorError: The study began with another judge.
    """
    ledger = ground.ledger
    if not _is_known(ground, entry):
        asked = ground.workspace.spec(ground.pool.version, budget=1, seed=0, report_evaluations=evaluations)
        ledger.register(replace(asked, evaluator=evaluator.fingerprint), entry)
    require_same_evaluator(ledger, entry, evaluator)
    record = ledger.search(entry)
    if record.state is not SearchState.STOPPED:
        ledger.stop(entry, _NOT_A_SEARCH)
    if evaluations > record.report_evaluations:
        ledger.raise_report_evaluations(entry, evaluations)
    return entry


def register_search(ground: Ground, contest: Contest) -> SearchSpec:
    """Enter one search of a study, or find it, and say what it pins.

    A search that has begun keeps the pool, signals and settings that it began with.
    """
    arm = contest.arm
    assert arm is not None, "a contest among equal candidates searches nothing"
    if not _is_known(ground, contest.entry):
        ground.ledger.register(_spec_of(ground, contest, arm), contest.entry)
    record = ground.ledger.search(contest.entry)
    if arm.budget > record.budget:
        ground.ledger.raise_budget(contest.entry, arm.budget)
    return record.spec


def _is_known(ground: Ground, entry: str) -> bool:
    return any(record.search == entry for record in ground.ledger.searches())


def _spec_of(ground: Ground, contest: Contest, arm: SearchArm) -> SearchSpec:
    asked = ground.workspace.spec(
        ground.pool.version, budget=arm.budget, seed=contest.seed, policy=arm.policy, report_evaluations=0
    )
    # Arms are compared at equal trainings: none of them buys hints.
    return replace(
        asked,
        fidelities={},
        operators=arm.operators or asked.operators,
        policy_settings={**asked.policy_settings, **arm.settings},
    )
