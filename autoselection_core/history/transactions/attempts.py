"""The life of one attempt: begin, stay alive, and end with a score or without."""

from dataclasses import replace

from sqlalchemy import Connection, Exists, exists, insert, select

from autoselection_core.errors.history import NoProposalError, SupersededError
from autoselection_core.history.records import (
    HELD_STATES,
    AttemptOutcome,
    Begin,
    Measurement,
    Reservation,
    TrialState,
)
from autoselection_core.history.rows import change, close_attempt, current, require_held
from autoselection_core.history.storage.schema import EVALUATIONS, TRIALS
from autoselection_core.history.transactions.reservations import fail_trial, requeue, stop_if_stuck
from autoselection_core.identity import canonical_json


def begin(
    connection: Connection, reservation: Reservation, evaluation: str, now: float, until: float
) -> Begin:
    """Claim an evaluation before it starts, so that no two workers pay for the same one.

    Raises:
        SupersededError: The attempt lost its trial.
        NoProposalError: The trial has no recipe yet.
    """
    row = current(connection, reservation)
    if row.state == TrialState.DONE:
        return Begin.REUSE
    row = require_held(connection, reservation)
    if row.recipe is None:
        raise NoProposalError(reservation.run_key)
    if _is_finished(connection, evaluation):
        answer = Begin.REUSE
    elif connection.execute(select(_is_claimed(reservation, evaluation, now))).scalar():
        connection.execute(change(reservation).values(until=until))
        return Begin.WAIT
    else:
        answer = Begin.TRAIN
    claim = {"state": TrialState.RUNNING, "evaluation": evaluation, "until": until}
    connection.execute(change(reservation).values(claim))
    return answer


def _is_finished(connection: Connection, evaluation: str) -> bool:
    query = select(EVALUATIONS.c.evaluation).where(EVALUATIONS.c.evaluation == evaluation)
    return connection.execute(query).first() is not None


def _is_claimed(reservation: Reservation, evaluation: str, now: float) -> Exists:
    mine = (
        (TRIALS.c.search == reservation.search)
        & (TRIALS.c.kind == reservation.kind)
        & (TRIALS.c.trial == reservation.trial)
    )
    claimed = (TRIALS.c.evaluation == evaluation) & (TRIALS.c.state == TrialState.RUNNING)
    return exists().where(claimed, ~mine, TRIALS.c.until >= now)


def heartbeat(connection: Connection, reservation: Reservation, until: float) -> bool:
    """Extend the lease; False if the attempt lost its trial."""
    extended = connection.execute(
        change(reservation)
        .where(TRIALS.c.attempt == reservation.attempt, TRIALS.c.state.in_(HELD_STATES))
        .values(until=until)
    )
    return extended.rowcount == 1


def commit(connection: Connection, reservation: Reservation, measured: Measurement, now: float) -> None:
    """Enter score and payment together; doing it again changes nothing.

    An attempt that was believed lost and finished after all is welcome: the trial is charged once, for
    whichever attempt comes first.

    Raises:
        SupersededError: The trial was given up, and its budget is spent elsewhere by now.
    """
    row = current(connection, reservation)
    if row.state == TrialState.DONE:
        return
    if row.state == TrialState.FAILED:
        raise SupersededError(reservation.run_key, row.attempt, row.state)
    is_reused = _is_finished(connection, measured.evaluation)
    if not is_reused:
        _enter_evaluation(connection, measured, now)
    cost = 0.0 if is_reused else measured.cost
    connection.execute(
        change(reservation).values(
            state=TrialState.DONE,
            until=None,
            cost=cost,
            reused=int(is_reused),
            evaluation=measured.evaluation,
            utility=measured.utility,
            standard_error=measured.standard_error,
        )
    )
    # A late attempt's own line says "lost" for good: its score closes the attempt that took its place.
    _charge(connection, replace(reservation, attempt=row.attempt), measured, is_reused=is_reused, now=now)
    stop_if_stuck(connection, reservation.search)


def _enter_evaluation(connection: Connection, measured: Measurement, now: float) -> None:
    values = {
        "evaluation": measured.evaluation,
        "subset": measured.subset,
        "replicate": measured.replicate,
        "utility": measured.utility,
        "scores": canonical_json(dict(measured.scores)),
        "standard_error": measured.standard_error,
        "finished_at": now,
    }
    connection.execute(insert(EVALUATIONS).values(values))


def _charge(
    connection: Connection, reservation: Reservation, measured: Measurement, *, is_reused: bool, now: float
) -> None:
    if is_reused:
        note = "the evaluation was finished before"
        close_attempt(
            connection, reservation, AttemptOutcome.REUSED, note, now, evaluation=measured.evaluation
        )
        return
    close_attempt(
        connection,
        reservation,
        AttemptOutcome.PAID,
        "",
        now,
        evaluation=measured.evaluation,
        cost=measured.cost,
        seconds=measured.seconds,
        training_tokens=measured.training_tokens,
        scoring_tokens=measured.scoring_tokens,
    )


def fail(
    connection: Connection, reservation: Reservation, reason: str, now: float, max_losses: int | None
) -> None:
    """End an attempt without a score. An attempt that no longer holds its trial is left as it is.

    Args:
        connection: A writing transaction.
        reservation: The attempt.
        reason: Type and message of what went wrong.
        now: Seconds since the epoch.
        max_losses: So many losses end the trial; None ends it at once, for another attempt would fail too.
    """
    row = current(connection, reservation)
    if row.attempt != reservation.attempt or row.state not in HELD_STATES:
        return
    close_attempt(connection, reservation, AttemptOutcome.FAILED, reason, now)
    if max_losses is None:
        fail_trial(connection, reservation, reason)
    else:
        requeue(connection, reservation, reason, max_losses)


def release(connection: Connection, reservation: Reservation, note: str, now: float) -> None:
    """Give a trial back unharmed, as Ctrl-C does: its next attempt can start at once."""
    row = current(connection, reservation)
    if row.attempt != reservation.attempt or row.state not in HELD_STATES:
        return
    close_attempt(connection, reservation, AttemptOutcome.RELEASED, note, now)
    again = {"state": TrialState.WAITING, "attempt": reservation.attempt + 1, "until": None}
    connection.execute(change(reservation).values(again))
