"""The search loop in one process: one trial after the other, or several together."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from autoselection_core.errors.evaluation import EvaluationError
from autoselection_core.errors.search import NoCandidatesError, NotWorthwhileError
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, SearchState
from autoselection_core.history.values import History
from autoselection_core.search.evaluate import POLL_S, evaluate, require_same_evaluator
from autoselection_core.search.propose import AskingSolver, propose

DONE, FAILED = "done", "failed"
"""The last stages of a trial."""

TESTING = "scoring test items"
"""Stage of a finished report evaluation while the report scores its test items."""


@dataclass(frozen=True)
class Stage:
    """Stage of a worker's trial.

    Attributes:
        reservation: The trial.
        name: `choosing`, a stage that the evaluator names, `done` or `failed`.
        done: Steps of the stage that are done.
        total: Steps of the stage.
    """

    reservation: Reservation
    name: str
    done: int = 0
    total: int = 1

    @property
    def has_ended(self) -> bool:
        """Whether the trial is over."""
        return self.name in (DONE, FAILED)


SearchProgress: TypeAlias = Callable[[Stage], None]
"""Callback that receives the stage of a worker at every change."""


def run_search(
    ledger: Ledger,
    search: str,
    solver: AskingSolver,
    evaluator: Evaluator,
    progress: SearchProgress | None = None,
) -> History:
    """Work on a search until it is done or stopped; any number of processes may do so at once.

    One process works on one trial at a time. A recipe that cannot be trained is recorded as a failed trial
    and the loop goes on; anything else that goes wrong is raised, with the trial given back.

    Returns:
        The history at the end.

    Raises:
        UnknownSearchError: No search has this name.
        ChangedEvaluatorError: The search was registered for another evaluator.
    """
    require_same_evaluator(ledger, search, evaluator)
    tell = progress or _nobody
    while True:
        ledger.release_lost()
        if reserved := ledger.reserve_free_slots(search, max_trials=1):
            with _given_back(ledger, reserved[0]):
                _run_trial(ledger, reserved[0], solver, evaluator, tell)
        elif ledger.search(search).state is not SearchState.ACTIVE:
            return ledger.history(search)
        else:
            time.sleep(POLL_S)  # others work on the rest


@contextmanager
def _given_back(ledger: Ledger, reservation: Reservation) -> Iterator[None]:
    """Give the trial back when Ctrl-C comes between its accounted parts; in them it is given back already."""
    try:
        yield
    except KeyboardInterrupt:
        ledger.release(reservation, "interrupted")
        raise


def _run_trial(
    ledger: Ledger, reservation: Reservation, solver: AskingSolver, evaluator: Evaluator, tell: SearchProgress
) -> None:
    def tell_stage(name: str, done: int, total: int) -> None:
        tell(Stage(reservation, name, done, total))

    tell(Stage(reservation, "choosing"))
    try:
        subset = propose(ledger, reservation, solver).subset
        evaluate(ledger, reservation, evaluator, subset, tell_stage)
    except (EvaluationError, NoCandidatesError, NotWorthwhileError):
        tell(Stage(reservation, FAILED))  # the ledger has the reason
    else:
        tell(Stage(reservation, DONE, 1, 1))


def _nobody(_stage: Stage) -> None:
    pass


_BETWEEN_TRIALS = ("choosing", DONE, FAILED)


def run_search_together(
    ledger: Ledger,
    search: str,
    solver: AskingSolver,
    evaluator: Evaluator,
    progress: SearchProgress | None = None,
    *,
    workers: int,
) -> History:
    """Work on a search with so many workers of `run_search`, each a thread.

    Worth it for an evaluator that waits for a cluster. The ledger keeps the threads apart as it keeps
    processes apart: they propose one after the other, and no number of them exceeds slots or budget.

    Args:
        ledger: Ledger of the search.
        search: Its name.
        solver: Asked for one candidate at a time.
        evaluator: Evaluates subsets; called by several threads at once.
        progress: Callback for the stages of all workers; called by one of them at a time.
        workers: Trials at once; the search's slots bound them, too.

    Returns:
        The history at the end.

    Raises:
        UnknownSearchError: No search has this name.
        ChangedEvaluatorError: The search was registered for another evaluator.
    """
    if workers == 1:
        return run_search(ledger, search, solver, evaluator, progress)
    shared = _ThreadProgress(progress)
    with ThreadPoolExecutor(workers, "trial") as threads, shared.until_stopped():
        work = partial(run_search, ledger, search, solver, evaluator, shared)
        running = [threads.submit(work) for _ in range(workers)]
        ended, _ = wait(running, return_when=FIRST_EXCEPTION)
        for future in ended:
            future.result()  # what went wrong in one stops the others
    return ledger.history(search)


@dataclass(frozen=True)
class _ThreadProgress:
    """Progress callback for threads: one call at a time, and Ctrl-C, which only the first hears, for all."""

    progress: SearchProgress | None
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __call__(self, stage: Stage) -> None:
        """Pass on the stage of a worker.

        Raises:
            KeyboardInterrupt: The search was interrupted; raised in a trial, so that it is given back.
        """
        if self._stopping.is_set() and stage.name not in _BETWEEN_TRIALS:
            raise KeyboardInterrupt
        if self.progress is not None:
            with self._one_at_a_time:
                self.progress(stage)

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """Stop all workers when the block raises."""
        try:
            yield
        except BaseException:
            self._stopping.set()
            raise
