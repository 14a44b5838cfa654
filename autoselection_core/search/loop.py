"""The search as a plain loop: reserve, propose, evaluate, until the budget is spent."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from autoselection_core.errors.evaluation import EvaluationError
from autoselection_core.errors.search import NoCandidatesError, NotWorthwhileError
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, SearchState
from autoselection_core.history.values import History
from autoselection_core.search.evaluate import evaluate, require_same_evaluator
from autoselection_core.search.propose import Asks, propose

_POLL_S = 0.5

DONE, FAILED = "done", "failed"
"""The last stages of a trial."""


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
    solver: Asks,
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
        if reserved := ledger.reserve_free_slots(search, at_most=1):
            _run_trial(ledger, reserved[0], solver, evaluator, tell)
        elif ledger.search(search).state is not SearchState.ACTIVE:
            return ledger.history(search)
        else:
            time.sleep(_POLL_S)  # others work on the rest


def _run_trial(
    ledger: Ledger, reservation: Reservation, solver: Asks, evaluator: Evaluator, tell: SearchProgress
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
