"""Explanation of one sample's membership in a subset."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.operators.base import Operator
from autoselection_core.operators.reason import Reason
from autoselection_core.recipe.program import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset.realisation import PrefixCache, realise, seed_of_step


@dataclass(frozen=True)
class StepVerdict:
    """Verdict of one step on a row.

    Attributes:
        number: The step's number, from 1.
        label: The step's label.
        is_in_before: Whether the row entered the step.
        is_in_after: Whether the row left it.
        reason: Values that the operator saw; None for a union and for a row that did not enter.
    """

    number: int
    label: str
    is_in_before: bool
    is_in_after: bool
    reason: Reason | None


@dataclass(frozen=True)
class Explanation:
    """Path of one row through a recipe.

    Attributes:
        row: The row.
        is_in: Whether it is in the subset.
        steps: Verdict of each step on it.
    """

    row: int
    is_in: bool
    steps: tuple[StepVerdict, ...]

    @property
    def dropped_by(self) -> StepVerdict | None:
        """The first step that dropped it."""
        return next((step for step in self.steps if step.is_in_before and not step.is_in_after), None)


def explain(recipe: Recipe, signals: SignalTable, row: int) -> Explanation:
    """Replay a recipe for one row: the steps that it passed, the one that dropped it, values and cut-offs.

    Raises:
        InvalidRecipe: The recipe realises no subset of this pool.
    """
    cache = PrefixCache()
    starts = [recipe.with_steps(recipe.steps[:length]) for length in range(len(recipe) + 1)]
    rows = [realise(start, signals, cache).rows for start in starts]
    steps = tuple(
        _verdict(recipe, position, sides, signals, row) for position, sides in enumerate(pairwise(rows))
    )
    return Explanation(row, _holds(rows[-1], row), steps)


def without_idle_steps(recipe: Recipe, signals: SignalTable) -> Recipe:
    """The recipe without the steps that change nothing on this pool; it realises the same subset.

    Raises:
        InvalidRecipe: The recipe realises no subset of this pool.
    """
    cache = PrefixCache()
    wanted = realise(recipe, signals, cache).fingerprint
    for place in reversed(range(len(recipe))):
        shorter = recipe.with_steps((*recipe.steps[:place], *recipe.steps[place + 1 :]))
        if _fingerprint(shorter, signals, cache) == wanted:
            # Without this step another one may have nothing left to do.
            return without_idle_steps(shorter, signals)
    return recipe


def idle_steps_sentence(count: int) -> str:
    """Number of steps that `without_idle_steps` left out, in a sentence; empty for none.

    Example:
        >>> idle_steps_sentence(1)
        "1 of the tried recipe's steps changes nothing on this pool and is left out here."
    """
    if not count:
        return ""
    verbs = ("changes", "is") if count == 1 else ("change", "are")
    return (
        f"{count} of the tried recipe's steps {verbs[0]} nothing on this pool and {verbs[1]} left out here."
    )


def _fingerprint(recipe: Recipe, signals: SignalTable, cache: PrefixCache) -> str | None:
    """Hash of the subset; None for a recipe that realises none."""
    try:
        return realise(recipe, signals, cache).fingerprint
    except InvalidRecipe:
        return None


def _verdict(
    recipe: Recipe, position: int, rows: tuple[Rows, Rows], signals: SignalTable, row: int
) -> StepVerdict:
    step = recipe.steps[position]
    is_in_before, is_in_after = (_holds(side, row) for side in rows)
    reason = None
    if is_in_before and isinstance(step, Operator):
        reason = step.why(rows[0], signals, seed_of_step(recipe.seed, position), row)
    return StepVerdict(position + 1, recipe.step_labels[position], is_in_before, is_in_after, reason)


def _holds(rows: Rows, row: int) -> bool:
    place = int(np.searchsorted(rows, row))
    return place < len(rows) and bool(rows[place] == row)
