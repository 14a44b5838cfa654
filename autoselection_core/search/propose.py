"""Proposal of a trial: asked of the solver once, and recorded with the reasons."""

from typing import Protocol

import numpy as np

from autoselection_core.errors.search import ChangedSubsetError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import RecordedProposal, Reservation
from autoselection_core.history.values import History
from autoselection_core.search.outcome import record_outcome
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.programs.limits import read_tokens
from autoselection_core.solver.proposal import Candidate, Proposal
from autoselection_core.subset import Subset, realise


class AskingSolver(Protocol):
    """Solver as a search needs it."""

    @property
    def signals(self) -> SignalTable:
        """The pool that recipes are realised on."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """Longest conversation that a training reads, in tokens; None where nothing is trained."""
        ...

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        """The next candidates; a pure function of the history."""
        ...


def propose(ledger: Ledger, reservation: Reservation, solver: AskingSolver) -> Candidate:
    """The candidate of a trial: the recorded one, or the solver's answer, which is recorded.

    Asks only when every earlier trial has a recipe, has ended or was lost, so that one slot sees the same
    history wherever it runs. Doing it again returns what was recorded and asks nobody.

    Raises:
        NoCandidatesError: The solver has nothing left to try.
        SupersededError: The attempt lost its trial.
        ChangedSubsetError: The solver's pool is not the one that the recorded recipe was realised on.
    """
    if (recorded := ledger.proposal(reservation)) is None:
        with record_outcome(ledger, reservation), ledger.proposal_lock(reservation):
            recorded = ledger.proposal(reservation) or _ask(ledger, reservation, solver)
    subset = realise(recorded.recipe, solver.signals)
    if subset.fingerprint != recorded.subset:
        raise ChangedSubsetError(reservation.run_key, recorded.subset, subset.fingerprint)
    return Candidate(recorded.recipe, subset, Proposal.from_json(recorded.proposal))


def _ask(ledger: Ledger, reservation: Reservation, solver: AskingSolver) -> RecordedProposal:
    history = ledger.history(reservation.search)
    (candidate,) = solver.ask(history, 1)
    return ledger.record_proposal(
        reservation,
        recipe=candidate.recipe,
        subset=candidate.subset.fingerprint,
        tokens=tokens_of(candidate.subset, solver.signals),
        proposal=candidate.proposal.to_json(),
        seen=history,
    )


def tokens_of(subset: Subset, signals: SignalTable, max_tokens: int | None = None) -> int:
    """Size of a subset in tokens of the base model; in rows where tokens were not counted.

    Args:
        subset: The rows.
        signals: The pool that they are of.
        max_tokens: Length limit of a training, to count what it reads in an epoch; None counts whole samples.
    """
    if "tokens" not in signals.columns:
        return len(subset)
    if max_tokens is not None:
        return int(read_tokens(signals, max_tokens)[subset.rows].sum())
    return int(np.nansum(signals["tokens"][subset.rows], dtype=np.float64))
