"""Single rows of the ledger: find a trial, change it, close an attempt."""

from sqlalchemy import Connection, Update, insert, select, update

from autoselection_core.errors.history import SupersededError, UnknownTrialError
from autoselection_core.history.records import HELD_STATES, AttemptOutcome, Reservation
from autoselection_core.history.searches import require
from autoselection_core.history.storage.schema import MONEY, TRIALS, AnyRow


def current(connection: Connection, reservation: Reservation) -> AnyRow:
    """Present row of a reservation's trial.

    Raises:
        UnknownSearchError: No search has this name.
        UnknownTrialError: The search has no such trial.
    """
    of_search = (TRIALS.c.search == reservation.search) & (TRIALS.c.kind == reservation.kind)
    row = connection.execute(select(TRIALS).where(of_search, TRIALS.c.trial == reservation.trial)).first()
    if row is None:
        require(connection, reservation.search)
        known = connection.execute(select(TRIALS.c.trial).where(of_search)).scalars().all()
        raise UnknownTrialError(reservation.search, reservation.trial, max(known, default=0))
    return row


def require_held(connection: Connection, reservation: Reservation) -> AnyRow:
    """The trial of a reservation, which must still be the one that works on it.

    Raises:
        SupersededError: The lease was lost, or the trial has ended.
    """
    row = current(connection, reservation)
    if row.attempt != reservation.attempt or row.state not in HELD_STATES:
        raise SupersededError(reservation.run_key, row.attempt, row.state)
    return row


def change(reservation: Reservation) -> Update:
    """An update of a reservation's trial, whatever its attempt."""
    return update(TRIALS).where(
        TRIALS.c.search == reservation.search,
        TRIALS.c.kind == reservation.kind,
        TRIALS.c.trial == reservation.trial,
    )


def close_attempt(
    connection: Connection,
    reservation: Reservation,
    outcome: AttemptOutcome,
    note: str,
    now: float,
    **amounts: float | str | None,
) -> None:
    """Enter how an attempt ended and what it cost; such a line is never changed."""
    nothing = {"evaluation": None, "cost": 0.0, "seconds": 0.0, "training_tokens": 0, "scoring_tokens": 0}
    attempt = {
        "search": reservation.search,
        "kind": reservation.kind,
        "trial": reservation.trial,
        "attempt": reservation.attempt,
    }
    connection.execute(
        insert(MONEY).values({**nothing, **amounts, **attempt, "outcome": outcome, "note": note, "at": now})
    )
