"""Three real rows of a pool: one dropped as a duplicate, one dropped for what it says, one kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.operators.base import Operator
from autoselection_core.operators.duplicates import (
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
)
from autoselection_core.operators.relevance import KeepRelevant
from autoselection_core.operators.score import KeepBand, KeepTop
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.report.lineage.sentences import why_sentence
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import PrefixCache, materialize
from autoselection_core.subset.explain import explain

DUPLICATES = (DropExactDuplicates, DropNearDuplicates, DropSemanticDuplicates)
BY_CONTENT = (KeepTop, KeepBand, KeepRelevant)


@dataclass(frozen=True)
class Example:
    """One row and what became of it.

    Attributes:
        fate: `dropped as a duplicate`, `dropped for what it says` or `kept`.
        sample: The sample's id.
        source: Where it comes from.
        text: Its messages, each with its role.
        reason: Why, with value, rank and cut-off.
        recipe: Label of the recipe that decided.
        like: Text of the sample that stands for a duplicate.
    """

    fate: str
    sample: str
    source: str
    text: str
    reason: str
    recipe: str
    like: str | None = None


def three_examples(pool: Pool, signals: SignalTable, recipes: Iterable[Recipe]) -> tuple[Example, ...]:
    """A row of each fate, as far as there is one; the best recipe that shows a fate decides it.

    Where no recipe of the search drops duplicates, a single operator on the whole pool shows what it would
    do; the example's recipe says so.

    Args:
        pool: The samples.
        signals: Their signals.
        recipes: The recipes of a search, best first.
    """
    tried = list(recipes)
    single = [Recipe((operator(),)) for operator in (DropNearDuplicates, DropExactDuplicates)]
    fates = (
        ("dropped as a duplicate", _dropped_by(DUPLICATES, [*tried, *single], signals)),
        ("dropped for what it says", _dropped_by(BY_CONTENT, tried, signals)),
        ("kept", _kept(tried, signals)),
    )
    found = ((fate, next(rows, None)) for fate, rows in fates)
    return tuple(_example(fate, *row, pool, signals) for fate, row in found if row is not None)


def _dropped_by(
    kinds: tuple[type[Operator], ...], recipes: Iterable[Recipe], signals: SignalTable
) -> Iterator[tuple[Recipe, int]]:
    """Rows that an operator of these kinds drops for good: for each recipe the one in the middle."""
    for recipe in recipes:
        for position, step in enumerate(recipe.steps):
            rows = _dropped_at(recipe, position, signals) if isinstance(step, kinds) else np.array([], int)
            if len(rows):
                yield recipe, int(rows[len(rows) // 2])


def _dropped_at(recipe: Recipe, position: int, signals: SignalTable) -> Rows:
    cache = PrefixCache()
    try:
        before, after, end = (
            materialize(recipe.with_steps(recipe.steps[:length]), signals, cache).rows
            for length in (position, position + 1, len(recipe))
        )
    except InvalidRecipe:
        return np.array([], np.int64)
    return np.setdiff1d(np.setdiff1d(before, after), end)


def _kept(recipes: Iterable[Recipe], signals: SignalTable) -> Iterator[tuple[Recipe, int]]:
    for recipe in chain(recipes, [Recipe()]):
        rows = materialize(recipe, signals).rows
        yield recipe, int(rows[len(rows) // 2])


def _example(fate: str, recipe: Recipe, row: int, pool: Pool, signals: SignalTable) -> Example:
    explanation = explain(recipe, signals, row)
    dropped = explanation.dropped_by
    like = None if dropped is None or dropped.reason is None else dropped.reason.like
    return Example(
        fate=fate,
        sample=pool.sample(row).id,
        source=pool.source_names[int(pool.source_codes[row])],
        text=text_of(pool, row),
        reason=why_sentence(explanation, pool),
        recipe=recipe.label,
        like=None if like is None else text_of(pool, like),
    )


def text_of(pool: Pool, row: int) -> str:
    """A sample's messages, a line or more each, with their roles."""
    return "\n".join(f"{message.role}: {message.content}" for message in pool.sample(row).messages)
