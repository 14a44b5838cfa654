import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autoselection_core.errors.search import ChangedEvaluatorError, ChangedSubsetError
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, SearchState, TrialState
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.evaluate import evaluate
from autoselection_core.search.loop import Stage, run_search, run_search_together
from autoselection_core.search.propose import propose
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.solver import Solver
from autoselection_core.subset import Subset
from tests.search.worlds import (
    Exhausted,
    InOrder,
    Insistent,
    Picky,
    Weighing,
    closed_form,
    spec,
    table,
    training_failed,
)


@dataclass(frozen=True, eq=False)
class Meeting:
    """The cheap evaluator, which waits until two threads are in it."""

    evaluator: ClosedFormEvaluator
    both: threading.Barrier

    @property
    def fingerprint(self) -> str:
        return self.evaluator.fingerprint

    def key(self, subset: str, replicate: int) -> str:
        return self.evaluator.key(subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        self.both.wait(timeout=20)
        return self.evaluator.evaluate(subset, replicate, progress)

    def load_finished(self, key: str) -> Evaluation | None:
        return self.evaluator.load_finished(key)

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        return self.evaluator.open_test(key, reason)


def ledger_in(folder: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{folder / 'history.sqlite'}")


def test_two_workers_judge_at_the_same_time_and_pay_the_budget_once(tmp_path: Path) -> None:
    ledger, evaluator = ledger_in(tmp_path), closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=4, slots=2))

    history = run_search_together(
        ledger, search, InOrder(table(), []), Meeting(evaluator, threading.Barrier(2)), workers=2
    )

    assert sorted(observation.trial for observation in history.observations) == [1, 2, 3, 4]
    assert sum(payment.cost for payment in ledger.payments(search)) == 4


def test_ctrl_c_gives_the_trials_of_all_workers_back(tmp_path: Path) -> None:
    ledger, evaluator = ledger_in(tmp_path), closed_form(tmp_path, delay_s=0.2)
    search = ledger.register(spec(evaluator, budget=50, slots=3))

    def interrupted(stage: Stage) -> None:
        if stage.reservation.trial == 3 and stage.name == "closed form":
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_search_together(ledger, search, InOrder(table(), []), evaluator, interrupted, workers=3)

    assert time.monotonic() - started < 20
    assert ledger.search(search).state is SearchState.ACTIVE
    assert {trial.state for trial in ledger.trials(search)} <= {TrialState.WAITING, TrialState.DONE}
    assert "waits for a worker" in ledger.why_idle(search), "its slots are not busy: nobody works"


def test_ctrl_c_before_the_solver_is_asked_gives_the_trial_back(tmp_path: Path) -> None:
    ledger, evaluator = ledger_in(tmp_path), closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=4))

    def interrupted(stage: Stage) -> None:
        if stage.reservation.trial == 2 and stage.name == "choosing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_search(ledger, search, InOrder(table(), []), evaluator, interrupted)

    assert [trial.state for trial in ledger.trials(search)] == [TrialState.DONE, TrialState.WAITING]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{tmp_path / 'history.sqlite'}")


def test_a_search_spends_its_budget_and_measures_every_trial(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=4))

    history = run_search(ledger, search, InOrder(table(), []), evaluator)

    assert [observation.trial for observation in history.observations] == [1, 2, 3, 4]
    assert history.spent == 4
    assert ledger.search(search).state is SearchState.DONE
    assert history.observations[0].tokens > history.observations[1].tokens > 0


def test_the_real_solver_runs_a_search_and_tells_why_it_chose(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=5))
    solver = Solver(table(), catalogue(table()), Policy(name="random", fresh=20))

    history = run_search(ledger, search, solver, evaluator)

    assert len({observation.subset for observation in history.observations}) == 5
    assert all(observation.proposal["origin"] for observation in history.observations)


