"""The ledger: one object, one transaction a call, any number of processes."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection

from autoselection_core.errors.history import LockTimeoutError
from autoselection_core.history import reading, searches
from autoselection_core.history.records import (
    ArmPlan,
    Begin,
    Measurement,
    OpenTrial,
    Payment,
    RecordedProposal,
    Reservation,
    SearchRecord,
    StopCause,
    TrialKind,
    TrialRecord,
)
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.storage.database import Database
from autoselection_core.history.transactions import arms, attempts, proposals, requests, reservations
from autoselection_core.history.values import History
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe

_LOCK_POLL_S = 0.1

LEASE_S = 60.0
"""A running trial whose worker was silent for so many seconds is lost, and starts again."""

_RESERVATION_LEASE_S = 600.0
"""A reserved trial that nobody began for so many seconds is lost."""


@dataclass(frozen=True)
class Ledger:
    """Searches, trials, evaluations and money; nothing lost, nothing paid twice.

    Every method is one transaction. Writers are serialised (SQLite: `BEGIN IMMEDIATE`; elsewhere: one locked
    row), so no number of processes can exceed a budget.

    Attributes:
        database: Database of the rows.
        lease_s: A trial whose worker was silent for so long is lost.
        reservation_lease_s: A trial that nobody began for so long is lost.
        max_losses: So many lost attempts end a trial.
        clock: Seconds since the epoch.
    """

    database: Database
    lease_s: float = LEASE_S
    reservation_lease_s: float = _RESERVATION_LEASE_S
    max_losses: int = 10
    clock: Callable[[], float] = time.time

    @classmethod
    def open(
        cls, url: str, lease_s: float = LEASE_S, reservation_lease_s: float = _RESERVATION_LEASE_S
    ) -> Self:
        """Open the history at a SQLAlchemy URL and bring its schema up to date.

        Raises:
            LedgerUnreachableError: The database cannot be opened.
            NewerSchemaError: A newer release wrote the history.
        """
        return cls(Database.open(url), lease_s=lease_s, reservation_lease_s=reservation_lease_s)

    def register(self, spec: SearchSpec, search: str | None = None) -> str:
        """Enter a search once and return its name; see `searches.register`."""
        with self.database.writing() as connection:
            return searches.register(connection, spec, search, self.clock())

    def register_with_trial(
        self,
        spec: SearchSpec,
        search: str,
        recipe: Recipe,
        *,
        subset: str,
        tokens: int,
        proposal: Mapping[str, Json],
    ) -> str:
        """Enter a search whose first trial a person wrote; doing it again changes nothing."""
        with self.database.writing() as connection:
            name = searches.register(connection, spec, search, self.clock())
            if reservations.last_trial(connection, name, TrialKind.SEARCH) == 0:
                requests.enter_trial(
                    connection, name, recipe, subset=subset, tokens=tokens, proposal=proposal
                )
            return name

    def searches(self) -> tuple[SearchRecord, ...]:
        """All searches, oldest first."""
        with self.database.reading() as connection:
            return searches.read_searches(connection)

    def search(self, search: str) -> SearchRecord:
        """One search and how far it came."""
        with self.database.reading() as connection:
            return searches.require(connection, search)

    def find_search(self, search: str) -> SearchRecord | None:
        """One search by its name; None where no search has it."""
        with self.database.reading() as connection:
            return next(iter(searches.read_searches(connection, search)), None)

    def raise_budget(self, search: str, budget: int) -> None:
        """Let a search pay for more; a finished one goes on by itself."""
        with self.database.writing() as connection:
            searches.raise_budgets(connection, search, {"budget": budget})

    def raise_report_evaluations(self, search: str, report_evaluations: int) -> None:
        """Let a report pay for more."""
        with self.database.writing() as connection:
            searches.raise_budgets(connection, search, {"report_evaluations": report_evaluations})

    def raise_budgets(self, search: str, asked: Mapping[str, int]) -> None:
        """Let a search and its report pay for more, both or neither; see `searches.raise_budgets`."""
        with self.database.writing() as connection:
            searches.raise_budgets(connection, search, asked)

    def stop(self, search: str, reason: str, cause: StopCause = StopCause.STUCK) -> None:
        """Start no further trial; what runs may finish."""
        with self.database.writing() as connection:
            searches.stop(connection, search, reason, cause)

    def resume(self, search: str) -> None:
        """Let a stopped search go on."""
        with self.database.writing() as connection:
            searches.resume(connection, search)

    def reserve_free_slots(
        self, search: str | None = None, max_trials: int | None = None
    ) -> tuple[Reservation, ...]:
        """Hold budget for as many trials as slots and budget allow, in one search or in all.

        Args:
            search: Only in this search.
            max_trials: Maximum number of trials a search; None for all free slots.
        """
        with self.database.writing() as connection:
            until = self.clock() + self.reservation_lease_s
            return reservations.reserve_free_slots(connection, search, until, max_trials)

    def overdue(self, search: str) -> frozenset[tuple[TrialKind, int]]:
        """Open trials of a search whose worker sent no heartbeat within its lease; nothing is taken back."""
        with self.database.reading() as connection:
            return reservations.overdue(connection, search, self.clock())

    def release_lost(self, now: float | None = None) -> tuple[Reservation, ...]:
        """Take back trials whose worker sent no heartbeat within its lease; returns the lost attempts."""
        with self._checking_leases(now) as (connection, moment):
            return reservations.release_lost(connection, moment, self.max_losses)

    @contextmanager
    def _checking_leases(self, now: float | None = None) -> Iterator[tuple[Connection, float]]:
        """A transaction that asks which leases are over at a moment, after a clock was set back, too."""
        with self.database.writing() as connection:
            moment = self.clock() if now is None else now
            reservations.cap_leases(connection, moment + max(self.lease_s, self.reservation_lease_s))
            yield connection, moment

    def plan_report(self, search: str, planned: Sequence[ArmPlan]) -> None:
        """Enter the evaluations that a report asks for."""
        with self.database.writing() as connection:
            arms.plan_report(connection, search, planned)

    def enter_trial(
        self, search: str, recipe: Recipe, subset: str, tokens: int, proposal: Mapping[str, Json]
    ) -> RecordedProposal:
        """Enter a person's recipe as the next trial of a search, paid from its budget."""
        with self.database.writing() as connection:
            return requests.enter_trial(
                connection, search, recipe, subset=subset, tokens=tokens, proposal=proposal
            )

    def enter_arm(self, search: str, arm: ArmPlan) -> Reservation:
        """Enter an evaluation beside the report's, paid from the second budget."""
        with self.database.writing() as connection:
            return requests.enter_arm(connection, search, arm)

    def reserve_report(self, search: str, *, only_requested: bool = False) -> Reservation | None:
        """The next evaluation beside a search, if its own budget covers one: asked for, or planned."""
        with self.database.writing() as connection:
            until = self.clock() + self.reservation_lease_s
            return arms.reserve_report(connection, search, until, only_requested=only_requested)

    @contextmanager
    def proposal_lock(self, reservation: Reservation, timeout_s: float = 3600.0) -> Iterator[None]:
        """Wait for a trial's turn to propose, and hold the search's proposal lock meanwhile.

        Raises:
            LockTimeoutError: An earlier trial kept its place for longer than `timeout_s`.
            SupersededError: The attempt lost its trial.
        """
        token = uuid.uuid4().hex
        self._wait_for_turn(reservation, token, timeout_s)
        try:
            yield
        finally:
            with self.database.writing() as connection:
                proposals.give_turn(connection, reservation.search, token)

    def _wait_for_turn(self, reservation: Reservation, token: str, timeout_s: float) -> None:
        started = time.monotonic()
        while not self._take_turn(reservation, token):
            if time.monotonic() - started > timeout_s:
                raise LockTimeoutError(reservation.run_key, timeout_s)
            time.sleep(_LOCK_POLL_S)

    def _take_turn(self, reservation: Reservation, token: str) -> bool:
        with self._checking_leases() as (connection, now):
            return proposals.take_turn(connection, reservation, token, now=now, until=now + self.lease_s)

    def record_proposal(
        self,
        reservation: Reservation,
        *,
        recipe: Recipe,
        subset: str,
        tokens: int,
        proposal: Mapping[str, Json],
        seen: History,
    ) -> RecordedProposal:
        """Enter what a trial tries; the first one recorded stays and is returned."""
        with self.database.writing() as connection:
            return proposals.record_proposal(
                connection,
                reservation,
                recipe=recipe,
                subset=subset,
                tokens=tokens,
                proposal=proposal,
                seen=seen,
            )

    def proposal(self, reservation: Reservation) -> RecordedProposal | None:
        """Recorded proposal of a trial."""
        with self.database.reading() as connection:
            return proposals.recorded_proposal(connection, reservation)

    def begin(self, reservation: Reservation, evaluation: str) -> Begin:
        """Claim an evaluation before it starts: train it, take its score, or wait for another worker."""
        with self._checking_leases() as (connection, now):
            return attempts.begin(connection, reservation, evaluation, now=now, until=now + self.lease_s)

    def heartbeat(self, reservation: Reservation) -> bool:
        """Say that an attempt is alive; False if it lost its trial."""
        with self.database.writing() as connection:
            return attempts.heartbeat(connection, reservation, self.clock() + self.lease_s)

    def commit(self, reservation: Reservation, measured: Measurement) -> None:
        """Enter score and payment together, once."""
        with self.database.writing() as connection:
            attempts.commit(connection, reservation, measured, self.clock())

    def fail(self, reservation: Reservation, reason: str, *, retryable: bool = False) -> None:
        """End an attempt without a score; a retryable one starts again as the next attempt."""
        with self.database.writing() as connection:
            losses = self.max_losses if retryable else None
            attempts.fail(connection, reservation, reason, self.clock(), losses)

    def release(self, reservation: Reservation, note: str) -> None:
        """Give a trial back unharmed; its next attempt can start at once."""
        with self.database.writing() as connection:
            attempts.release(connection, reservation, note, self.clock())

    def measurement(self, evaluation: str) -> Measurement | None:
        """A finished evaluation, whichever search paid for it."""
        with self.database.reading() as connection:
            return reading.read_measurement(connection, evaluation)

    def history(self, search: str) -> History:
        """History of a search, as the solver may know it now."""
        with self.database.reading() as connection:
            return reading.read_history(connection, search)

    def trials(self, search: str, kind: TrialKind = TrialKind.SEARCH) -> tuple[TrialRecord, ...]:
        """All trials of a search, or the evaluations of its report."""
        with self.database.reading() as connection:
            return reading.read_trials(connection, search, kind)

    def trial(self, reservation: Reservation) -> TrialRecord:
        """The trial or report evaluation of a reservation."""
        with self.database.reading() as connection:
            return reading.read_trial(connection, reservation)

    def find_trials(self, name: str) -> tuple[TrialRecord, ...]:
        """Trials of any search whose subset or evaluation has a name."""
        with self.database.reading() as connection:
            return reading.find_trials(connection, name)

    def finished_trials(self) -> tuple[TrialRecord, ...]:
        """Every trial of every search and report that has a score."""
        with self.database.reading() as connection:
            return reading.read_done(connection)

    def open_trials(self) -> tuple[OpenTrial, ...]:
        """The trials of all searches and reports that are reserved or running."""
        with self.database.reading() as connection:
            return reading.read_open_trials(connection)

    def payments(self, search: str | None = None) -> tuple[Payment, ...]:
        """Payments of a search: outcome and cost of every attempt."""
        with self.database.reading() as connection:
            return reading.read_money(connection, search)

    def paid_seconds(self, searches: Collection[str]) -> list[float]:
        """Seconds of each evaluation at full fidelity that some searches paid for."""
        with self.database.reading() as connection:
            return reading.read_paid_seconds(connection, searches)

    def why_idle(self, search: str | None = None) -> str:
        """Reason why no trial starts now, one sentence per search."""
        with self.database.reading() as connection:
            return reading.why_idle(connection, search)
