"""Records of the ledger: reservations, recorded proposals, measurements, and rows to show."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe


class TrialKind(StrEnum):
    """Kind of a trial, by the budget that pays for it: the search's own, or the report's."""

    SEARCH = "search"
    REPORT = "report"


_ROUNDING = 1e-9
"""Prices of cheaper trainings add up to whole ones but for this."""

REPORT_PREFIX = "report-"
"""Prefix of the numbers of a report's evaluations, which sets them apart from trials."""


class TrialState(StrEnum):
    """State of a trial; only DONE has a score."""

    WAITING = "waiting"
    RESERVED = "reserved"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_held(self) -> bool:
        """Whether somebody works on the trial, under a lease."""
        return self in HELD_STATES

    @property
    def has_ended(self) -> bool:
        """Whether the trial has a score, or will have none."""
        return self in ENDED_STATES


HELD_STATES = (TrialState.RESERVED, TrialState.RUNNING)
"""States in which somebody works on a trial, under a lease."""

OPEN_STATES = (TrialState.WAITING, *HELD_STATES)
"""States of a trial that is still to end."""

ENDED_STATES = (TrialState.DONE, TrialState.FAILED)
"""States of a trial that goes on no more."""


class AttemptOutcome(StrEnum):
    """Outcome of one attempt of a trial; only PAID has a cost.

    Attributes:
        PAID: It trained a model, and was scored.
        REUSED: It took a finished evaluation.
        FAILED: The training or the scoring failed.
        LOST: Its worker sent no heartbeat past its lease.
        RELEASED: It was given back before it began, or its run was terminated.
    """

    PAID = "paid"
    REUSED = "reused"
    FAILED = "failed"
    LOST = "lost"
    RELEASED = "released"


class SearchState(StrEnum):
    """State of a search; only an active one goes on by itself."""

    ACTIVE = "active"
    STOPPED = "stopped"
    DONE = "done"


class StopCause(StrEnum):
    """Cause of a stop; the reason beside it is a sentence for people.

    Attributes:
        PERSON: Somebody stopped it.
        SUPERSEDED: A search of a newer pool took its place.
        STUDY: It only holds the arms of a study, and searches nothing.
        STUCK: It cannot go on by itself: nothing is left to try, or all that was tried failed.
        BROKEN: No trial can be made before a person mends what all of them read; its report waits, too.
    """

    PERSON = "person"
    SUPERSEDED = "superseded"
    STUDY = "study"
    STUCK = "stuck"
    BROKEN = "broken"


class Begin(StrEnum):
    """Answer to a worker that asks to begin: train, take the finished score, or wait for another."""

    TRAIN = "train"
    REUSE = "reuse"
    WAIT = "wait"


@dataclass(frozen=True)
class Reservation:
    """The right to run one attempt of one trial; its share of the budget is held.

    Attributes:
        search: Name of the search.
        trial: Number of the trial among those of its kind, from 1.
        attempt: Number of the attempt, from 1; each that was lost or given back has one after it.
        kind: Budget that pays for it.
    """

    search: str
    trial: int
    attempt: int = 1
    kind: TrialKind = TrialKind.SEARCH

    @property
    def number(self) -> str:
        """The trial's name in its search: `002`, or `report-02` for an evaluation of its report."""
        is_report = self.kind is TrialKind.REPORT
        return f"{REPORT_PREFIX}{self.trial:02d}" if is_report else f"{self.trial:03d}"

    @property
    def partition(self) -> str:
        """The trial's name among those of all searches, for instance `demo-1|002`."""
        return f"{self.search}|{self.number}"

    @property
    def run_key(self) -> str:
        """The attempt's name; a repeated request for it starts nothing twice."""
        return f"{self.partition}|{self.attempt}"


@dataclass(frozen=True)
class RecordedProposal:
    """Recorded proposal of a trial; the first one recorded stays.

    Attributes:
        recipe: The recipe.
        subset: Hash of the subset that it realises.
        replicate: Number of the repetition of this subset's evaluation, from 0: the training's seed.
        tokens: Tokens of the subset.
        proposal: The solver's reasons, as JSON values.
    """

    recipe: Recipe
    subset: str
    replicate: int
    tokens: int
    proposal: Mapping[str, Json] = field(default_factory=dict, hash=False)

    @property
    def fidelity(self) -> str:
        """The cheaper fidelity that it is evaluated at; empty for the full one."""
        return fidelity_of(self.proposal)


def fidelity_of(proposal: Mapping[str, Json]) -> str:
    """The cheaper fidelity that a recorded proposal asks for; empty for the full one."""
    return str(proposal.get("fidelity") or "")


@dataclass(frozen=True)
class Measurement:
    """A finished evaluation as the ledger keeps it.

    Attributes:
        evaluation: Key of the evaluation.
        subset: Hash of the subset that was trained on.
        replicate: Replicate number, the training seed.
        utility: Dev utility.
        scores: Mean dev score of each benchmark.
        standard_error: Of the utility over dev items, or None.
        cost: Share of a full training that it took; 1 at full fidelity.
        seconds: Wall time.
        training_tokens: Tokens trained.
        scoring_tokens: Tokens scored.
    """

    evaluation: str
    subset: str
    replicate: int
    utility: float
    scores: Mapping[str, float] = field(hash=False)
    standard_error: float | None = None
    cost: float = 1.0
    seconds: float = 0.0
    training_tokens: int = 0
    scoring_tokens: int = 0


