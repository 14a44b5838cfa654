"""Registration of a study's entries in the ledger; together they never exceed the study's budget."""

from dataclasses import replace

from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.records import SearchState
from autoselection_core.history.specification.policy_names import merge_settings
from autoselection_core.history.specification.spec import SearchSpec
from autoselection_core.search.evaluate import require_same_evaluator
from autoselection_core.study.loading import Contest
from autoselection_core.study.study import SearchArm
from autoselection_core.study.study_run import StudyRun

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
        ledger.stop(entry, _NOT_A_SEARCH)
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
    return any(record.search == entry for record in study_run.ledger.searches())


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
