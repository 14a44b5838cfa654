"""What the ledger hands out: reservations, recorded proposals, measurements, and rows to show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autoselection_core.history.spec import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe


class Kind(StrEnum):
    """Which of a search's two budgets pays."""

    SEARCH = "search"
    REPORT = "report"


class TrialState(StrEnum):
    """Where a trial stands; only DONE has a score."""

    WAITING = "waiting"
    RESERVED = "reserved"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class SearchState(StrEnum):
    """Whether a search can go on by itself."""

    ACTIVE = "active"
    STOPPED = "stopped"
    DONE = "done"


class Begin(StrEnum):
    """What a worker does after it asked to begin: train, take the finished score, or wait for another."""

    TRAIN = "train"
    REUSE = "reuse"
    WAIT = "wait"


@dataclass(frozen=True)
class Reservation:
    """The right to run one attempt of one trial; its share of the budget is held."""

    search: str
    trial: int
    attempt: int = 1
    kind: Kind = Kind.SEARCH

    @property
    def partition(self) -> str:
        """The trial's name among those of all searches, for instance `demo-1|002`."""
        return f"{self.search}|{self.trial:03d}"

    @property
    def run_key(self) -> str:
        """The attempt's name; a repeated request for it starts nothing twice."""
        return f"{self.partition}|{self.attempt}"


@dataclass(frozen=True)
class RecordedProposal:
    """What the ledger holds as a trial's proposal; the first one recorded stays."""

    recipe: Recipe
    subset: str
    replicate: int
    tokens: int
    proposal: Mapping[str, Json] = field(default_factory=dict, hash=False)


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
        arm: `full_pool`, `random` or `winner`.
        recipe: What the arm trains on.
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
    """Everything that the ledger knows of one trial."""

    search: str
    kind: Kind
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
    def reservation(self) -> Reservation:
        """The present attempt."""
        return Reservation(self.search, self.trial, self.attempt, self.kind)


@dataclass(frozen=True)
class SearchRecord:
    """A search and how far it came; `held` is the part of the budget that open trials hold."""

    search: str
    spec: SearchSpec
    budget: int
    slots: int
    report_evaluations: int
    state: SearchState
    reason: str
    spent: float
    held: float
    report_spent: float
    created_at: float


@dataclass(frozen=True)
class Payment:
    """How one attempt ended and what it cost; a search is charged once per trial."""

    search: str
    kind: Kind
    trial: int
    attempt: int
    outcome: str
    evaluation: str | None
    cost: float
    seconds: float
    training_tokens: int
    scoring_tokens: int
    note: str
    at: float
