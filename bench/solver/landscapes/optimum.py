"""Highest utility known to be reachable: many random recipes, then a local search on the true utility."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.programs.edits import Workbench, edit_recipe
from autoselection_core.solver.programs.fresh import random_recipe
from autoselection_core.subset import Subset, realise_many
from bench.solver.landscapes.landscape import Landscape

RANDOM_RECIPES = 20_000
_GENERATIONS, _PARENTS, _CHILDREN = 15, 20, 200
_MIN_SHARE = 0.01
_AT_ONCE = 2000


@dataclass(frozen=True)
class Optimum:
    """A recipe that nothing beat.

    Attributes:
        utility: Its true utility, in points.
        recipe: The recipe, as JSON text.
        random: The best of the random recipes, before the local search.
    """

    utility: float
    recipe: str
    random: float


def reference_rows(signals: SignalTable, templates: Sequence[Template], count: int) -> list[Rows]:
    """Rows of random recipes that utilities are scaled on."""
    return [subset.rows for _, subset in _realise(_random(templates, count, 1), signals)]


def optima(
    signals: SignalTable,
    templates: Sequence[Template],
    utilities: Mapping[str, Landscape],
    count: int = RANDOM_RECIPES,
) -> dict[str, Optimum]:
    """The optimum of every landscape, from one set of random recipes."""
    best: dict[str, list[tuple[float, Recipe]]] = {name: [] for name in utilities}
    for start in range(0, count, _AT_ONCE):
        for recipe, subset in _realise(_random(templates, min(_AT_ONCE, count - start), 2 + start), signals):
            for name, utility in utilities.items():
                best[name].append((utility(subset.rows), recipe))
    return {name: _improve(best[name], utility, signals, templates) for name, utility in utilities.items()}


def _random(templates: Sequence[Template], count: int, seed: int) -> list[Recipe]:
    rng = np.random.default_rng(seed)
    return [random_recipe(templates, rng, 6, 0) for _ in range(count)]


def _realise(recipes: Sequence[Recipe], signals: SignalTable) -> list[tuple[Recipe, Subset]]:
    smallest = _MIN_SHARE * len(signals)
    results = zip(recipes, realise_many(recipes, signals), strict=True)
    return [(recipe, one) for recipe, one in results if isinstance(one, Subset) and len(one) >= smallest]


def _improve(
    found: list[tuple[float, Recipe]], utility: Landscape, signals: SignalTable, templates: Sequence[Template]
) -> Optimum:
    rng = np.random.default_rng(3)
    random = max(value for value, _ in found)
    for _ in range(_GENERATIONS):
        parents = sorted(found, key=lambda one: -one[0])[:_PARENTS]
        bench = Workbench(templates, [recipe for _, recipe in parents], 6)
        edits = [
            edit_recipe(parents[int(rng.integers(_PARENTS))][1], bench, rng)[0] for _ in range(_CHILDREN)
        ]
        found = parents + [(utility(subset.rows), recipe) for recipe, subset in _realise(edits, signals)]
    value, recipe = max(found, key=lambda one: one[0])
    return Optimum(value, recipe.to_json(), random)
