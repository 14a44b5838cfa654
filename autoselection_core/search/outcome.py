"""Lease of a trial while it is worked on, and its outcome: however it ends, the ledger records it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from autoselection_core.errors.benchmarks import BenchmarkError
from autoselection_core.errors.campaign import CampaignError
from autoselection_core.errors.evaluation import EvaluationError, UnknownFidelityError
from autoselection_core.errors.models import ModelLoadError
from autoselection_core.errors.pool import UnreadablePoolError
from autoselection_core.errors.search import (
    ChangedEvaluatorError,
    ChangedSubsetError,
    NoCandidatesError,
    NotWorthwhileError,
)
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation, StopCause

NEEDS_MENDING = (
    BenchmarkError,
    CampaignError,
    ChangedEvaluatorError,
    ChangedSubsetError,
    ModelLoadError,
    UnknownFidelityError,
    UnreadablePoolError,
)
"""Errors about what every trial of a search reads: another attempt, or another recipe, would fail alike."""

_BEATS_PER_LEASE = 4


@contextmanager
def keep_lease(ledger: Ledger, reservation: Reservation) -> Iterator[None]:
    """Keep a reservation's lease while the block runs; a thread beats, so long computations may block.

    The first beat is given before the block starts: a worker that dies right after is missed within one
    lease, and not within the longer one of a reservation that waits for its worker.
    """
    ledger.heartbeat(reservation)
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(ledger, reservation, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _beat(ledger: Ledger, reservation: Reservation, done: threading.Event) -> None:
    while not done.wait(ledger.lease_s / _BEATS_PER_LEASE):
        if not ledger.heartbeat(reservation):
            return  # superseded: whatever the block still finishes, the ledger decides at its commit


@contextmanager
def record_outcome(ledger: Ledger, reservation: Reservation) -> Iterator[None]:
    """Keep the lease while the block runs; what it raises is entered for the trial and raised on.

    A subset that cannot be trained ends the trial. A solver with nothing left, or with nothing that is worth
    a training, or a campaign that changed or broke under the search, stops the search. Ctrl-C gives the trial
    back unharmed. Anything else (a full disk, a lost device) says nothing about the recipe, so the trial's
    next attempt may start.
    """
    with keep_lease(ledger, reservation):
        try:
            yield
        except EvaluationError as error:
            ledger.fail(reservation, reason_of(error), retryable=error.is_retryable)
            raise
        except NoCandidatesError as error:
            ledger.fail(reservation, reason_of(error))
            ledger.stop(reservation.search, str(error))
            raise
        except NotWorthwhileError as error:
            ledger.release(reservation, reason_of(error))
            ledger.stop(reservation.search, str(error))
            raise
        except NEEDS_MENDING as error:
            stop_broken(ledger, reservation, error)
            raise
        except KeyboardInterrupt:
            ledger.release(reservation, "interrupted")
            raise
        except Exception as error:
            ledger.fail(reservation, reason_of(error), retryable=True)
            raise


def stop_broken(ledger: Ledger, reservation: Reservation, error: BaseException) -> None:
    """Give a trial back and stop its search until a person has mended what its trials read."""
    ledger.release(reservation, reason_of(error))
    ledger.stop(reservation.search, str(error), StopCause.BROKEN)


def reason_of(error: BaseException) -> str:
    """Type and message of an error, as the ledger keeps them."""
    return f"{type(error).__name__}: {error}"
