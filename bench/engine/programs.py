"""The recipes that are measured."""

from collections.abc import Iterator

import numpy as np

from autoselection_core.operators.catalogue import Template, catalogue
from autoselection_core.recipe import MAX_STEPS, Recipe, Step
from autoselection_core.signals.table import SignalTable

# The published reference recipe is N-gram, MONA, SemDedup, random top-k; the first has no deduplication.
PLAIN = Recipe.from_yaml("""
- keep_top: {signal: word_entropy, fraction: 0.9}
- keep_relevant: {fraction: 0.6}
- keep_top: {signal: ifd, fraction: 0.8}
- keep_random: {fraction: 0.4}
""")
WITH_NEAR_DUPLICATES = Recipe.from_yaml("""
- keep_top: {signal: word_entropy, fraction: 0.9}
- keep_relevant: {fraction: 0.6}
- drop_near_duplicates: {similarity: 0.8}
- keep_random: {fraction: 0.4}
""")
WITH_NEIGHBOURS = Recipe.from_yaml("""
- keep_top: {signal: word_entropy, fraction: 0.9}
- keep_relevant: {fraction: 0.6}
- drop_semantic_duplicates: {pairs: sae, similarity: 0.9}
- keep_random: {fraction: 0.4}
""")


def edits_of(anchor: Recipe, signals: SignalTable, count: int, seed: int = 0) -> list[Recipe]:
    """Random inserts, deletions, swaps and retunes of one recipe."""
    rng = np.random.default_rng(seed)
    templates = catalogue(signals)
    return [anchor.with_steps(_edited(anchor.steps, templates, rng)) for _ in range(count)]


def _edited(
    steps: tuple[Step, ...], templates: tuple[Template, ...], rng: np.random.Generator
) -> Iterator[Step]:
    edit, place = rng.choice(["insert", "delete", "swap", "retune"]), int(rng.integers(len(steps)))
    changed = list(steps)
    if edit == "insert" and len(steps) < MAX_STEPS:
        changed.insert(place, templates[int(rng.integers(len(templates)))].sample(rng))
    elif edit == "delete":
        del changed[place]
    elif edit == "swap":
        other = int(rng.integers(len(steps)))
        changed[place], changed[other] = changed[other], changed[place]
    else:
        changed[place] = _retuned(changed[place], templates, rng)
    return iter(changed)


def _retuned(step: Step, templates: tuple[Template, ...], rng: np.random.Generator) -> Step:
    template = next(template for template in templates if template.matches(step))
    return template.retune(step, rng, 0.15)  # type: ignore[arg-type]  # a template matches operators only
