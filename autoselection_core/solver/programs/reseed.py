"""A new anchor when a phase has stalled: one to three operators with positive credit, retuned."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe, Step
from autoselection_core.solver.programs.credit import Credit
from autoselection_core.solver.programs.fresh import random_recipe

Key = TypeVar("Key", str, tuple[str, str])

_LONGEST = 3
"""Operators of a new anchor at most."""


def draw_anchor(credit: Credit, templates: Sequence[Template], rng: np.random.Generator, seed: int) -> Recipe:
    """Draw an anchor: a pair with positive credit, or single operators, in proportion to their credit.

    A label that no template makes (a union) earns credit but starts no anchor. Without positive credit the
    anchor is a random program.

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
    labels = _with_pair(credit, singles, count, rng)
    steps: list[Step] = [by_label[label].sample(rng) for label in labels]
    return Recipe(tuple(steps), seed)


def _with_pair(
    credit: Credit, singles: Mapping[str, float], count: int, rng: np.random.Generator
) -> list[str]:
    pairs = _positive({pair: value for pair, value in credit.pairs.items() if set(pair) <= set(singles)})
    chosen = list(_drawn(pairs, 1, rng)[0]) if count > 1 and pairs else []
    left = {label: value for label, value in singles.items() if label not in chosen}
    chosen += _drawn(left, min(count - len(chosen), len(left)), rng)
    return [chosen[place] for place in rng.permutation(len(chosen))]


def _positive(earned: Mapping[Key, float]) -> dict[Key, float]:
    return {key: value for key, value in sorted(earned.items()) if value > 0}


def _drawn(earned: Mapping[Key, float], count: int, rng: np.random.Generator) -> list[Key]:
    """Different keys, in proportion to what they earned."""
    keys, values = list(earned), np.array(list(earned.values()))
    if count <= 0:
        return []
    return [keys[place] for place in rng.choice(len(keys), count, replace=False, p=values / values.sum())]
