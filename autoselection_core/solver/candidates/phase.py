"""Phases of a search: the same anchors until it stagnates, then a new one from the credit of operators."""

from dataclasses import dataclass

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.candidates.warmup import farthest
from autoselection_core.solver.context import Arena, seed_for
from autoselection_core.solver.evidence.fitted import Belief
from autoselection_core.solver.programs.credit import Credit, credit_of
from autoselection_core.solver.programs.realise import Draft
from autoselection_core.solver.programs.reseed import new_anchor

_DRAWS = 8
"""New anchors that are drawn; the one that selects what is farthest from everything tried stays."""


@dataclass(frozen=True)
class Phase:
    """Where edits start from.

    Attributes:
        anchors: Places of the best tried subsets.
        stagnation: Measurements since the posterior best was first tried.
        fresh_anchor: The anchor that the reseeder drew; None while the search moves.
    """

    anchors: tuple[int, ...]
    stagnation: int
    fresh_anchor: Recipe | None


def phase_of(arena: Arena, history: History, belief: Belief) -> Phase:
    """The phase that a history is in; the same for all choices between two measurements."""
    since = belief.tried[belief.incumbent].trial
    stagnation = sum(observation.trial > since for observation in history.observations)
    stalls = stagnation // arena.policy.patience
    anchor = _reseeded(arena, belief, since, stalls) if stalls else None
    return Phase(tuple(belief.ranked[: arena.policy.anchors]), stagnation, anchor)


def credit_in(belief: Belief) -> Credit:
    """Credits from differences of posterior means, every tried recipe against the nearest to the full pool.

    A search over fresh programs has few parents, so each recipe's parent is the tried program with the
    fewest steps: the full pool where it was probed.
    """
    measured = belief.ranked
    root = min(measured, key=lambda place: (len(belief.tried[place].recipe), belief.tried[place].trial))
    return credit_of(
        (
            belief.tried[root].recipe,
            belief.tried[place].recipe,
            float(belief.means[place] - belief.means[root]),
        )
        for place in sorted(measured)
        if place != root
    )


def _reseeded(arena: Arena, belief: Belief, since: int, stalls: int) -> Recipe | None:
    rng = np.random.default_rng(seed_for("reseed", arena.seed, since, stalls))
    credit = credit_in(belief)
    drafts = [Draft(new_anchor(credit, arena.templates, rng, arena.seed), "reseed") for _ in range(_DRAWS)]
    realised = arena.realise(drafts, frozenset())
    if not len(realised):
        return None
    place, _ = farthest(range(len(realised)), arena.describe(realised), belief.features, arena)
    return realised.drafts[place].recipe
