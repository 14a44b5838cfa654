"""Ancestry of a trial: the trial that it was edited from, the one before that, and so on."""

from collections.abc import Iterator, Sequence

from autoselection_core.history.records import TrialRecord
from autoselection_core.report.rendering.table import Table
from autoselection_core.solver.proposal import Proposal


def ancestors(trial: TrialRecord, trials: Sequence[TrialRecord]) -> Iterator[TrialRecord]:
    """Chain of ancestors: the trial itself, then each one's parent. It ends, because parents come first."""
    numbered = {each.trial: each for each in trials}
    found: TrialRecord | None = trial
    while found is not None:
        yield found
        parent = Proposal.from_json(found.proposal).parent
        found = numbered.get(parent) if parent is not None and parent < found.trial else None


def ancestry_table(trial: TrialRecord, trials: Sequence[TrialRecord]) -> Table:
    """The ancestors of a trial, itself first, with what each scored."""
    rows = tuple(
        (
            each.reservation.partition,
            Proposal.from_json(each.proposal).origin or each.arm or "unknown",
            "" if each.recipe is None else each.recipe.label,
            each.utility,
        )
        for each in ancestors(trial, trials)
    )
    return Table("How it came about", ("trial", "origin", "recipe", "dev score"), rows)