@dataclass(frozen=True)
class ArmPlan:
    """One evaluation that a report asks for.

    Attributes:
        arm: Name of the arm: `full_pool`, `random`, `winner` and the others that the reports compare.
        recipe: Program that chooses its training data.
        subset: Hash of its rows.
        tokens: Size of the subset, in tokens.
        replicate: Training seed.
    """

    arm: str
    recipe: Recipe
    subset: str
    tokens: int
    replicate: int


@dataclass(frozen=True)
class TrialRecord:
    """One trial with everything that the ledger holds of it.

    Attributes:
        search: Name of its search.
        kind: Budget that pays for it.
        trial: Its number among those of its kind, from 1.
        arm: Arm of the report that it belongs to (`autoselection_core.search.arms`); empty for a trial
            of the search.
        attempt: Number of its present attempt, from 1.
        state: How far it came.
        recipe: Its recipe; None until one is recorded.
        subset: Hash of the subset; None until a recipe is recorded.
        replicate: Number of the repetition of this subset's evaluation, from 0.
        tokens: Tokens of the subset.
        proposal: The solver's reasons, as JSON values.
        seen: What the solver was given when it chose: the trials that were measured, failed and open.
        evaluation: Name of the evaluation that it trains or takes; None until it begins.
        utility: Mean score on dev items, weighed by benchmark; None without a score.
        scores: Score on dev items by benchmark.
        standard_error: Standard error of the utility over items; None where it is unknown.
        cost: Full trainings that it was charged; 0 for a reused evaluation.
        is_reused: Whether it took a finished evaluation.
        reason: Why it failed, or what keeps it; None where nothing is to be said.
    """

    search: str
    kind: TrialKind
    trial: int
    arm: str
    attempt: int
    state: TrialState
    recipe: Recipe | None
    subset: str | None
    replicate: int | None
    tokens: int | None
    proposal: Mapping[str, Json] = field(hash=False)
    seen: Mapping[str, Json] = field(hash=False)
    evaluation: str | None
    utility: float | None
    scores: Mapping[str, float] = field(hash=False)
    standard_error: float | None
    cost: float
    is_reused: bool
    reason: str | None

    @property
    def fidelity(self) -> str:
        """The cheaper fidelity that it is evaluated at; empty for the full one."""
        return fidelity_of(self.proposal)

    @property
    def reservation(self) -> Reservation:
        """The present attempt."""
        return Reservation(self.search, self.trial, self.attempt, self.kind)


@dataclass(frozen=True)
class SearchRecord:
    """A search and how far it came.

    Attributes:
        search: Its name.
        spec: Its specification, with the present budgets and slots.
        budget: Full trainings that it may pay for.
        slots: Trials at the same time.
        report_evaluations: The second budget.
        state: Whether it can go on.
        reason: Why it cannot; empty while it can.
        stop_cause: Cause of its stop; None where it is not stopped.
        spent: Full trainings paid.
        held: The part of the budget that open trials hold.
        report_spent: Of the second budget.
        created_at: Seconds since the epoch.
        report_held: Evaluations of its report that are reserved or run.
        report_waiting: Those that are planned.
        report_done: Those that have a score.
        measured: Trials of the search that have a score.
    """

    search: str
    spec: SearchSpec
    budget: int
    slots: int
    report_evaluations: int
    state: SearchState
    reason: str
    stop_cause: StopCause | None
    spent: float
    held: float
    report_spent: float
    created_at: float
    report_held: int = 0
    report_waiting: int = 0
    report_done: int = 0
    measured: int = 0

    @property
    def affordable(self) -> int:
        """Further full trainings that the budget allows: those that are spent or held are taken off."""
        return max(0, math.floor(self.budget - self.spent - self.held + _ROUNDING))

    @property
    def open_arms(self) -> int:
        """Evaluations of its report that run, or that wait and are covered by their budget."""
        affordable = max(0, int(self.report_evaluations - self.report_spent - self.report_held))
        return self.report_held + min(affordable, self.report_waiting)


@dataclass(frozen=True)
class OpenTrial:
    """A trial that somebody holds: reserved or running."""

    reservation: Reservation
    state: TrialState


@dataclass(frozen=True)
class Payment:
    """Outcome and cost of one attempt; a search is charged once per trial.

    Attributes:
        search: Name of the search.
        kind: Budget that pays for it.
        trial: Number of the trial.
        attempt: Number of the attempt.
        outcome: How the attempt ended.
        evaluation: Name of the evaluation; None where the attempt began none.
        cost: Full trainings that are charged.
        seconds: Time of training and scoring.
        training_tokens: Tokens that the training read.
        scoring_tokens: Tokens that the scoring read.
        note: What happened, for people.
        at: Time of the entry, in seconds since the epoch.
    """

    search: str
    kind: TrialKind
    trial: int
    attempt: int
    outcome: AttemptOutcome
    evaluation: str | None
    cost: float
    seconds: float
    training_tokens: int
    scoring_tokens: int
    note: str
    at: float
