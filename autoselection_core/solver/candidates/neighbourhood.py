"""Drafts around the anchors of a phase."""

import numpy as np

from autoselection_core.recipe import Recipe
from autoselection_core.solver.candidates.phase import Phase
from autoselection_core.solver.context import Arena
from autoselection_core.solver.evidence.fitted import Belief
from autoselection_core.solver.programs.edits import Workbench, edited
from autoselection_core.solver.programs.fresh import has_union
from autoselection_core.solver.programs.realise import Draft

_RESEEDED_SHARE = 0.5
"""Share of the edits that start from a new anchor while the search stagnates."""

_SECOND_EDIT = 0.5
"""Probability that a draft is edited once more, so that a step is added and another retuned in one round."""


def neighbours(
    arena: Arena, belief: Belief, phase: Phase, count: int, rng: np.random.Generator
) -> list[Draft]:
    """Drafts that are one or two edits away from an anchor."""
    bench = Workbench(arena.templates, mates_of(belief), arena.policy.max_steps)
    return [_draft(arena, belief, phase, bench, rng) for _ in range(count)]


def mates_of(belief: Belief) -> list[Recipe]:
    """Tried recipes that others may be united or crossed with."""
    return [one.recipe for one in belief.tried if one.recipe.steps and not has_union(one.recipe)]


def edited_twice(recipe: Recipe, bench: Workbench, rng: np.random.Generator) -> tuple[Recipe, str]:
    """A recipe one or two edits away, and the names of the edits."""
    recipe, name = edited(recipe, bench, rng)
    if rng.random() >= _SECOND_EDIT:
        return recipe, name
    again, second = edited(recipe, bench, rng)
    return again, f"{name}, {second}"


def _draft(arena: Arena, belief: Belief, phase: Phase, bench: Workbench, rng: np.random.Generator) -> Draft:
    if phase.fresh_anchor is not None and rng.random() < _RESEEDED_SHARE:
        recipe, edits = edited_twice(phase.fresh_anchor, bench, rng)
        return Draft(recipe, "reseed", None, f"{edits} of {phase.fresh_anchor.label}")
    anchor = belief.tried[phase.anchors[int(rng.integers(len(phase.anchors)))]]
    recipe, edits = edited_twice(anchor.recipe, bench, rng)
    return Draft(Recipe(recipe.steps, arena.seed), "edit", anchor.trial, edits)
