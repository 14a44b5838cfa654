"""Replay of a search's decisions: the same questions, with its adviser's recorded answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autoselection_core.errors.search import NoCandidatesError, NotWorthwhileError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import TrialRecord
from autoselection_core.history.values import CheapTrial, History, Pending
from autoselection_core.recipe import Recipe
from autoselection_core.search.stated_recipes import STATED
from autoselection_core.solver.advice.exchange import Recorded, exchanges_in
from autoselection_core.solver.proposal import Proposal
from autoselection_core.solver.solver import Solver


@dataclass(frozen=True)
class Decision:
    """Recorded decision of a trial, and the solver's answer when it is asked again.

    Attributes:
        trial: Its number.
        recorded: The recipe that the ledger has.
        again: The present recipe; None where the solver has no candidate.
    """

    trial: int
    recorded: Recipe
    again: Recipe | None

    @property
    def is_same(self) -> bool:
        """Whether the decision can be had again."""
        return self.recorded == self.again


def decide_again(ledger: Ledger, search: str, solver: Solver) -> tuple[Decision, ...]:
    """Ask a solver for every trial of a search, with the history that the trial saw.

    Trains nothing and asks no language model: its recorded answers are used. Recipes that a person gave are
    left out.

    Raises:
        UnknownSearchError: No search has this name.
    """
    trials = ledger.trials(search)
    solver = with_recorded_answers(solver, [trial.proposal for trial in trials])
    now = ledger.history(search)
    return tuple(
        Decision(trial.trial, trial.recipe, _ask(solver, _seen_by(trial, now, trials)))
        for trial in trials
        if trial.recipe is not None and Proposal.from_json(trial.proposal).origin != STATED
    )


def with_recorded_answers(solver: Solver, proposals: Sequence[Mapping[str, object]]) -> Solver:
    """The solver with what its adviser said then in the place of the adviser."""
    if solver.adviser is None:
        return solver
    return replace(solver, adviser=replace(solver.adviser, answers=Recorded(exchanges_in(proposals))))


def _ask(solver: Solver, history: History) -> Recipe | None:
    try:
        (candidate,) = solver.ask(history)
    except (NoCandidatesError, NotWorthwhileError):
        return None
    return candidate.recipe


def _seen_by(trial: TrialRecord, now: History, trials: Sequence[TrialRecord]) -> History:
    """The history as it was when a trial was proposed."""
    names = ("observations", "pending", "failures", "cheap", "cheap_pending")
    seen = {name: _numbers(trial.seen.get(name)) for name in names}
    pending = [each for each in trials if each.trial in seen["pending"]]
    in_sight = seen["cheap"] | seen["cheap_pending"]
    return replace(
        now,
        observations=tuple(one for one in now.observations if one.trial in seen["observations"]),
        pending=tuple(_pending(each) for each in pending),
        failures=tuple(one for one in now.failures if one.trial in seen["failures"]),
        cheap=tuple(_cheap(one, seen["cheap"]) for one in now.cheap if one.trial in in_sight),
    )


def _cheap(one: CheapTrial, measured: frozenset[object]) -> CheapTrial:
    return one if one.trial in measured else replace(one, utility=None)


def _pending(trial: TrialRecord) -> Pending:
    assert trial.recipe is not None, "a pending trial has its recipe"
    return Pending(trial.trial, trial.recipe, trial.subset or "", trial.replicate or 0, trial.proposal)


def _numbers(value: object) -> frozenset[object]:
    return frozenset(value) if isinstance(value, list) else frozenset()
