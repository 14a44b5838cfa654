"""Accounting of work on a trial: however it ends, the ledger records it."""

from collections.abc import Iterator
from contextlib import contextmanager

from autoselection_core.errors.evaluation import EvaluationError, UnknownFidelityError
from autoselection_core.errors.search import ChangedEvaluatorError, ChangedSubsetError
from autoselection_core.errors.solver import NoCandidatesError, NotWorthwhileError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation
from autoselection_core.search.alive import alive


@contextmanager
def accounted(ledger: Ledger, reservation: Reservation) -> Iterator[None]:
    """Keep the lease while the block runs; what it raises is entered for the trial and raised on.

    A subset that cannot be trained ends the trial. A solver with nothing left, or with nothing that is worth
    a training, or a campaign that changed under the search, stops the search. Ctrl-C gives the trial back
    unharmed. Anything else (a full disk, a lost device) says nothing about the recipe, so the trial's next
    attempt may start.
    """
    with alive(ledger, reservation):
        try:
            yield
        except EvaluationError as error:
            ledger.fail(reservation, reason_of(error), retryable=error.is_retryable)
            raise
        except NoCandidatesError as error:
            ledger.fail(reservation, reason_of(error))
            ledger.stop(reservation.search, str(error))
            raise
        except (ChangedEvaluatorError, ChangedSubsetError, NotWorthwhileError, UnknownFidelityError) as error:
            ledger.release(reservation, reason_of(error))
            ledger.stop(reservation.search, str(error))
            raise
        except KeyboardInterrupt:
            ledger.release(reservation, "interrupted")
            raise
        except Exception as error:
            ledger.fail(reservation, reason_of(error), retryable=True)
            raise


def reason_of(error: BaseException) -> str:
    """Type and message of an error, as the ledger keeps them."""
    return f"{type(error).__name__}: {error}"
