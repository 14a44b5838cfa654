"""Reading of the ledger: history, trials and payments of a search, and why nothing runs."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, Select, false, or_, select

from autoselection_core.errors.history import AmbiguousNameError
from autoselection_core.history.records import (
    ENDED_STATES,
    HELD_STATES,
    AttemptOutcome,
    Measurement,
    OpenTrial,
    Payment,
    Reservation,
    SearchRecord,
    SearchState,
    TrialKind,
    TrialRecord,
    TrialState,
)
from autoselection_core.history.searches import read_searches, require
from autoselection_core.history.storage.schema import EVALUATIONS, MONEY, TRIALS, AnyRow
from autoselection_core.history.values import CheapTrial, FailedTrial, History, Observation, Pending
from autoselection_core.recipe import Recipe


def read_history(connection: Connection, search: str) -> History:
    """History of a search, as the solver may know it now.

    Raises:
        UnknownSearchError: No search has this name.
    """
    record = require(connection, search)
    everything = read_trials(connection, search, TrialKind.SEARCH)
    trials = [trial for trial in everything if not trial.fidelity or trial.state is TrialState.FAILED]
    cheap = [trial for trial in everything if trial.fidelity and trial.state is not TrialState.FAILED]
    done = [trial for trial in trials if trial.state is TrialState.DONE]
    failed = [trial for trial in trials if trial.state is TrialState.FAILED]
    ended = ENDED_STATES
    pending = [trial for trial in trials if trial.state not in ended and trial.recipe is not None]
    return History(
        search=search,
        seed=record.spec.seed,
        budget=record.budget,
        observations=tuple(_observation(trial) for trial in done),
        pending=tuple(_pending(trial) for trial in pending),
        failures=tuple(
            FailedTrial(trial.trial, trial.recipe, trial.reason or "", trial.proposal) for trial in failed
        ),
        cheap=tuple(_cheap(trial, record.spec.prices) for trial in cheap),
    )


def _observation(trial: TrialRecord) -> Observation:
    assert trial.recipe is not None, "a trial is begun only with a recipe"
    assert trial.utility is not None, "a trial is done only with a score"
    return Observation(
        trial=trial.trial,
        recipe=trial.recipe,
        subset=trial.subset or "",
        replicate=trial.replicate or 0,
        utility=trial.utility,
        scores=trial.scores,
        standard_error=trial.standard_error,
        cost=trial.cost,
        tokens=trial.tokens or 0,
        proposal=trial.proposal,
    )


def _cheap(trial: TrialRecord, prices: Mapping[str, float]) -> CheapTrial:
    assert trial.recipe is not None, "its fidelity was recorded with its recipe"
    is_done = trial.state is TrialState.DONE
    return CheapTrial(
        trial=trial.trial,
        fidelity=trial.fidelity,
        recipe=trial.recipe,
        subset=trial.subset or "",
        utility=trial.utility if is_done else None,
        cost=trial.cost if is_done else prices.get(trial.fidelity, 0.0),
        proposal=trial.proposal,
    )


def _pending(trial: TrialRecord) -> Pending:
    assert trial.recipe is not None, "only trials with a recipe are pending"
    return Pending(trial.trial, trial.recipe, trial.subset or "", trial.replicate or 0, trial.proposal)


def read_trials(connection: Connection, search: str, kind: TrialKind) -> tuple[TrialRecord, ...]:
    """All trials of a search or of its report, by number.

    Raises:
        UnknownSearchError: No search has this name.
    """
    require(connection, search)
    query = _trials_with_scores().where(TRIALS.c.search == search, TRIALS.c.kind == kind)
    return tuple(_trial(row) for row in connection.execute(query.order_by(TRIALS.c.trial)))


def read_trial(connection: Connection, reservation: Reservation) -> TrialRecord:
    """The trial or report evaluation of a reservation, whatever its attempt."""
    query = _trials_with_scores().where(
        TRIALS.c.search == reservation.search,
        TRIALS.c.kind == reservation.kind,
        TRIALS.c.trial == reservation.trial,
    )
    return _trial(connection.execute(query).one())


_MAX_NAME = 1_000
"""Characters of a name that is looked for by its beginning: databases bound patterns, hashes are short."""


def find_trials(connection: Connection, name: str) -> tuple[TrialRecord, ...]:
    """Trials of any search whose subset or evaluation has a name, or begins with it, by search and trial.

    Raises:
        AmbiguousNameError: Several subsets or evaluations begin with it.
    """
    columns = (TRIALS.c.subset, TRIALS.c.evaluation)
    whole = [column == name for column in columns]
    begun = [column.startswith(name, autoescape=True) for column in columns]
    for wanted in (whole, begun if _MIN_PREFIX <= len(name) <= _MAX_NAME else []):
        query = _trials_with_scores().where(or_(false(), *wanted))
        order = (TRIALS.c.search, TRIALS.c.kind.desc(), TRIALS.c.trial)
        found = tuple(_trial(row) for row in connection.execute(query.order_by(*order)))
        names = {each for trial in found for each in _names(trial) if each.startswith(name)}
        if len(names) > 1:
            raise AmbiguousNameError(name, ", ".join(sorted(names)))
        if found:
            return found
    return ()


def _names(trial: TrialRecord) -> list[str]:
    return [name for name in (trial.subset, trial.evaluation) if name is not None]


_MIN_PREFIX = 6
"""Characters of a subset's or evaluation's name that find it."""


def read_done(connection: Connection) -> tuple[TrialRecord, ...]:
    """Every trial of every search and report that has a score."""
    query = _trials_with_scores().where(TRIALS.c.state == TrialState.DONE)
    return tuple(_trial(row) for row in connection.execute(query.order_by(TRIALS.c.search, TRIALS.c.trial)))


def _trials_with_scores() -> Select[tuple[Any, ...]]:
    return select(TRIALS, EVALUATIONS.c.scores).outerjoin(
        EVALUATIONS, EVALUATIONS.c.evaluation == TRIALS.c.evaluation
    )


def read_open_trials(connection: Connection) -> tuple[OpenTrial, ...]:
    """The trials of all searches and reports that somebody holds; no recipe is read."""
    place = (TRIALS.c.search, TRIALS.c.trial, TRIALS.c.attempt, TRIALS.c.kind, TRIALS.c.state)
    query = (
        select(*place)
        .where(TRIALS.c.state.in_(HELD_STATES))
        .order_by(TRIALS.c.search, TRIALS.c.kind.desc(), TRIALS.c.trial)
    )
    return tuple(
        OpenTrial(Reservation(row.search, row.trial, row.attempt, TrialKind(row.kind)), TrialState(row.state))
        for row in connection.execute(query)
    )


def _trial(row: AnyRow) -> TrialRecord:
    is_done = row.state == TrialState.DONE
    return TrialRecord(
        search=row.search,
        kind=TrialKind(row.kind),
        trial=row.trial,
        arm=row.arm,
        attempt=row.attempt,
        state=TrialState(row.state),
        recipe=None if row.recipe is None else Recipe.from_json(row.recipe),
        subset=row.subset,
        replicate=row.replicate,
        tokens=row.tokens,
        proposal=json.loads(row.proposal or "{}"),
        seen=json.loads(row.seen or "{}"),
        evaluation=row.evaluation,
        utility=row.utility,
        scores=json.loads(row.scores) if is_done else {},
        standard_error=row.standard_error,
        cost=row.cost,
        is_reused=bool(row.reused),
        reason=row.reason,
    )


def read_measurement(connection: Connection, evaluation: str) -> Measurement | None:
    """A finished evaluation with what it cost, if there is one."""
    query = (
        select(EVALUATIONS, MONEY.c.cost, MONEY.c.seconds, MONEY.c.training_tokens, MONEY.c.scoring_tokens)
        .join(
            MONEY, (MONEY.c.evaluation == EVALUATIONS.c.evaluation) & (MONEY.c.outcome == AttemptOutcome.PAID)
        )
        .where(EVALUATIONS.c.evaluation == evaluation)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return Measurement(
        evaluation=row.evaluation,
        subset=row.subset,
        replicate=row.replicate,
        utility=row.utility,
        scores=json.loads(row.scores),
        standard_error=row.standard_error,
        cost=row.cost,
        seconds=row.seconds,
        training_tokens=row.training_tokens,
        scoring_tokens=row.scoring_tokens,
    )


def read_money(connection: Connection, search: str | None = None) -> tuple[Payment, ...]:
    """Payments of a search, in the order in which its attempts ended."""
    query = select(MONEY).order_by(MONEY.c.at, MONEY.c.trial)
    if search is not None:
        require(connection, search)
        query = query.where(MONEY.c.search == search)
    rows = connection.execute(query).mappings()
    return tuple(
        Payment(**{**row, "kind": TrialKind(row["kind"]), "outcome": AttemptOutcome(row["outcome"])})
        for row in rows
    )


def read_paid_seconds(connection: Connection, searches: Collection[str]) -> list[float]:
    """Seconds of each evaluation at full fidelity that some searches paid for, as they ended."""
    query = select(MONEY.c.seconds).where(
        MONEY.c.search.in_(searches), MONEY.c.outcome == AttemptOutcome.PAID, MONEY.c.cost >= 1.0
    )
    return [float(seconds) for seconds in connection.execute(query.order_by(MONEY.c.at)).scalars()]


_FEW = 3
"""Finished searches that have a sentence each; more share one, so that the others stay visible."""


def why_idle(connection: Connection, search: str | None = None) -> str:
    """Reason why no trial starts now, one sentence per search; many that are done share one."""
    records = read_searches(connection, search)
    done = [record for record in records if record.state is SearchState.DONE]
    if len(done) <= _FEW:
        return "; ".join(_why(connection, record) for record in records) or "no search is registered"
    others = [_why(connection, record) for record in records if record.state is not SearchState.DONE]
    return "; ".join([*others, f"the trials of {len(done)} searches are done"])


def _works(connection: Connection, record: SearchRecord) -> bool:
    """Whether a worker has one of its trials; after Ctrl-C none has."""
    trials = read_trials(connection, record.search, TrialKind.SEARCH)
    return any(trial.state.is_held for trial in trials)


def _why(connection: Connection, record: SearchRecord) -> str:
    if record.state is SearchState.STOPPED:
        return f"{record.search} is stopped: {record.reason}"
    if record.state is SearchState.DONE:
        return f"the trials of {record.search} are done: {record.reason}"
    goes_on = f"Dagster's daemon starts one, and `autoselection search --name {record.search}` goes on here"
    if record.held and not _works(connection, record):
        return f"{record.search} has a trial that waits for a worker: {goes_on}"
    if record.held >= record.slots:
        return f"{record.search} evaluates as many subsets at once as it may ({record.slots})"
    if record.spent + record.held + 1 > record.budget:
        return f"{record.search} waits for the last {record.held:,g} of its {record.budget:,} evaluations"
    return f"{record.search} has free slots and budget for a trial: {goes_on}"
