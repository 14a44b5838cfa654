"""Reservations of a search's own trials, release of trials whose lease ran out, stop of a stuck search."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from autoselection_core.history.records import (
    ENDED_STATES,
    HELD_STATES,
    AttemptOutcome,
    Reservation,
    SearchRecord,
    SearchState,
    StopCause,
    TrialKind,
    TrialState,
)
from autoselection_core.history.rows import change, close_attempt
from autoselection_core.history.searches import read_searches, require, stop
from autoselection_core.history.storage.schema import MONEY, SEARCHES, TRIALS, AnyRow

REUSES_IN_A_ROW = 10
"""Reused evaluations in a row that stop a search."""

FAILURES_IN_A_ROW = 3
"""Failed trials in a row that stop a search; with more slots than this, one whole round of them."""


def stop_if_stuck(connection: Connection, search: str) -> None:
    """Stop a search whose latest trials all failed, or all repeated what was known, and say why."""
    record = require(connection, search)
    rows = _latest(connection, search)
    reason = _only_reuses(rows) or _only_failures(rows, max(FAILURES_IN_A_ROW, record.slots))
    if reason and record.state is not SearchState.STOPPED:
        stop(connection, search, reason, StopCause.STUCK)


def _latest(connection: Connection, search: str) -> list[AnyRow]:
    """Ended trials since the search was last resumed, newest first."""
    query = (
        select(TRIALS.c.state, TRIALS.c.reused, TRIALS.c.reason)
        .join(SEARCHES, SEARCHES.c.search == TRIALS.c.search)
        .where(
            TRIALS.c.search == search,
            TRIALS.c.kind == TrialKind.SEARCH,
            TRIALS.c.trial > SEARCHES.c.counted_from,
            TRIALS.c.state.in_(ENDED_STATES),
        )
        .order_by(TRIALS.c.trial.desc())
    )
    return list(connection.execute(query))


def _only_reuses(rows: list[AnyRow]) -> str | None:
    latest = rows[:REUSES_IN_A_ROW]
    if len(latest) < REUSES_IN_A_ROW or not all(row.reused for row in latest):
        return None
    return f"{REUSES_IN_A_ROW} trials in a row repeated finished evaluations; try another seed or policy"


def _only_failures(rows: list[AnyRow], round_size: int) -> str | None:
    latest = rows[:round_size]
    if len(latest) < round_size or any(row.state != TrialState.FAILED for row in latest):
        return None
    reasons = "; ".join(dict.fromkeys(row.reason or "no reason given" for row in latest))
    return f"the last {round_size} trials all failed: {reasons}"


def reserve_free_slots(
    connection: Connection, search: str | None, until: float, max_trials: int | None = None
) -> tuple[Reservation, ...]:
    """Hold budget for as many trials as slots and budget allow, released ones first."""
    searches = read_searches(connection) if search is None else (require(connection, search),)
    active = [record for record in searches if record.state is SearchState.ACTIVE]
    return tuple(
        reservation for record in active for reservation in _reserve(connection, record, until, max_trials)
    )


def _reserve(
    connection: Connection, record: SearchRecord, until: float, max_trials: int | None
) -> Sequence[Reservation]:
    free = max(0, record.slots - count_of(connection, record.search, TrialKind.SEARCH, HELD_STATES))
    free = free if max_trials is None else min(free, max_trials)
    again = waiting(connection, record.search, TrialKind.SEARCH)[:free]
    for reservation in again:
        reserve_again(connection, reservation, until)
    first = last_trial(connection, record.search, TrialKind.SEARCH) + 1
    new = range(first, first + max(0, min(free - len(again), record.affordable)))
    fresh = [Reservation(record.search, trial) for trial in new]
    for reservation in fresh:
        insert_trial(connection, reservation, TrialState.RESERVED, until=until)
    return [*again, *fresh]


def overdue(connection: Connection, search: str, now: float) -> frozenset[tuple[TrialKind, int]]:
    """Trials of a search, by kind and number, whose lease ran out."""
    mine = (TRIALS.c.search == search, TRIALS.c.state.in_(HELD_STATES), TRIALS.c.until < now)
    rows = connection.execute(select(TRIALS.c.kind, TRIALS.c.trial).where(*mine)).all()
    return frozenset((TrialKind(row.kind), row.trial) for row in rows)


def release_lost(connection: Connection, now: float, max_losses: int) -> tuple[Reservation, ...]:
    """Take back trials whose lease ran out; each becomes its next attempt, or fails after too many losses."""
    rows = connection.execute(
        select(TRIALS).where(TRIALS.c.state.in_(HELD_STATES), TRIALS.c.until < now)
    ).all()
    lost = tuple(Reservation(row.search, row.trial, row.attempt, TrialKind(row.kind)) for row in rows)
    for row, reservation in zip(rows, lost, strict=True):
        note = f"its worker sent no heartbeat within its lease while {row.state}"
        # A trial that nobody began has lost nothing: only running ones count towards giving up.
        outcome = AttemptOutcome.LOST if row.state == TrialState.RUNNING else AttemptOutcome.RELEASED
        close_attempt(connection, reservation, outcome, note, now)
        requeue(connection, reservation, note, max_losses)
    return lost


def cap_leases(connection: Connection, until: float) -> None:
    """Let no lease, of a trial or of the lock that proposals take, end later than this.

    A lease that ends later than any that is given now was given before the clock was set back; it would keep
    what a dead worker held for as long.
    """
    held = TRIALS.c.state.in_(HELD_STATES)
    connection.execute(update(TRIALS).where(held, TRIALS.c.until > until).values(until=until))
    connection.execute(update(SEARCHES).where(SEARCHES.c.lock_until > until).values(lock_until=until))


def requeue(connection: Connection, reservation: Reservation, note: str, max_losses: int) -> None:
    """Let a trial's next attempt start, or end the trial when too many attempts were lost."""
    if _losses(connection, reservation) < max_losses:
        again = {"state": TrialState.WAITING, "attempt": reservation.attempt + 1, "until": None}
        connection.execute(change(reservation).values(again))
        return
    fail_trial(connection, reservation, f"given up after {max_losses} lost attempts: {note}")


