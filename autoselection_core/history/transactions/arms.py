"""The second budget: evaluations that a report asks for, beside those of the search."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from autoselection_core.history.records import (
    HELD_STATES,
    ArmPlan,
    Reservation,
    TrialKind,
    TrialState,
)
from autoselection_core.history.searches import require
from autoselection_core.history.storage.schema import TRIALS
from autoselection_core.history.transactions.reservations import (
    count_of,
    insert_trial,
    last_trial,
    reserve_again,
    waiting,
)

ABLATION, REQUESTED = "ablation", "requested"
ON_REQUEST = (ABLATION, REQUESTED)
"""Arms that a person asked for; a report that plans anew leaves them."""


def plan_report(connection: Connection, search: str, arms: Sequence[ArmPlan]) -> None:
    """Enter the evaluations that a report asks for now.

    Those that are entered already stay as they are. Those that wait and are no longer asked for (a raised
    budget found another winner) end without having cost anything.
    """
    require(connection, search)
    _drop_unasked(connection, search, {identity_of(arm) for arm in arms})
    known = set(entered_arms(connection, search).values())
    number = last_trial(connection, search, TrialKind.REPORT)
    for arm in arms:
        if identity_of(arm) in known:
            continue
        number += 1
        insert_arm(connection, Reservation(search, number, kind=TrialKind.REPORT), arm)


def insert_arm(connection: Connection, reservation: Reservation, arm: ArmPlan) -> None:
    """Enter an evaluation of the second budget, which waits."""
    insert_trial(
        connection,
        reservation,
        TrialState.WAITING,
        arm=arm.arm,
        recipe=arm.recipe.to_json(),
        subset=arm.subset,
        tokens=arm.tokens,
        replicate=arm.replicate,
    )


def reserve_report(
    connection: Connection, search: str, until: float, *, only_requested: bool = False
) -> Reservation | None:
    """The next evaluation beside a search that its budget covers; None when there is none.

    What a person asked for goes before what the report planned.
    """
    record = require(connection, search)
    running = count_of(connection, search, TrialKind.REPORT, HELD_STATES)
    planned = requested_arms(connection, search)
    planned += [] if only_requested else waiting(connection, search, TrialKind.REPORT)
    if not planned or record.report_spent + running + 1 > record.report_evaluations:
        return None
    reserve_again(connection, planned[0], until)
    return planned[0]


def requested_arms(connection: Connection, search: str) -> list[Reservation]:
    """Evaluations that a person asked for and that wait."""
    rows = connection.execute(
        select(TRIALS.c.trial, TRIALS.c.attempt)
        .where(
            TRIALS.c.search == search,
            TRIALS.c.kind == TrialKind.REPORT,
            TRIALS.c.state == TrialState.WAITING,
            TRIALS.c.arm.in_(ON_REQUEST),
        )
        .order_by(TRIALS.c.trial)
    )
    return [Reservation(search, row.trial, row.attempt, TrialKind.REPORT) for row in rows]


def identity_of(arm: ArmPlan) -> tuple[str, str, int]:
    """Identity of an evaluation of the second budget within its search."""
    return arm.arm, arm.subset, arm.replicate


def entered_arms(connection: Connection, search: str) -> dict[int, tuple[str, str, int]]:
    """Arms that wait, run or are done, by trial number; a failed one may be asked for again."""
    rows = connection.execute(
        select(TRIALS.c.trial, TRIALS.c.arm, TRIALS.c.subset, TRIALS.c.replicate).where(
            TRIALS.c.search == search, TRIALS.c.kind == TrialKind.REPORT, TRIALS.c.state != TrialState.FAILED
        )
    )
    return {row.trial: (row.arm, row.subset, row.replicate) for row in rows}


def _drop_unasked(connection: Connection, search: str, asked: set[tuple[str, str, int]]) -> None:
    unasked = [
        trial
        for trial, arm in entered_arms(connection, search).items()
        if arm not in asked and arm[0] not in ON_REQUEST
    ]
    connection.execute(
        update(TRIALS)
        .where(
            TRIALS.c.search == search,
            TRIALS.c.kind == TrialKind.REPORT,
            TRIALS.c.state == TrialState.WAITING,
            TRIALS.c.trial.in_(unasked),
        )
        .values(state=TrialState.FAILED, reason="no longer asked for: another recipe leads")
    )
