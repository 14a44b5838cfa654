"""Realisation of a recipe into its rows: arrays in, arrays out, no text touched."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeAlias

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.errors.recipe import EmptySubsetError, InvalidRecipe
from autoselection_core.errors.signals import MissingSignalError, PairFloorError
from autoselection_core.identity import fingerprint
from autoselection_core.recipe.program import Recipe, Step, Union
from autoselection_core.signals.table import SignalTable, first_name
from autoselection_core.subset.value import StepCount, Subset, fingerprint_of_ids

Prefix: TypeAlias = tuple[int, tuple[Step, ...]]
"""A seed and the first steps of a recipe: what names an intermediate result."""

PrefixResult: TypeAlias = tuple[Rows, tuple[StepCount, ...]]
"""The rows after some steps, and what the steps did."""

_CACHE_BYTES = 256 << 20


@dataclass(eq=False)
class PrefixCache:
    """Intermediate results of one signal table, so that recipes that start alike run their start once.

    It forgets what was used longest ago once it holds more than its share of memory.

    Attributes:
        max_bytes: Maximum memory of the rows, in bytes.
    """

    max_bytes: int = _CACHE_BYTES
    _results: "OrderedDict[Prefix, PrefixResult | InvalidRecipe]" = field(default_factory=OrderedDict)
    _bytes: int = 0

    def get(self, prefix: Prefix) -> PrefixResult | InvalidRecipe | None:
        """The result of a prefix; None where it is not known."""
        result = self._results.get(prefix)
        if result is not None:
            self._results.move_to_end(prefix)
        return result

    def put(self, prefix: Prefix, result: PrefixResult | InvalidRecipe) -> None:
        """Keep a result."""
        self._results[prefix] = result
        self._bytes += _size(result)
        while self._bytes > self.max_bytes and len(self._results) > 1:
            _, forgotten = self._results.popitem(last=False)
            self._bytes -= _size(forgotten)


def realise(recipe: Recipe, signals: SignalTable, cache: PrefixCache | None = None) -> Subset:
    """The rows that a recipe leaves of a pool.

    Args:
        recipe: The recipe to realise.
        signals: The pool's signals; those that the recipe reads must be there.
        cache: Results of recipes that were realised on the same table.

    Raises:
        EmptySubsetError: A step keeps no row.
        InvalidRecipe: A step reads a signal that is missing.
    """
    subset = _subset_or_reason(recipe, signals, PrefixCache() if cache is None else cache)
    if isinstance(subset, InvalidRecipe):
        raise subset
    return subset


def realise_many(recipes: Sequence[Recipe], signals: SignalTable) -> list[Subset | InvalidRecipe]:
    """Realise many recipes, with each shared start run once.

    Returns:
        For each recipe, in the order given, its subset or why there is none.
    """
    cache = PrefixCache()
    return [_subset_or_reason(recipe, signals, cache) for recipe in recipes]


def seed_of_step(recipe_seed: int, position: int) -> int:
    """The seed of the step at a position (from 0).

    It holds the position and not the whole recipe, so that recipes with a common start share its rows.
    """
    return int(fingerprint([recipe_seed, position])[:16], 16)


def _subset_or_reason(recipe: Recipe, signals: SignalTable, cache: PrefixCache) -> Subset | InvalidRecipe:
    progress = _after((recipe.seed, recipe.steps), signals, cache)
    if isinstance(progress, InvalidRecipe):
        return progress
    rows, steps = progress
    named = fingerprint_of_ids(signals.ids[rows])
    return Subset(recipe, signals.pool_version, rows, named, steps, _versions(recipe, signals))


def _versions(recipe: Recipe, signals: SignalTable) -> tuple[tuple[str, str], ...]:
    if not signals.versions:
        return ()  # a table made by hand; candidates are realised by the thousand
    patterns = recipe.reads
    return tuple(
        (first_name(name), version)
        for name, version in sorted(signals.versions.items())
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    )


def _after(prefix: Prefix, signals: SignalTable, cache: PrefixCache) -> PrefixResult | InvalidRecipe:
    """Result of a prefix, or its error as a value: a cached exception would gather tracebacks and arrays."""
    result = cache.get(prefix)
    if result is None:
        result = _compute(prefix, signals, cache)
        cache.put(prefix, result)
    return result


def _compute(prefix: Prefix, signals: SignalTable, cache: PrefixCache) -> PrefixResult | InvalidRecipe:
    seed, steps = prefix
    if not steps:
        return np.arange(len(signals)), ()
    before = _after((seed, steps[:-1]), signals, cache)
    if isinstance(before, InvalidRecipe):
        return before
    rows, counts = before
    kept = _step(prefix, rows, signals, cache)
    if isinstance(kept, InvalidRecipe):
        return kept
    # A step that only drops or only adds changed something exactly when the count changed.
    return kept, (*counts, StepCount(steps[-1].label, len(rows), len(kept), len(kept) != len(rows)))


def _step(prefix: Prefix, rows: Rows, signals: SignalTable, cache: PrefixCache) -> Rows | InvalidRecipe:
    seed, steps = prefix
    step, number = steps[-1], len(steps)
    if isinstance(step, Union):
        return _unite(prefix, rows, signals, cache)
    try:
        kept = step(rows, signals, seed_of_step(seed, number - 1))
    except (MissingSignalError, PairFloorError) as error:
        return InvalidRecipe(number, step.label, str(error))
    return kept if len(kept) else EmptySubsetError(number, step.label, len(rows))


def _unite(prefix: Prefix, rows: Rows, signals: SignalTable, cache: PrefixCache) -> Rows | InvalidRecipe:
    union, number = prefix[1][-1], len(prefix[1])
    assert isinstance(union, Union)
    others = _after((union.recipe.seed, union.recipe.steps), signals, cache)
    if isinstance(others, InvalidRecipe):
        return InvalidRecipe(number, union.label, str(others))
    present = np.zeros(len(signals), np.bool_)
    present[rows] = True
    present[others[0]] = True
    return np.flatnonzero(present)


def _size(result: PrefixResult | InvalidRecipe) -> int:
    return 0 if isinstance(result, InvalidRecipe) else result[0].nbytes
