"""Searches in the ledger: registration, budgets, stops, and progress."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, case, func, insert, select, update

from autoselection_core.errors.history import (
    BudgetLoweredError,
    SearchConflictError,
    SearchNameError,
    UnknownSearchError,
)
from autoselection_core.history.records import (
    HELD_STATES,
    OPEN_STATES,
    SearchRecord,
    SearchState,
    StopCause,
    TrialKind,
    TrialState,
)
from autoselection_core.history.search_settings import SearchSettings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.storage.schema import SEARCHES, TRIALS, AnyRow
from autoselection_core.history.values import round_cost
from autoselection_core.space import axes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
"""Names that survive in partition keys, asset keys and file names."""

LATEST = "latest"
"""In the place of a name: the search that was started last. No new search can be called so."""


def register(connection: Connection, spec: SearchSpec, search: str | None, now: float) -> str:
    """Enter a search once, however often it is asked for.

    Without a name the search is called after its campaign and content, so the same question asked again
    finds its search. Budget and slots of a search that exists stay as they are.

    Raises:
        SearchNameError: The name would break partition keys.
        SearchConflictError: The name is taken by a search that asks for something else.
    """
    name = search or spec.usual_name
    present = connection.execute(select(SEARCHES.c.spec).where(SEARCHES.c.search == name)).scalar()
    if not NAME.fullmatch(name) or (present is None and name == LATEST):
        raise SearchNameError(name)
    if present is None:
        connection.execute(insert(SEARCHES).values(_columns(name, spec, now)))
    elif (known := SearchSpec.from_json(json.loads(present))).identity != spec.identity:
        raise SearchConflictError(name, _differences(known, spec))
    return name


def _columns(name: str, spec: SearchSpec, now: float) -> dict[str, object]:
    return {
        "search": name,
        "identity": spec.identity,
        "spec": spec.to_text(),
        "budget": spec.budget,
        "slots": spec.slots,
        "report_evaluations": spec.report_evaluations,
        "counted_from": 0,
        "created_at": now,
    }


def _differences(known: SearchSpec, asked: SearchSpec) -> tuple[str, ...]:
    before, after = known.to_json(), asked.to_json()
    return tuple(name for name in {**before, **after} if before.get(name) != after.get(name))


def require(connection: Connection, search: str) -> SearchRecord:
    """Present record of a search.

    Raises:
        UnknownSearchError: No search has this name.
    """
    found = read_searches(connection, search)
    if not found:
        known = connection.execute(select(SEARCHES.c.search).order_by(SEARCHES.c.search)).scalars()
        raise UnknownSearchError(search, tuple(known))
    return found[0]


def read_searches(connection: Connection, search: str | None = None) -> tuple[SearchRecord, ...]:
    """All searches, oldest first, or the one that is named."""
    query = (
        select(
            SEARCHES,
            _sum_of_done(TrialKind.SEARCH).label("spent"),
            _count_of(TrialKind.SEARCH, *OPEN_STATES).label("held"),
            _count_of(TrialKind.SEARCH, TrialState.DONE).label("measured"),
            _sum_of_done(TrialKind.REPORT).label("report"),
            _count_of(TrialKind.REPORT, *HELD_STATES).label("report_held"),
            _count_of(TrialKind.REPORT, TrialState.WAITING).label("report_waiting"),
            _count_of(TrialKind.REPORT, TrialState.DONE).label("report_done"),
        )
        .select_from(SEARCHES.outerjoin(TRIALS, TRIALS.c.search == SEARCHES.c.search))
        .group_by(SEARCHES.c.search)
        .order_by(SEARCHES.c.created_at, SEARCHES.c.search)
    )
    if search is not None:
        query = query.where(SEARCHES.c.search == search)
    return tuple(_record(row) for row in connection.execute(query))


def _sum_of_done(kind: TrialKind) -> ColumnElement[float]:
    mine = (TRIALS.c.kind == kind) & (TRIALS.c.state == TrialState.DONE)
    return func.coalesce(func.sum(case((mine, TRIALS.c.cost), else_=0.0)), 0.0)


def _count_of(kind: TrialKind, *states: TrialState) -> ColumnElement[int]:
    mine = (TRIALS.c.kind == kind) & TRIALS.c.state.in_(states)
    return func.coalesce(func.sum(case((mine, 1), else_=0)), 0)


def _record(row: AnyRow) -> SearchRecord:
    spec = SearchSpec.from_json(json.loads(row.spec))
    spent = round_cost(row.spent)
    is_spent = spent + 1 > row.budget and not row.held
    state = SearchState.STOPPED if row.stopped else SearchState.DONE if is_spent else SearchState.ACTIVE
    return SearchRecord(
        search=row.search,
        spec=replace(spec, budget=row.budget, slots=row.slots, report_evaluations=row.report_evaluations),
        budget=row.budget,
        slots=row.slots,
        report_evaluations=row.report_evaluations,
        state=state,
        reason=row.stopped or (_why_spent(spent, row.budget) if is_spent else ""),
        # A process of an earlier release that runs on since the migration stops without a cause. A person is
        # assumed: after that nothing is paid for unasked.
        stop_cause=StopCause(row.stop_cause or StopCause.PERSON) if row.stopped else None,
        spent=spent,
        held=float(row.held),
        report_spent=row.report,
        created_at=row.created_at,
        report_held=int(row.report_held),
        report_waiting=int(row.report_waiting),
        report_done=int(row.report_done),
        measured=int(row.measured),
    )


def _why_spent(spent: float, budget: int) -> str:
    if spent >= budget:
        return f"its budget of {budget} is spent"
    return f"its budget of {budget} is spent but for {budget - spent:g}, less than a full training"


def raise_budgets(connection: Connection, search: str, asked: Mapping[str, int]) -> None:
    """Let a search pay for more, by both budgets that are named or by none; a finished one goes on by itself.

    Raises:
        BudgetLoweredError: A budget is below the present one.
        SettingError: A budget is more than any search may spend.
    """
    record = require(connection, search)
    for axis in axes(SearchSettings):
        if axis.name in asked:
            axis.space.check(asked[axis.name], axis.name)
    for name, value in asked.items():
        present = getattr(record, name)
        if value < present:
            raise BudgetLoweredError(search, name, present, value)
    if asked:
        _set(connection, search, **asked)


def stop(connection: Connection, search: str, reason: str, cause: StopCause) -> None:
    """Start no further trial; what runs may finish."""
    require(connection, search)
    _set(connection, search, stopped=reason, stop_cause=cause)


def resume(connection: Connection, search: str) -> None:
    """Let a stopped search go on; its streaks of reuse and failure count from here."""
    require(connection, search)
    last = select(func.coalesce(func.max(TRIALS.c.trial), 0)).where(
        TRIALS.c.search == search, TRIALS.c.kind == TrialKind.SEARCH
    )
    counted_from = connection.execute(last).scalar_one()
    _set(connection, search, stopped=None, stop_cause=None, counted_from=counted_from)


def _set(connection: Connection, search: str, **values: object) -> None:
    connection.execute(update(SEARCHES).where(SEARCHES.c.search == search).values(values))
