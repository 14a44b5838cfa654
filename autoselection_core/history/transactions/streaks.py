"""Stopping rule for a search without progress: only failures, or only evaluations that are known already."""

from sqlalchemy import Connection, select, update

from autoselection_core.history.records import Kind, SearchState, TrialState
from autoselection_core.history.searches import require
from autoselection_core.history.storage.schema import SEARCHES, TRIALS, AnyRow

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
        connection.execute(update(SEARCHES).where(SEARCHES.c.search == search).values(stopped=reason))


def _latest(connection: Connection, search: str) -> list[AnyRow]:
    """Ended trials since the search was last resumed, newest first."""
    query = (
        select(TRIALS.c.state, TRIALS.c.reused, TRIALS.c.reason)
        .join(SEARCHES, SEARCHES.c.search == TRIALS.c.search)
        .where(
            TRIALS.c.search == search,
            TRIALS.c.kind == Kind.SEARCH,
            TRIALS.c.trial > SEARCHES.c.counted_from,
            TRIALS.c.state.in_((TrialState.DONE, TrialState.FAILED)),
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
