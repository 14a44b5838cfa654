"""Several trials of one search at once, from one process, where others do the work."""

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.values import History
from autoselection_core.search.loop import DONE, FAILED, SearchProgress, Stage, run_search
from autoselection_core.search.propose import Asks

_BETWEEN_TRIALS = ("choosing", DONE, FAILED)


def run_search_together(
    ledger: Ledger,
    search: str,
    solver: Asks,
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
