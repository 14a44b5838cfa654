"""The trial that a run works on: kept alive while the run lives, given back when the run ends early."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from autoselection_core.errors.history import NoProposalError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import RecordedProposal, Reservation, SearchRecord
from autoselection_core.search.outcome import NEEDS_MENDING, keep_lease, reason_of, stop_broken
from autoselection_dagster.errors import Terminated
from autoselection_dagster.names import key
from autoselection_dagster.trials.naming import ATTEMPT_TAG, attempt_of


@dataclass(frozen=True)
class Attempt:
    """One attempt of one trial. All steps of the run share it, for the run stays in one process.

    Attributes:
        ledger: Where the trial is entered.
        reservation: The right to run this attempt.
    """

    ledger: Ledger
    reservation: Reservation

    @property
    def search(self) -> SearchRecord:
        """The search that the trial belongs to."""
        return self.ledger.search(self.reservation.search)

    @property
    def proposal(self) -> RecordedProposal:
        """Recipe of the trial as the ledger holds it.

        Raises:
            NoProposalError: It has none yet.
        """
        found = self.ledger.proposal(self.reservation)
        if found is None:
            raise NoProposalError(self.reservation.run_key)
        return found

    def fail(self, error: BaseException) -> None:
        """Enter why the trial has no score, where the core has not entered it already.

        What every trial reads has to be mended first, which stops the search. A check that failed would fail
        again. Anything else that goes wrong between the core's own steps (a full disk) says nothing about the
        recipe.
        """
        if isinstance(error, NEEDS_MENDING):
            stop_broken(self.ledger, self.reservation, error)
            return
        is_final = isinstance(error, dg.DagsterError)
        self.ledger.fail(self.reservation, reason_of(error), retryable=not is_final)


@contextmanager
def attempt_for(tags: Mapping[str, str], ledger: Ledger) -> Iterator[Attempt]:
    """The attempt of a run with these tags; it beats while the block runs, waiting for a device included."""
    reservation = attempt_of(tags, ledger)
    try:
        with keep_lease(ledger, reservation):
            yield Attempt(ledger, reservation)
    finally:
        if ATTEMPT_TAG in tags:
            # A trial that was committed or failed is not held any more: then this changes nothing.
            ledger.release(reservation, "its run ended before it had a score")


@dg.failure_hook(required_resource_keys={key("attempt")})
def enter_failure(context: dg.HookContext) -> None:
    """Record a trial that has no score with its reason, and never as a score; a terminated one goes back."""
    error = context.op_exception
    if isinstance(error, dg.Failure) and error.__cause__ is not None:
        error = error.__cause__  # as the core raised it
    if error is not None and not isinstance(error, Terminated):
        getattr(context.resources, key("attempt")).fail(error)