def fail_trial(connection: Connection, reservation: Reservation, reason: str) -> None:
    """End a trial without a score; its share of the budget is free again."""
    connection.execute(change(reservation).values(state=TrialState.FAILED, until=None, reason=reason))
    stop_if_stuck(connection, reservation.search)


def _losses(connection: Connection, reservation: Reservation) -> int:
    query = select(func.count()).where(
        MONEY.c.search == reservation.search,
        MONEY.c.kind == reservation.kind,
        MONEY.c.trial == reservation.trial,
        MONEY.c.outcome.in_((AttemptOutcome.LOST, AttemptOutcome.FAILED)),
    )
    return connection.execute(query).scalar_one()


def waiting(connection: Connection, search: str, kind: TrialKind) -> list[Reservation]:
    """Trials whose next attempt may start, in order."""
    rows = connection.execute(
        select(TRIALS.c.trial, TRIALS.c.attempt)
        .where(TRIALS.c.search == search, TRIALS.c.kind == kind, TRIALS.c.state == TrialState.WAITING)
        .order_by(TRIALS.c.trial)
    ).all()
    return [Reservation(search, row.trial, row.attempt, kind) for row in rows]


def count_of(connection: Connection, search: str, kind: TrialKind, states: Sequence[TrialState]) -> int:
    """Number of a search's trials in some states."""
    of_search = (TRIALS.c.search == search) & (TRIALS.c.kind == kind)
    return connection.execute(select(func.count()).where(of_search, TRIALS.c.state.in_(states))).scalar_one()


def last_trial(connection: Connection, search: str, kind: TrialKind) -> int:
    """The highest trial number in use; 0 for none."""
    of_search = (TRIALS.c.search == search) & (TRIALS.c.kind == kind)
    highest = select(func.coalesce(func.max(TRIALS.c.trial), 0)).where(of_search)
    return int(connection.execute(highest).scalar_one())


def reserve_again(connection: Connection, reservation: Reservation, until: float) -> None:
    """Hand a waiting trial out, under a lease."""
    connection.execute(change(reservation).values(state=TrialState.RESERVED, until=until))


def insert_trial(
    connection: Connection, reservation: Reservation, state: TrialState, **values: object
) -> None:
    """Enter a new trial."""
    fresh = {"arm": "", "cost": 0.0, "reused": 0}
    place = {"search": reservation.search, "kind": reservation.kind, "trial": reservation.trial}
    connection.execute(
        insert(TRIALS).values({**fresh, **place, "attempt": reservation.attempt, "state": state, **values})
    )
