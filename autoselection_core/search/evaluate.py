"""One evaluation, paid once: claimed, made or read back, and committed with its score."""

import time

from autoselection_core.errors.history import NoProposalError
from autoselection_core.errors.search import ChangedEvaluatorError, ChangedSubsetError
from autoselection_core.evaluation.fidelity import PricedEvaluator, evaluator_at_fidelity
from autoselection_core.evaluation.protocol import Evaluator
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Begin, Measurement, RecordedProposal, Reservation
from autoselection_core.identity import Json
from autoselection_core.progress import Progress
from autoselection_core.score.evaluation import Evaluation
from autoselection_core.search.outcome import record_outcome
from autoselection_core.subset import Subset

POLL_S = 0.5
"""Seconds between two looks at what another worker does."""


def evaluate(
    ledger: Ledger,
    reservation: Reservation,
    evaluator: Evaluator,
    subset: Subset,
    progress: Progress | None = None,
) -> Measurement:
    """Evaluate a trial's subset at its fidelity and enter score and payment, or why there is no score.

    What an earlier attempt finished and could not commit is read back from its folder. What another search
    paid for costs nothing. A failure is entered with its type and raised again; Ctrl-C gives the trial back.

    Raises:
        EvaluationError: There is no score; the trial has ended, or waits for its next attempt.
        ChangedEvaluatorError: The search was registered for another evaluator.
        UnknownFidelityError: The evaluator has not the fidelity that was chosen.
        SupersededError: The attempt lost its trial.
    """
    with record_outcome(ledger, reservation):
        spec = ledger.search(reservation.search).spec
        _require_same(reservation.search, spec.evaluator, evaluator)
        recorded = _recorded(ledger, reservation, subset)
        priced = evaluator_at_fidelity(evaluator, recorded.fidelity)
        pinned = spec.fidelities.get(recorded.fidelity, {})
        _require_same(reservation.search, pinned.get("evaluator"), priced.evaluator)
        key = priced.evaluator.key(subset.fingerprint, recorded.replicate)
        measured = _find_finished(ledger, reservation, priced, key)
        if measured is None:
            made = priced.evaluator.evaluate(subset, recorded.replicate, progress)
            measured = measurement_of(made, priced.cost)
        ledger.commit(reservation, measured)
    return measured


def measurement_of(evaluation: Evaluation, cost: float = 1.0) -> Measurement:
    """Measurement of an evaluation, as the ledger keeps it."""
    return Measurement(
        evaluation=evaluation.key,
        subset=evaluation.subset,
        replicate=evaluation.replicate,
        utility=evaluation.utility,
        scores={score.benchmark: score.mean for score in evaluation.scores},
        standard_error=evaluation.standard_error,
        cost=cost,
        seconds=evaluation.cost.seconds,
        training_tokens=evaluation.cost.training_tokens,
        scoring_tokens=evaluation.cost.scoring_tokens,
    )


def require_same_evaluator(ledger: Ledger, search: str, evaluator: Evaluator) -> None:
    """Refuse to go on with scores that could not be compared.

    Raises:
        ChangedEvaluatorError: The search was registered for another evaluator.
    """
    _require_same(search, ledger.search(search).spec.evaluator, evaluator)


def _require_same(search: str, registered: Json, evaluator: Evaluator) -> None:
    if registered and registered != evaluator.fingerprint:
        raise ChangedEvaluatorError(search, str(registered), evaluator.fingerprint)


def _recorded(ledger: Ledger, reservation: Reservation, subset: Subset) -> RecordedProposal:
    recorded = ledger.proposal(reservation)
    if recorded is None:
        raise NoProposalError(reservation.run_key)
    if recorded.subset != subset.fingerprint:
        raise ChangedSubsetError(reservation.run_key, recorded.subset, subset.fingerprint)
    return recorded


def _find_finished(
    ledger: Ledger, reservation: Reservation, priced: PricedEvaluator, key: str
) -> Measurement | None:
    """The evaluation if somebody paid for it already; None once it is this worker's to make.

    The search that paid may weigh the benchmarks differently: the utility is made anew from the scores.
    """
    while (answer := ledger.begin(reservation, key)) is Begin.WAIT:
        time.sleep(POLL_S)
    if answer is not Begin.REUSE:
        return None
    own = priced.evaluator.load_finished(key)
    return ledger.measurement(key) if own is None else measurement_of(own, priced.cost)
