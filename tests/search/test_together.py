import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState, TrialState
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.loop import Stage
from autoselection_core.search.together import run_search_together
from autoselection_core.subset import Subset
from tests.search.worlds import InOrder, evaluator, spec, table


@dataclass(frozen=True, eq=False)
class Meeting:
    """The cheap evaluator, which waits until two threads are in it."""

    judge: ClosedFormEvaluator
    both: threading.Barrier

    @property
    def fingerprint(self) -> str:
        return self.judge.fingerprint

    def key(self, subset: str, replicate: int) -> str:
        return self.judge.key(subset, replicate)

    def evaluate(self, subset: Subset, replicate: int, progress: Progress | None = None) -> Evaluation:
        self.both.wait(timeout=20)
        return self.judge.evaluate(subset, replicate, progress)

    def finished(self, key: str) -> Evaluation | None:
        return self.judge.finished(key)

    def open_test(self, key: str, reason: str) -> tuple[BenchmarkScore, ...]:
        return self.judge.open_test(key, reason)


def ledger_in(folder: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{folder / 'history.sqlite'}")


def test_two_workers_judge_at_the_same_time_and_pay_the_budget_once(tmp_path: Path) -> None:
    ledger, judge = ledger_in(tmp_path), evaluator(tmp_path)
    search = ledger.register(spec(judge, budget=4, slots=2))

    history = run_search_together(
        ledger, search, InOrder(table(), []), Meeting(judge, threading.Barrier(2)), workers=2
    )

    assert sorted(observation.trial for observation in history.observations) == [1, 2, 3, 4]
    assert sum(payment.cost for payment in ledger.money(search)) == 4


def test_ctrl_c_gives_the_trials_of_all_workers_back(tmp_path: Path) -> None:
    ledger, judge = ledger_in(tmp_path), evaluator(tmp_path, delay_s=0.2)
    search = ledger.register(spec(judge, budget=50, slots=3))

    def interrupted(stage: Stage) -> None:
        if stage.reservation.trial == 3 and stage.name == "closed form":
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_search_together(ledger, search, InOrder(table(), []), judge, interrupted, workers=3)

    assert time.monotonic() - started < 20
    assert ledger.search(search).state is SearchState.ACTIVE
    assert {trial.state for trial in ledger.trials(search)} <= {TrialState.WAITING, TrialState.DONE}
