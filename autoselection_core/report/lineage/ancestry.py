"""Ancestry of a trial: the trial that it was edited from, the one before that, and so on."""

from collections.abc import Iterator, Sequence

from autoselection_core.history.records import TrialRecord
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.solver.proposal import Proposal


def ancestors(trial: TrialRecord, trials: Sequence[TrialRecord]) -> Iterator[TrialRecord]:
    """Chain of ancestors: the trial itself, then the trial that each was edited from, or the nearest one.

    It ends, because both came first.
    """
    numbered = {each.trial: each for each in trials}
    found: TrialRecord | None = trial
    while found is not None:
        yield found
        anchor = Proposal.from_json(found.proposal).anchor
        found = numbered.get(anchor) if anchor is not None and anchor < found.trial else None


def ancestry_table(trial: TrialRecord, trials: Sequence[TrialRecord]) -> Table:
    """The ancestors of a trial, itself first, with what each scored and the edits between them.

    A program that the solver edited and never tried has no trial and no score.
    """
    rows = tuple(row for each in ancestors(trial, trials) for row in _rows(each))
    return Table("How it came about", ("trial", "origin", "recipe", "dev score"), rows)


def anchor_of(trial: TrialRecord, trials: Sequence[TrialRecord]) -> TrialRecord | None:
    """The measured trial that one is compared with: its parent, else the nearest; None for a first probe."""
    return next((each for each in ancestors(trial, trials) if each.trial != trial.trial), None)


def _rows(trial: TrialRecord) -> Iterator[tuple[Cell, ...]]:
    proposal = Proposal.from_json(trial.proposal)
    label = "" if trial.recipe is None else trial.recipe.full_label
    yield trial.reservation.partition, _origin(trial, proposal), label, trial.utility
    # The last link is the trial itself, and the first one its parent where that was tried.
    between = proposal.chain[(proposal.parent is not None) : -1]
    for edit, program in reversed(between):
        yield "", f"not tried: {edit}", program, None


def _origin(trial: TrialRecord, proposal: Proposal) -> str:
    origin = proposal.origin or trial.arm or "unknown"
    if proposal.parent is not None:
        edit = proposal.chain[-1][0] if proposal.chain else proposal.edit
        return f"{origin} of trial {proposal.parent}: {edit}"
    made = f"{origin}: {proposal.chain[-1][0]}" if proposal.chain else origin
    if proposal.nearest is not None:
        return f"{made}; nearest tried: trial {proposal.nearest}"
    return f"{made}: {proposal.edit}" if proposal.edit else made
