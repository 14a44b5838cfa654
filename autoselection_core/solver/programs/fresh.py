"""Fresh programs: single operators, drawn one by one, or spread evenly over all choices at once."""

from collections.abc import Sequence

import numpy as np

from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.solver.feature_layout import Features
from autoselection_core.space import Interval


def random_recipe(
    templates: Sequence[Template],
    rng: np.random.Generator,
    max_steps: int,
    seed: int,
    unions: Sequence[Recipe] = (),
) -> Recipe:
    """A program of uniform length whose steps are uniform over templates and their ranges.

    Args:
        templates: What a step may be.
        rng: Source of randomness.
        max_steps: Longest program.
        seed: Seed of the recipe's own random operators.
        unions: Evaluated recipes; if there are any, a union with one of them is one more template.
    """
    length = int(rng.integers(1, max_steps + 1))
    return Recipe(tuple(random_step(templates, rng, unions) for _ in range(length)), seed)


def random_step(
    templates: Sequence[Template], rng: np.random.Generator, unions: Sequence[Recipe] = ()
) -> Step:
    """One step, uniform over templates; a union with an evaluated recipe counts as one template."""
    place = int(rng.integers(len(templates) + bool(unions)))
    if place < len(templates):
        return templates[place].sample(rng)
    return Union(unions[int(rng.integers(len(unions)))])


USUAL_SHARES = (0.1, 0.25, 0.5, 0.75)
"""Shares that people keep; every operator that keeps a share is a candidate with each of them."""

_USUAL_PLACES = (0.25, 0.5, 0.75)
"""Places in the range of any other number that a single operator is tried at."""


def single_recipes(templates: Sequence[Template], seed: int) -> tuple[Recipe, ...]:
    """Every operator alone, at the usual shares: simple recipes that a hypercube of programs misses."""
    return tuple(
        Recipe((template.decode(units),), seed) for template in templates for units in _usual_units(template)
    )


def _usual_units(template: Template) -> list[Features]:
    """Numbers of a single operator in [0, 1]; those that are no share stay in the middle."""
    middle = np.full(len(template.axes), 0.5)
    for place, axis in enumerate(template.axes):
        if axis.name == "fraction" and isinstance(axis.space, Interval):
            shares = [share for share in USUAL_SHARES if axis.space.low <= share <= axis.space.high]
            return [_with(middle, place, axis.space.encode(share)) for share in shares]
    return [_with(middle, 0, unit) for unit in _USUAL_PLACES] if template.axes else [middle]


def _with(units: Features, place: int, unit: float) -> Features:
    changed = units.copy()
    changed[place] = unit
    return changed


def has_union(recipe: Recipe) -> bool:
    """True where a recipe holds another one: uniting with it would let recipes grow without end."""
    return any(isinstance(step, Union) for step in recipe.steps)


def latin_recipes(templates: Sequence[Template], count: int, max_steps: int, seed: int) -> tuple[Recipe, ...]:
    """Programs from a Latin hypercube over length, the template of each step and its parameters.

    Each of these choices alone is covered evenly: among 60 programs of at most 6 steps, 10 have each length.
    """
    from scipy.stats import qmc

    width = max(len(template.axes) for template in templates)
    cube = qmc.LatinHypercube(1 + max_steps * (1 + width), rng=np.random.default_rng(seed)).random(count)
    return tuple(_decode(templates, row, max_steps, width, seed) for row in cube)


def _decode(templates: Sequence[Template], units: Features, max_steps: int, width: int, seed: int) -> Recipe:
    length = 1 + int(units[0] * max_steps)
    steps = units[1:].reshape(max_steps, 1 + width)[:length]
    return Recipe(tuple(_step(templates, step) for step in steps), seed)


def _step(templates: Sequence[Template], units: Features) -> Step:
    template = templates[int(units[0] * len(templates))]
    return template.decode(units[1 : 1 + len(template.axes)])
