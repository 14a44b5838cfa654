"""Anchors of a search: the same until it stagnates, then a new one from the credit of operators."""

from dataclasses import dataclass

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.candidates.warmup import farthest
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.programs.credit import Credit, credit_of
from autoselection_core.solver.programs.realise import Draft
from autoselection_core.solver.programs.reseed import draw_anchor

_DRAWS = 8
"""New anchors that are drawn; the one that selects what is farthest from everything tried stays."""


@dataclass(frozen=True)
class Phase:
    """Anchors that edits start from.

    Attributes:
        anchors: Places of the best tried subsets.
        stagnation: Measurements since the posterior best was first tried.
        fresh_anchor: The anchor that the reseeder drew; None while the search moves.
    """

    anchors: tuple[int, ...]
    stagnation: int
    fresh_anchor: Recipe | None


def phase_of(context: SearchContext, history: History, fitted: FittedModel) -> Phase:
    """The phase that a history is in; the same for all choices between two measurements."""
    since = fitted.observed[fitted.incumbent].trial
    stagnation = sum(observation.trial > since for observation in history.observations)
    stalls = stagnation // context.policy.patience
    anchor = _reseeded(context, fitted, since, stalls) if stalls else None
    return Phase(tuple(fitted.ranked[: context.policy.anchors]), stagnation, anchor)


def credit_in(fitted: FittedModel) -> Credit:
    """Credits from differences of posterior means, every tried recipe against the nearest to the full pool.

    A search over fresh programs has few parents, so each recipe's parent is the tried program with the
    fewest steps: the full pool where it was probed.
    """
    measured = fitted.ranked
    root = min(measured, key=lambda place: (len(fitted.observed[place].recipe), fitted.observed[place].trial))
    return credit_of(
        (
            fitted.observed[root].recipe,
            fitted.observed[place].recipe,
            float(fitted.means[place] - fitted.means[root]),
        )
        for place in sorted(measured)
        if place != root
    )


def _reseeded(context: SearchContext, fitted: FittedModel, since: int, stalls: int) -> Recipe | None:
    rng = np.random.default_rng(seed_for("reseed", context.seed, since, stalls))
    credit = credit_in(fitted)
    drafts = [
        Draft(draw_anchor(credit, context.templates, rng, context.seed), "reseed") for _ in range(_DRAWS)
    ]
    realised = context.realise(drafts, frozenset())
    if not len(realised):
        return None
    place, _ = farthest(range(len(realised)), context.describe(realised), fitted.features, context)
    return realised.drafts[place].recipe
