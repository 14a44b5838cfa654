"""Drafts around the anchors of a phase."""

import numpy as np

from autoselection_core.recipe import Recipe
from autoselection_core.solver.candidates.phase import Phase
from autoselection_core.solver.context import SearchContext
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.programs.edits import Workbench, edit_recipe
from autoselection_core.solver.programs.fresh import has_union
from autoselection_core.solver.programs.realise import Draft

_RESEEDED_SHARE = 0.5
"""Share of the edits that start from a new anchor while the search stagnates."""

_SECOND_EDIT = 0.5
"""Probability that a draft is edited once more, so that a step is added and another retuned in one round."""


def neighbours(
    context: SearchContext, fitted: FittedModel, phase: Phase, count: int, rng: np.random.Generator
) -> list[Draft]:
    """Drafts that are one or two edits away from an anchor."""
    bench = Workbench(context.templates, mates_of(fitted), context.policy.max_steps)
    return [_draft(context, fitted, phase, bench, rng) for _ in range(count)]


def mates_of(fitted: FittedModel) -> list[Recipe]:
    """Tried recipes that others may be united or crossed with."""
    return [one.recipe for one in fitted.observed if one.recipe.steps and not has_union(one.recipe)]


def edit_twice(recipe: Recipe, bench: Workbench, rng: np.random.Generator) -> tuple[Recipe, str]:
    """A recipe one or two edits away, and the names of the edits."""
    recipe, name = edit_recipe(recipe, bench, rng)
    if rng.random() >= _SECOND_EDIT:
        return recipe, name
    again, second = edit_recipe(recipe, bench, rng)
    return again, f"{name}, {second}"


def _draft(
    context: SearchContext, fitted: FittedModel, phase: Phase, bench: Workbench, rng: np.random.Generator
) -> Draft:
    if phase.fresh_anchor is not None and rng.random() < _RESEEDED_SHARE:
        recipe, edits = edit_twice(phase.fresh_anchor, bench, rng)
        return Draft(recipe, "reseed", None, f"{edits} of {phase.fresh_anchor.label}")
    anchor = fitted.observed[phase.anchors[int(rng.integers(len(phase.anchors)))]]
    recipe, edits = edit_twice(anchor.recipe, bench, rng)
    return Draft(Recipe(recipe.steps, context.seed), "edit", anchor.trial, edits)
