"""Recipes of a table, of the kinds that a search proposes, in turn.

Plain filters at the usual shares, single operators, short and long programs, intersections of two plain
filters, weights of sources or topics, and edits of the best so far. Subsets differ from each other and have
at least 20 rows.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoselection_core.errors.search import NoCandidatesError
from autoselection_core.operators.catalogue import Template, WeightTemplate, catalogue
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.programs.edits import Workbench, edit_recipe
from autoselection_core.solver.programs.fresh import random_recipe, random_step, single_recipes
from autoselection_core.subset import Subset, realise_many

MIN_ROWS = 20
_ATTEMPTS = 1000
_BEST_SHARE, _BEFORE_EDITS = 0.1, 40
_FILTERED_FIRST = 0.5
"""Share of the mixtures that are drawn from the rows of a plain filter."""

KINDS = ("plain", "short", "intersection", "long", "mix", "plain", "single", "edit", "short", "mix")
"""Kinds of recipes, one after the other."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A subset to train, and how its recipe was drawn."""

    number: int
    kind: str
    subset: Subset


def next_recipe(signals: SignalTable, done: Sequence[Mapping[str, Any]]) -> Drawn:
    """The next recipe, which follows from the number of those before it and their scores."""
    known = {line["subset"] for line in done}
    kind = KINDS[len(done) % len(KINDS)]
    if kind == "edit" and len(done) < _BEFORE_EDITS:
        kind = "long"
    templates = catalogue(signals)
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng((len(done), attempt))
        recipe = _DRAWS[kind](templates, rng, done)
        (subset,) = realise_many([recipe], signals)
        if isinstance(subset, Subset) and len(subset) >= MIN_ROWS and subset.fingerprint not in known:
            return Drawn(len(done), kind, subset)
        kind = kind if attempt % 50 < 49 else "short"
    raise NoCandidatesError(len(done) + 1, {"repeated or small": _ATTEMPTS})


def _plain(templates: Sequence[Template], rng: np.random.Generator, _: Sequence[Any]) -> Recipe:
    """A ranking by one signal at a usual share."""
    rankings = [template for template in templates if template.operator is KeepTop]
    singles = single_recipes(rankings or templates, 0)
    return singles[int(rng.integers(len(singles)))]


def _single(templates: Sequence[Template], rng: np.random.Generator, _: Sequence[Any]) -> Recipe:
    return random_recipe(templates, rng, 1, 0)


def _short(templates: Sequence[Template], rng: np.random.Generator, _: Sequence[Any]) -> Recipe:
    return random_recipe(templates, rng, 2, 0)


def _long(templates: Sequence[Template], rng: np.random.Generator, _: Sequence[Any]) -> Recipe:
    return random_recipe(templates, rng, 6, 0)


def _intersection(templates: Sequence[Template], rng: np.random.Generator, done: Sequence[Any]) -> Recipe:
    first, second = (_plain(templates, rng, done) for _ in range(2))
    return Recipe((*first.steps, *second.steps), 0)


def _mix(templates: Sequence[Template], rng: np.random.Generator, done: Sequence[Any]) -> Recipe:
    """Random weights of sources or topics, of all rows or of those that a plain filter keeps."""
    weighed = [template for template in templates if isinstance(template, WeightTemplate)]
    first = _plain(templates, rng, done).steps if rng.random() < _FILTERED_FIRST else ()
    return Recipe((*first, random_step(weighed or templates, rng)), 0)


def _edit(templates: Sequence[Template], rng: np.random.Generator, done: Sequence[Any]) -> Recipe:
    scored = [line for line in done if line["runs"]]
    scored.sort(key=lambda line: -_first_utility(line))
    best = scored[: max(3, round(_BEST_SHARE * len(scored)))]
    parent = _read(best[int(rng.integers(len(best)))])
    mates = [_read(line) for line in best]
    recipe, _ = edit_recipe(parent, Workbench(templates, mates, 6), rng)
    return Recipe(recipe.steps, 0)


def _read(line: Mapping[str, Any]) -> Recipe:
    return Recipe.from_json(json.dumps(line["recipe"]))


def _first_utility(line: Mapping[str, Any]) -> float:
    return float(np.mean([np.mean(values) for values in line["runs"][0]["dev"].values()]))


_DRAWS: Mapping[str, Callable[[Sequence[Template], np.random.Generator, Sequence[Any]], Recipe]] = {
    "plain": _plain,
    "single": _single,
    "short": _short,
    "long": _long,
    "intersection": _intersection,
    "mix": _mix,
    "edit": _edit,
}