def test_a_shared_evaluation_counts_by_the_weights_of_each_search(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    first = ledger.register(spec(evaluator, budget=1), "first")
    second = ledger.register(spec(evaluator, budget=1, seed=1), "second")

    run_search(ledger, first, InOrder(table(), []), evaluator)
    with pytest.raises(RuntimeError, match="enough"):
        run_search(ledger, second, InOrder(table(), []), Weighing(evaluator, -2.0), _once)

    (paid,), (reused,) = ledger.history(first).observations, ledger.history(second).observations
    assert reused.cost == 0
    assert reused.utility == pytest.approx(-2.0 * paid.utility)
    assert ledger.history(first).observations == (paid,)


def _once(stage: Stage) -> None:
    if stage.has_ended:
        message = "enough"
        raise RuntimeError(message)


def test_a_search_run_again_pays_nothing_and_asks_nobody(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    search = ledger.register(spec(evaluator, budget=2))
    first = run_search(ledger, search, solver, evaluator)
    asked = list(solver.asked)

    assert run_search(ledger, search, solver, evaluator) == first
    assert solver.asked == asked


def test_a_raised_budget_continues_where_the_search_ended(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    search = ledger.register(spec(evaluator, budget=2))
    run_search(ledger, search, solver, evaluator)
    ledger.raise_budget(search, 3)
    raised = run_search(ledger, search, solver, evaluator)

    other = Ledger.open(f"sqlite:///{tmp_path / 'other.sqlite'}")
    straight = run_search(other, other.register(spec(evaluator, budget=3)), InOrder(table(), []), evaluator)

    assert raised.observations == straight.observations


def test_proposing_again_returns_the_recorded_candidate(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    (reservation,) = ledger.reserve_free_slots(ledger.register(spec(evaluator)))

    first = propose(ledger, reservation, solver)
    second = propose(ledger, reservation, solver)

    assert solver.asked == [1]
    assert (first.recipe, first.proposal) == (second.recipe, second.proposal)
    assert first.subset.fingerprint == second.subset.fingerprint


def test_evaluating_a_finished_trial_again_spends_nothing(ledger: Ledger, tmp_path: Path) -> None:
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    search = ledger.register(spec(evaluator))
    (reservation,) = ledger.reserve_free_slots(search)
    subset = propose(ledger, reservation, solver).subset

    first = evaluate(ledger, reservation, evaluator, subset)
    second = evaluate(ledger, reservation, evaluator, subset)

    assert replace(second, seconds=first.seconds) == first
    assert ledger.search(search).spent == 1


def test_a_folder_that_was_finished_and_not_committed_is_committed_without_training(
    ledger: Ledger, tmp_path: Path
) -> None:
    evaluator, solver = closed_form(tmp_path), InOrder(table(), [])
    search = ledger.register(spec(evaluator, budget=1))
    (reservation,) = ledger.reserve_free_slots(search)
    subset = propose(ledger, reservation, solver).subset
    made = evaluator.evaluate(subset, 0)  # and here the worker dies
    result = evaluator.home.evaluation(made.key) / "result.json"
    written = result.stat().st_mtime_ns

    ledger.release_lost(now=ledger.clock() + 10_000)
    (observation,) = run_search(ledger, search, solver, evaluator).observations

    assert observation.utility == made.utility
    assert result.stat().st_mtime_ns == written


def test_a_subset_that_cannot_be_trained_is_a_failed_trial_and_never_a_score(
    ledger: Ledger, tmp_path: Path
) -> None:
    picky = Picky(closed_form(tmp_path), training_failed(), fails_below=200)
    search = ledger.register(spec(picky.evaluator, budget=4))

    history = run_search(ledger, search, InOrder(table(), []), picky)

    assert [observation.trial for observation in history.observations] == [1]
    record = ledger.search(search)
    assert record.state is SearchState.STOPPED
    assert "the last 3 trials all failed: TrainingFailedError" in record.reason
    assert record.spent == 1


@pytest.mark.parametrize(
    ("error", "outcome"), [(OSError("no such device"), "failed"), (KeyboardInterrupt(), "released")]
)
def test_an_accident_gives_the_trial_back_and_a_rerun_goes_on(
    ledger: Ledger, tmp_path: Path, error: BaseException, outcome: str
) -> None:
    picky = Picky(closed_form(tmp_path), error, fails_below=200)
    search, solver = ledger.register(spec(picky.evaluator, budget=3)), InOrder(table(), [])
    with pytest.raises(type(error)):
        run_search(ledger, search, solver, picky)
    assert [trial.state for trial in ledger.trials(search)] == [TrialState.DONE, TrialState.WAITING]
    assert outcome in {payment.outcome for payment in ledger.payments(search)}

    history = run_search(ledger, search, solver, picky.evaluator)

    assert [observation.trial for observation in history.observations] == [1, 2, 3]
    assert history.spent == 3
    assert solver.asked == [1, 2, 3]


def test_a_solver_with_nothing_left_stops_the_search_with_its_reason(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=9))

    history = run_search(ledger, search, Exhausted(table(), []), evaluator)

    assert len(history.observations) == 2
    assert "no candidate is left for trial 3 (7 already tried)" in ledger.search(search).reason


def test_repetitions_of_a_subset_train_with_their_own_seeds(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=3))

    history = run_search(ledger, search, Insistent(table(), []), evaluator)

    assert [observation.replicate for observation in history.observations] == [0, 1, 2]
    assert len({observation.utility for observation in history.observations}) == 3


def test_another_search_takes_finished_scores_for_nothing(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    first = run_search(ledger, ledger.register(spec(evaluator, budget=2)), InOrder(table(), []), evaluator)
    search = ledger.register(spec(evaluator, budget=1, seed=1))

    history = run_search(ledger, search, InOrder(table(), []), evaluator)

    assert [observation.cost for observation in history.observations] == [0.0, 0.0, 1.0]
    assert history.observations[0].utility == first.observations[0].utility


def test_a_search_refuses_scores_of_another_evaluator(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator))

    with pytest.raises(ChangedEvaluatorError, match="start a new search"):
        run_search(ledger, search, InOrder(table(), []), replace(evaluator, size_weight=9.0))


def test_a_recipe_on_another_pool_is_refused_and_says_so(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    (reservation,) = ledger.reserve_free_slots(ledger.register(spec(evaluator)))
    propose(ledger, reservation, InOrder(table(), []))

    with pytest.raises(ChangedSubsetError, match="pool version"):
        propose(ledger, reservation, InOrder(table(200), []))


def test_progress_names_every_trial_and_its_stages(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=2))
    stages: list[Stage] = []

    run_search(ledger, search, InOrder(table(), []), evaluator, stages.append)

    assert {stage.reservation for stage in stages} == {Reservation(search, 1), Reservation(search, 2)}
    assert [stage.name for stage in stages if stage.name in ("choosing", "done")] == ["choosing", "done"] * 2


def test_every_proposal_records_the_history_that_it_saw(ledger: Ledger, tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    search = ledger.register(spec(evaluator, budget=3))
    run_search(ledger, search, InOrder(table(), []), evaluator)

    assert [trial.seen["observations"] for trial in ledger.trials(search)] == [[], [1], [1, 2]]
