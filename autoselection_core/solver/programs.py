"""Fresh programs: drawn one by one, or spread evenly over all choices at once."""

from collections.abc import Sequence

import numpy as np

from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.solver.layout import Features


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


def has_union(recipe: Recipe) -> bool:
    """Whether a recipe holds another one: uniting with such a recipe would let recipes grow without end."""
    return any(isinstance(step, Union) for step in recipe.steps)


def latin_recipes(templates: Sequence[Template], count: int, max_steps: int, seed: int) -> tuple[Recipe, ...]:
    """Programs from a Latin hypercube over length, the template of each step and its parameters.

    Each of these choices alone is covered evenly: among 60 programs of at most 6 steps, 10 have each length.
    """
    from scipy.stats import qmc

    width = max(len(template.axes) for template in templates)
    cube = qmc.LatinHypercube(1 + max_steps * (1 + width), rng=np.random.default_rng(seed)).random(count)
    return tuple(_decoded(templates, row, max_steps, width, seed) for row in cube)


def _decoded(templates: Sequence[Template], units: Features, max_steps: int, width: int, seed: int) -> Recipe:
    length = 1 + int(units[0] * max_steps)
    steps = units[1:].reshape(max_steps, 1 + width)[:length]
    return Recipe(tuple(_step(templates, step) for step in steps), seed)


def _step(templates: Sequence[Template], units: Features) -> Step:
    template = templates[int(units[0] * len(templates))]
    return template.decode(units[1 : 1 + len(template.axes)])
