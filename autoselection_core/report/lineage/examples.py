"""Explanation of one row in a sentence, and example rows of a recipe: dropped by each step, and kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.operators.base import Operator
from autoselection_core.operators.reason import Reason
from autoselection_core.pool.pool import Pool
from autoselection_core.recipe import Recipe
from autoselection_core.recipe.program import UNION
from autoselection_core.report.rendering.table import Table
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import PrefixCache, realise
from autoselection_core.subset.explain import Explanation, StepVerdict, explain


def why_sentence(explanation: Explanation, pool: Pool) -> str:
    """One sentence for the whole way of a row through a recipe."""
    dropped = explanation.dropped_by
    if explanation.is_in and dropped is not None:
        return f"kept: {step_sentence(dropped, pool)}, but a later union brings it back"
    if dropped is not None:
        return step_sentence(dropped, pool)
    if not explanation.steps:
        return "kept: the recipe is the full pool"
    return f"kept by every step: {'; '.join(step_sentence(step, pool) for step in explanation.steps)}"


def step_sentence(step: StepVerdict, pool: Pool) -> str:
    """Effect of one step on a row in a sentence: value, rank, cut-off, or the row that represents it."""
    verb = _verb(step)
    facts = "" if step.reason is None else _facts(step.reason, pool)
    return f"step {step.number} {step.label} {verb}{': ' + facts if facts else ''}"


def _verb(step: StepVerdict) -> str:
    if step.is_in_before:
        return "keeps it" if step.is_in_after else "drops it"
    if step.is_in_after:
        return "brings it in"
    if step.label == UNION:
        return "does not bring it back: its recipe drops it, too"
    return "has no say: an earlier step dropped it"


def _facts(reason: Reason, pool: Pool) -> str:
    return ", ".join(
        part
        for part in (
            f"{reason.what} {_number(reason.value)}" if reason.value is not None else reason.what,
            f"rank {reason.rank} of {reason.entered}" if reason.rank is not None else "",
            f"cut-off {_number(reason.cut_off)}" if reason.cut_off is not None else "",
            f"kept in its place: {_id(pool, reason.like)}" if reason.like is not None else "",
        )
        if part
    )


def _id(pool: Pool, row: int) -> str:
    return pool.sample(row).id


def _number(value: float) -> str:
    return f"{value:.4g}"


_DROPPED_A_STEP = (0.5, 0.9)
"""Positions of the examples among the dropped rows of a step, as shares of them, in order of rows."""

_LISTED = 20
"""Rows of each fate that a table lists."""

_STARTS = 60
"""Characters of a listed row."""

_KEPT = (0.1, 0.5, 0.9)
"""Positions of the examples among the kept rows. Rows follow from content hashes: each is a fair draw."""


@dataclass(frozen=True)
class Example:
    """One row and what became of it.

    Attributes:
        fate: `kept`, or `dropped` with the step.
        sample: The sample's id.
        source: Source of the sample.
        text: Its messages, each with its role.
        reason: Why, with value, rank and cut-off.
        recipe: Label of the recipe that decided.
        like: Text of the sample that represents a duplicate.
    """

    fate: str
    sample: str
    source: str
    text: str
    reason: str
    recipe: str
    like: str | None = None


def examples_of(recipe: Recipe, pool: Pool, signals: SignalTable) -> tuple[Example, ...]:
    """Two rows that each step of a recipe dropped for good, and three that it kept.

    Nothing is shown that the recipe did not do: a recipe that drops no duplicates has no duplicate to show.

    Args:
        recipe: The recipe that is explained, such as the recommended one.
        pool: The samples.
        signals: Their signals.
    """
    dropped = [
        replace(example_of(recipe, row, pool, signals), fate=fate) for fate, row in _dropped(recipe, signals)
    ]
    kept = _spread(realise(recipe, signals).rows, _KEPT)
    return (*dropped, *(example_of(recipe, row, pool, signals) for row in kept))


def rows_table(recipe: Recipe, pool: Pool, signals: SignalTable) -> Table:
    """The first rows that a recipe keeps, and the first that each step drops for good, with their ids."""
    ends = _ends(recipe, signals)
    fates = [("kept", ends[-1])]
    for number, (step, before, after) in enumerate(zip(recipe.steps, ends[:-1], ends[1:], strict=True), 1):
        if isinstance(step, Operator):
            gone = np.setdiff1d(np.setdiff1d(before, after), ends[-1])
            fates.append((f"dropped by step {number}", gone))
    listed = tuple(
        (fate, pool.sample(int(row)).id, _source(pool, row), _start(pool, row))
        for fate, rows in fates
        for row in rows[:_LISTED]
    )
    return Table(f"Rows, the first {_LISTED} of each fate", ("fate", "id", "source", "text"), listed)


def _source(pool: Pool, row: int) -> str:
    return pool.source_names[int(pool.source_codes[row])]


def _start(pool: Pool, row: int) -> str:
    """The first words of a sample, on one line."""
    text = " ".join(text_of(pool, int(row)).split())
    return text if len(text) <= _STARTS else f"{text[:_STARTS]}..."


def _ends(recipe: Recipe, signals: SignalTable) -> list[Rows]:
    """The rows that each prefix of a recipe leaves, the whole pool first."""
    cache = PrefixCache()
    return [
        realise(recipe.with_steps(recipe.steps[:length]), signals, cache).rows
        for length in range(len(recipe) + 1)
    ]


def _dropped(recipe: Recipe, signals: SignalTable) -> Iterator[tuple[str, int]]:
    """Rows that an operator drops and no later union brings back."""
    ends = _ends(recipe, signals)
    for number, (step, before, after) in enumerate(
        zip(recipe.steps, ends[:-1], ends[1:], strict=True), start=1
    ):
        if isinstance(step, Operator):
            gone = np.setdiff1d(np.setdiff1d(before, after), ends[-1])
            for row in _spread(gone, _DROPPED_A_STEP):
                yield f"dropped by step {number}, {step.label}", row


def _spread(rows: Rows, places: tuple[float, ...]) -> list[int]:
    """The rows at some places, each once. Empty from no rows."""
    if not len(rows):
        return []
    return list(dict.fromkeys(int(rows[int(place * len(rows))]) for place in places))


def example_of(recipe: Recipe, row: int, pool: Pool, signals: SignalTable) -> Example:
    """One row as an example; its fate is that of the first step that dropped it.

    Args:
        recipe: The recipe that is explained.
        row: The row.
        pool: The samples.
        signals: Their signals.
    """
    explanation = explain(recipe, signals, row)
    dropped = explanation.dropped_by
    like = None if dropped is None or dropped.reason is None else dropped.reason.like
    return Example(
        fate="kept"
        if dropped is None or explanation.is_in
        else f"dropped by step {dropped.number}, {dropped.label}",
        sample=pool.sample(row).id,
        source=pool.source_names[int(pool.source_codes[row])],
        text=text_of(pool, row),
        reason=why_sentence(explanation, pool),
        recipe=recipe.outline,
        like=None if like is None else text_of(pool, like),
    )


def text_of(pool: Pool, row: int) -> str:
    """A sample's messages, a line or more each, with their roles."""
    return "\n".join(f"{message.role}: {message.content}" for message in pool.sample(row).messages)
