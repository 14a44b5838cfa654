"""Evaluations that a person asks for, beside those that a search or its report chooses."""

from collections.abc import Mapping

from sqlalchemy import Connection

from autoselection_core.errors.history import BudgetSpentError
from autoselection_core.history.records import ArmPlan, RecordedProposal, Reservation, TrialKind, TrialState
from autoselection_core.history.searches import require
from autoselection_core.history.transactions.arms import (
    entered_arms,
    identity_of,
    insert_arm,
    requested_arms,
)
from autoselection_core.history.transactions.proposals import next_replicate
from autoselection_core.history.transactions.reservations import insert_trial, last_trial
from autoselection_core.identity import Json, canonical_json
from autoselection_core.recipe import Recipe


def enter_trial(
    connection: Connection,
    search: str,
    recipe: Recipe,
    *,
    subset: str,
    tokens: int,
    proposal: Mapping[str, Json],
) -> RecordedProposal:
    """Enter a recipe as the next trial of a search, paid from its budget; the solver learns from it.

    Raises:
        BudgetSpentError: The search's budget does not cover another evaluation.
    """
    record = require(connection, search)
    if record.spent + record.held + 1 > record.budget:
        raise BudgetSpentError(search, "budget", record.budget)
    reservation = Reservation(search, last_trial(connection, search, TrialKind.SEARCH) + 1)
    replicate = next_replicate(connection, reservation, subset)
    insert_trial(
        connection,
        reservation,
        TrialState.WAITING,
        recipe=recipe.to_json(),
        subset=subset,
        tokens=tokens,
        replicate=replicate,
        proposal=canonical_json(proposal),
    )
    return RecordedProposal(recipe, subset, replicate, tokens, proposal)


def enter_arm(connection: Connection, search: str, arm: ArmPlan) -> Reservation:
    """Enter an evaluation beside the report's, paid from the second budget; asking again finds it.

    Raises:
        BudgetSpentError: The second budget does not cover another evaluation.
    """
    record = require(connection, search)
    known = {present: trial for trial, present in entered_arms(connection, search).items()}
    if identity_of(arm) in known:
        return Reservation(search, known[identity_of(arm)], kind=TrialKind.REPORT)
    held = record.report_held + len(requested_arms(connection, search))
    if record.report_spent + held + 1 > record.report_evaluations:
        raise BudgetSpentError(search, "report_evaluations", record.report_evaluations)
    reservation = Reservation(
        search, last_trial(connection, search, TrialKind.REPORT) + 1, kind=TrialKind.REPORT
    )
    insert_arm(connection, reservation, arm)
    return reservation
