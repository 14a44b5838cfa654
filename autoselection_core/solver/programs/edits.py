"""Edits of a program, each with a recorded name, and anchors drawn by credit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np

from autoselection_core.operators.catalogue import Template, template_of
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.solver.programs.credit import Credit
from autoselection_core.solver.programs.fresh import random_recipe, random_step

Key = TypeVar("Key", str, tuple[str, str])

_LONGEST = 3
"""Operators of a new anchor at most."""


def draw_anchor(credit: Credit, templates: Sequence[Template], rng: np.random.Generator, seed: int) -> Recipe:
    """Draw an anchor: one to three operators, a pair with positive credit among them if there is one.

    Pairs and operators are drawn in proportion to their credit and put in a random order. A label that no
    template makes (a union) earns credit but starts no anchor. Without positive credit the anchor is a random
    program.

    Args:
        credit: What earlier changes were worth.
        templates: What a step may be.
        rng: Source of randomness.
        seed: Seed of the recipe's own random operators.
    """
    by_label = {template.label: template for template in templates}
    singles = _positive({label: value for label, value in credit.operators.items() if label in by_label})
    if not singles:
        return random_recipe(templates, rng, _LONGEST, seed)
    count = int(rng.integers(1, min(_LONGEST, len(singles)) + 1))
    labels = _labels(credit, singles, count, rng)
    steps: list[Step] = [by_label[label].sample(rng) for label in labels]
    return Recipe(tuple(steps), seed)


def _labels(credit: Credit, singles: Mapping[str, float], count: int, rng: np.random.Generator) -> list[str]:
    """Labels of an anchor's operators in a random order; a pair needs at least two."""
    pairs = _positive({pair: value for pair, value in credit.pairs.items() if set(pair) <= set(singles)})
    chosen = list(_draw(pairs, 1, rng)[0]) if count > 1 and pairs else []
    left = {label: value for label, value in singles.items() if label not in chosen}
    chosen += _draw(left, min(count - len(chosen), len(left)), rng)
    return [chosen[place] for place in rng.permutation(len(chosen))]


def _positive(earned: Mapping[Key, float]) -> dict[Key, float]:
    return {key: value for key, value in sorted(earned.items()) if value > 0}


def _draw(earned: Mapping[Key, float], count: int, rng: np.random.Generator) -> list[Key]:
    """Different keys, in proportion to what they earned."""
    keys, values = list(earned), np.array(list(earned.values()))
    if count <= 0:
        return []
    return [keys[place] for place in rng.choice(len(keys), count, replace=False, p=values / values.sum())]


_RETUNE_SCALE = 0.15
"""Standard deviation of a retuned parameter, as a share of its range."""

Steps: TypeAlias = tuple[Step, ...]


@dataclass(frozen=True)
class Workbench:
    """Materials of an edit.

    Attributes:
        templates: What a new step may be.
        mates: Evaluated recipes: sources of unions and crossovers.
        max_steps: Longest program.
    """

    templates: Sequence[Template]
    mates: Sequence[Recipe]
    max_steps: int


def edit_recipe(recipe: Recipe, bench: Workbench, rng: np.random.Generator) -> tuple[Recipe, str]:
    """A recipe one edit away, and the name of the edit, uniform over the edits that apply."""
    applicable = [name for name, edit in EDITS.items() if edit.applies(recipe.steps, bench)]
    name = applicable[int(rng.integers(len(applicable)))]
    return Recipe(EDITS[name].apply(recipe.steps, bench, rng), recipe.seed), name


def _insert(steps: Steps, bench: Workbench, rng: np.random.Generator) -> Steps:
    place = int(rng.integers(len(steps) + 1))
    return (*steps[:place], random_step(bench.templates, rng), *steps[place:])


def _delete(steps: Steps, _: Workbench, rng: np.random.Generator) -> Steps:
    place = int(rng.integers(len(steps)))
    return (*steps[:place], *steps[place + 1 :])


def _swap(steps: Steps, _: Workbench, rng: np.random.Generator) -> Steps:
    place = int(rng.integers(len(steps) - 1))
    return (*steps[:place], steps[place + 1], steps[place], *steps[place + 2 :])


def _replace(steps: Steps, bench: Workbench, rng: np.random.Generator) -> Steps:
    place = int(rng.integers(len(steps)))
    return (*steps[:place], random_step(bench.templates, rng), *steps[place + 1 :])


def _retune(steps: Steps, bench: Workbench, rng: np.random.Generator) -> Steps:
    tunable = [place for place, step in enumerate(steps) if _is_tunable(step, bench)]
    place = tunable[int(rng.integers(len(tunable)))]
    return (*steps[:place], retune(steps[place], bench.templates, rng), *steps[place + 1 :])


def _unite(steps: Steps, bench: Workbench, rng: np.random.Generator) -> Steps:
    return (*steps, Union(bench.mates[int(rng.integers(len(bench.mates)))]))


def _crossover(steps: Steps, bench: Workbench, rng: np.random.Generator) -> Steps:
    other = bench.mates[int(rng.integers(len(bench.mates)))].steps
    head, tail = int(rng.integers(len(steps) + 1)), int(rng.integers(len(other) + 1))
    return (*steps[:head], *other[tail:])[: bench.max_steps]


def retune(step: Step, templates: Sequence[Template], rng: np.random.Generator) -> Step:
    """The step with its parameters moved a little; a union or a foreign operator stays as it is."""
    template = template_of(step, templates)
    if template is None or isinstance(step, Union):
        return step
    return template.retune(step, rng, _RETUNE_SCALE)


def _is_tunable(step: Step, bench: Workbench) -> bool:
    template = template_of(step, bench.templates)
    return template is not None and len(template.axes) > 0


@dataclass(frozen=True)
class Edit:
    """An edit of a program.

    Attributes:
        apply: Makes the edited steps.
        applies: Whether steps can be edited so.
    """

    apply: Callable[[Steps, Workbench, np.random.Generator], Steps]
    applies: Callable[[Steps, Workbench], bool]


EDITS: Mapping[str, Edit] = {
    "insert": Edit(_insert, lambda steps, bench: len(steps) < bench.max_steps),
    "delete": Edit(_delete, lambda steps, _: len(steps) > 1),
    "swap": Edit(_swap, lambda steps, _: len(steps) > 1),
    "replace": Edit(_replace, lambda steps, _: len(steps) > 0),
    "retune": Edit(_retune, lambda steps, bench: any(_is_tunable(step, bench) for step in steps)),
    "unite": Edit(_unite, lambda steps, bench: 0 < len(steps) < bench.max_steps and len(bench.mates) > 0),
    "crossover": Edit(_crossover, lambda steps, bench: len(steps) > 0 and len(bench.mates) > 1),
}
"""Every edit by its recorded name."""
