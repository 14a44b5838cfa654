"""The trial that a run works on: kept alive while the run lives, given back when the run ends early."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import PrivateAttr
from typing_extensions import override

from autoselection_core.errors.history import NoProposalError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import RecordedProposal, Reservation, SearchRecord
from autoselection_core.search.accounting import reason_of
from autoselection_core.search.alive import alive
from autoselection_dagster.resources import LedgerResource
from autoselection_dagster.trials import ATTEMPT_TAG, attempt_of


class Attempt(dg.ConfigurableResource["Attempt"]):
    """One attempt of one trial. All steps of the run share it, for the run stays in one process.

    Attributes:
        ledger: Where the trial is entered.
    """

    ledger: dg.ResourceDependency[LedgerResource]
    _book: Ledger = PrivateAttr()
    _reservation: Reservation = PrivateAttr()

    @property
    def book(self) -> Ledger:
        """The open ledger."""
        return self._book

    @property
    def reservation(self) -> Reservation:
        """The right to run this attempt."""
        return self._reservation

    @property
    def search(self) -> SearchRecord:
        """The search that the trial belongs to."""
        return self._book.search(self._reservation.search)

    @property
    def recorded(self) -> RecordedProposal:
        """What the ledger holds as the trial's recipe.

        Raises:
            NoProposalError: It has none yet.
        """
        found = self._book.proposal(self._reservation)
        if found is None:
            raise NoProposalError(self._reservation.run_key)
        return found

    @override
    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Attempt"]:
        """Beat while the run lives, waiting for a device included."""
        assert context.run is not None, "assets run in runs"
        self._book = self.ledger.open()
        self._reservation = attempt_of(context.run.tags, self._book)
        try:
            with alive(self._book, self._reservation):
                yield self
        finally:
            if ATTEMPT_TAG in context.run.tags:
                # A trial that was committed or failed is not held any more: then this changes nothing.
                self._book.release(self._reservation, "its run ended before it had a score")

    def fail(self, error: BaseException) -> None:
        """Enter why the trial has no score, where the core has not entered it already.

        A check that failed would fail again. Anything else that goes wrong between the core's own steps (a
        full disk) says nothing about the recipe.
        """
        is_final = isinstance(error, dg.DagsterError)
        self._book.fail(self._reservation, reason_of(error), retryable=not is_final)


@dg.failure_hook(required_resource_keys={"attempt"})
def enter_failure(context: dg.HookContext) -> None:
    """A trial without a score is entered with its reason, and never as a score."""
    error = context.op_exception
    if error is not None:
        context.resources.attempt.fail(error)
