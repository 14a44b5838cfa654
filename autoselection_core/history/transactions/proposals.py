"""Proposals of trials: each made once, one trial after the other."""

import json
from collections.abc import Mapping

from sqlalchemy import Connection, Exists, exists, select, update

from autoselection_core.history.records import (
    HELD_STATES,
    RecordedProposal,
    Reservation,
    TrialKind,
    TrialState,
    fidelity_of,
)
from autoselection_core.history.rows import change, current, require_held
from autoselection_core.history.storage.schema import SEARCHES, TRIALS, AnyRow
from autoselection_core.history.values import History
from autoselection_core.identity import Json, canonical_json
from autoselection_core.recipe import Recipe


def take_turn(
    connection: Connection, reservation: Reservation, token: str, *, now: float, until: float
) -> bool:
    """Try to take the search's proposal lock under `token`; returns whether the trial may propose now.

    Trial n waits while an earlier trial is being worked on and has no recipe. An earlier trial whose worker
    was lost holds nobody up, and neither does a lock past its lease.

    Raises:
        SupersededError: The attempt lost its trial.
    """
    if current(connection, reservation).recipe is not None:
        return True
    require_held(connection, reservation)
    if connection.execute(select(_earlier_without_recipe(reservation, now))).scalar():
        return False
    free = SEARCHES.c.lock_token.is_(None) | (SEARCHES.c.lock_until < now) | (SEARCHES.c.lock_token == token)
    taken = connection.execute(
        update(SEARCHES)
        .where(SEARCHES.c.search == reservation.search, free)
        .values(lock_token=token, lock_until=until)
    )
    return taken.rowcount == 1


def _earlier_without_recipe(reservation: Reservation, now: float) -> Exists:
    return exists().where(
        TRIALS.c.search == reservation.search,
        TRIALS.c.kind == reservation.kind,
        TRIALS.c.trial < reservation.trial,
        TRIALS.c.recipe.is_(None),
        TRIALS.c.state.in_(HELD_STATES),
        TRIALS.c.until >= now,
    )


def give_turn(connection: Connection, search: str, token: str) -> None:
    """Free the proposal lock if `token` still holds it."""
    mine = (SEARCHES.c.search == search) & (SEARCHES.c.lock_token == token)
    connection.execute(update(SEARCHES).where(mine).values(lock_token=None, lock_until=None))


def record_proposal(
    connection: Connection,
    reservation: Reservation,
    *,
    recipe: Recipe,
    subset: str,
    tokens: int,
    proposal: Mapping[str, Json],
    seen: History,
) -> RecordedProposal:
    """Enter what a trial tries, and the history that the choice saw; the first one recorded stays.

    Raises:
        SupersededError: The attempt lost its trial and none was recorded.
    """
    if current(connection, reservation).recipe is None:
        require_held(connection, reservation)
        values = {
            "recipe": recipe.to_json(),
            "subset": subset,
            "tokens": tokens,
            "replicate": next_replicate(connection, reservation, subset, fidelity_of(proposal)),
            "proposal": canonical_json(proposal),
            "seen": canonical_json(_trials_of(seen)),
        }
        connection.execute(change(reservation).values(values))
    recorded = recorded_proposal(connection, reservation)
    assert recorded is not None, "it was recorded above"
    return recorded


def recorded_proposal(connection: Connection, reservation: Reservation) -> RecordedProposal | None:
    """Recorded proposal of a trial, if it has one."""
    row = current(connection, reservation)
    return None if row.recipe is None else _proposal(row)


def _proposal(row: AnyRow) -> RecordedProposal:
    return RecordedProposal(
        recipe=Recipe.from_json(row.recipe),
        subset=row.subset,
        replicate=row.replicate,
        tokens=row.tokens,
        proposal=json.loads(row.proposal or "{}"),
    )


def next_replicate(connection: Connection, reservation: Reservation, subset: str, fidelity: str = "") -> int:
    """Repetitions of a subset at a fidelity are numbered 0, 1, 2, ...; a failed one gives its number back."""
    query = select(TRIALS.c.replicate, TRIALS.c.proposal).where(
        TRIALS.c.search == reservation.search,
        TRIALS.c.kind == TrialKind.SEARCH,
        TRIALS.c.subset == subset,
        TRIALS.c.state != TrialState.FAILED,
    )
    rows = connection.execute(query)
    known = [row.replicate for row in rows if fidelity_of(json.loads(row.proposal or "{}")) == fidelity]
    return 1 + max(known, default=-1)


def _trials_of(history: History) -> dict[str, Json]:
    seen: dict[str, Json] = {
        "observations": [entry.trial for entry in history.observations],
        "pending": [entry.trial for entry in history.pending],
        "failures": [entry.trial for entry in history.failures],
    }
    cheap = [entry for entry in history.cheap if entry.utility is not None]
    being_scored = [entry for entry in history.cheap if entry.utility is None]
    later = {"cheap": cheap, "cheap_pending": being_scored}
    return seen | {name: [entry.trial for entry in entries] for name, entries in later.items() if entries}
