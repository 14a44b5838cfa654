"""Random recipe search: the baseline that every policy has to beat at the same budget."""

from collections import Counter

import numpy as np

from autoselection_core.errors.search import NoCandidatesError
from autoselection_core.history.values import History
from autoselection_core.operators.catalogue import Template
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.context import seed_for
from autoselection_core.solver.evidence.observations import entries_of
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.fresh import has_union, random_recipe
from autoselection_core.solver.programs.limits import within_limits
from autoselection_core.solver.programs.realise import Draft, realise_drafts
from autoselection_core.solver.proposal import Candidate, Proposal

_ATTEMPTS = 1000
"""Programs drawn for one trial before the search gives up."""


def choose(
    signals: SignalTable, templates: tuple[Template, ...], policy: Policy, history: History
) -> Candidate:
    """A program of uniform length, drawn again while it is invalid, too small, too large or already tried.

    Unions with evaluated recipes are allowed, as one more operator.

    Raises:
        NoCandidatesError: No valid program was drawn.
    """
    rng = np.random.default_rng(seed_for("random", history.seed, history.next_trial))
    known = frozenset(entry.subset for entry in entries_of(history))
    min_rows = policy.min_rows(len(signals))
    unions = [entry.recipe for entry in history.observations if not has_union(entry.recipe)]
    reasons: Counter[str] = Counter()
    for _ in range(_ATTEMPTS):
        recipe = random_recipe(templates, rng, policy.max_steps, history.seed, unions)
        realised = within_limits(
            realise_drafts([Draft(recipe, "random")], signals, min_rows, known), signals, policy
        )
        if len(realised):
            proposal = Proposal("random", candidates_considered=1, screened=dict(reasons))
            return Candidate(recipe, realised.subsets[0], proposal)
        reasons.update(realised.reasons)
    raise NoCandidatesError(history.next_trial, reasons)
