"""The trial that a run works on: kept alive while the run lives, given back when the run ends early."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from autoselection_core.search.outcome import settle
from pydantic import PrivateAttr
from typing_extensions import override

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import Reservation
from autoselection_dagster.resources import LedgerResource
from autoselection_dagster.trials import ATTEMPT_TAG, attempt_of

_BEATS_PER_LEASE = 4


class Attempt(dg.ConfigurableResource["Attempt"]):
    """One attempt of one trial. All steps of the run share it, for the run stays in one process.

    Attributes:
        ledger: Where the trial is entered.
    """

    ledger: dg.ResourceDependency[LedgerResource]
    _ledger: Ledger = PrivateAttr()
    _reservation: Reservation = PrivateAttr()

    @property
    def book(self) -> Ledger:
        """The open ledger."""
        return self._ledger

    @property
    def reservation(self) -> Reservation:
        """The right to run this attempt."""
        return self._reservation

    @override
    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["Attempt"]:
        assert context.run is not None
        self._ledger = self.ledger.open()
        self._reservation = attempt_of(context.run.tags, self._ledger)
        try:
            with beating(self._ledger, self._reservation):
                yield self
        finally:
            if ATTEMPT_TAG in context.run.tags:
                # A trial that was committed or failed is not held any more, and this changes nothing.
                self._ledger.release(self._reservation, "its run ended before it had a score")

    def fail(self, error: BaseException) -> None:
        """Enter why the trial has no score."""
        settle(self._ledger, self._reservation, error)


@contextmanager
def beating(ledger: Ledger, reservation: Reservation) -> Iterator[None]:
    """Keep a lease while the block runs, waiting for a device included."""
    ended = threading.Event()

    def beat() -> None:
        while ledger.heartbeat(reservation) and not ended.wait(ledger.lease_s / _BEATS_PER_LEASE):
            pass

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dg.failure_hook(required_resource_keys={"attempt"})
def enter_failure(context: dg.HookContext) -> None:
    """A trial without a score is entered with its reason, and never as a score."""
    error = context.op_exception
    if error is not None:
        context.resources.attempt.fail(error)
