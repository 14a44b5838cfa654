"""Waterfall of a recipe: size, state and expected utility after every step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoselection_core.arrays import Values
from autoselection_core.campaign.declaration.signals import own_scores
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.search.propose import tokens_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Prediction
from autoselection_core.subset import PrefixCache, Subset, realise

_SHOWN_COLUMNS = 4
_MEAN = "mean "


@dataclass(frozen=True, eq=False)
class Prefix:
    """The subset after the first steps of a recipe.

    Attributes:
        step: Label of the last of these steps; `full pool` for none.
        subset: The rows that these steps leave.
        tokens: Its size in tokens; None where none were counted.
        means: Mean of some signals over its rows, by name.
        expected: Utility of training on it, as the surrogate expects it.
    """

    step: str
    subset: Subset
    tokens: int | None
    means: dict[str, float]
    expected: Prediction


def waterfall(facts: SearchFacts) -> tuple[Prefix, ...]:
    """The prefixes of the recommended recipe without its idle steps, the full pool first.

    The expectations are the surrogate's and were not paid for; the job `verify_step` buys one evaluation of
    the recipe without a step.

    Raises:
        NothingToRecommendError: Nothing was measured yet.
    """
    recipe, cache = facts.best_recipe, PrefixCache()
    assert facts.best_subset is not None, "a recommendation has rows"
    labels = ["full pool", *recipe.step_labels]
    before = [
        realise(recipe.with_steps(recipe.steps[:length]), facts.signals, cache)
        for length in range(len(recipe))
    ]
    subsets = [*before, facts.best_subset]  # of the recipe as it was tried, as the recommendation expects it
    shown = shown_columns(facts.signals, recipe.reads, own_scores(facts.workspace.campaign.signals))
    expected = facts.solver.predict(facts.history, subsets)
    return tuple(
        Prefix(label, subset, _tokens(facts, subset), _means(facts, subset, shown), prediction)
        for label, subset, prediction in zip(labels, subsets, expected, strict=True)
    )


def waterfall_table(prefixes: tuple[Prefix, ...]) -> Table:
    """The prefixes as rows; the last column is the step's own part of the expectation."""
    names = list(prefixes[0].means)
    columns = ("after", "rows", "tokens", *(f"{_MEAN}{name}" for name in names), "expected", "± sd", "change")
    before = [None, *prefixes[:-1]]
    rows = tuple(_row(prefix, last, names) for prefix, last in zip(prefixes, before, strict=True))
    return Table("From the full pool to the recommended subset (expected, not measured)", columns, rows)


def expectation_table(prefixes: tuple[Prefix, ...]) -> Table:
    """Sizes and expectations alone, for a page that is narrow."""
    table = waterfall_table(prefixes)
    return table.without(*(name for name in table.columns if name.startswith(_MEAN)))


def means_table(prefixes: tuple[Prefix, ...]) -> Table:
    """Means of signals over the rows that each step leaves."""
    table = waterfall_table(prefixes)
    others = [name for name in table.columns[1:] if not name.startswith(_MEAN)]
    means = table.without(*others)
    return replace(means, columns=tuple(name.removeprefix(_MEAN) for name in means.columns))


def _row(prefix: Prefix, before: Prefix | None, names: list[str]) -> tuple[Cell, ...]:
    change = None if before is None else prefix.expected.mean - before.expected.mean
    means = [prefix.means.get(name) for name in names]
    size = (prefix.step, len(prefix.subset), prefix.tokens)
    return (*size, *means, prefix.expected.mean, prefix.expected.deviation, change)


def shown_columns(signals: SignalTable, read: Sequence[str], own: Sequence[str]) -> tuple[str, ...]:
    """Columns whose means a waterfall shows: those that the steps read, then the user's own, then others.

    A column that is constant on the pool shows nothing and is left out.

    Args:
        signals: The columns.
        read: Names that the recipe's steps read.
        own: Columns of scores that the user brought.
    """
    ordered = dict.fromkeys((*read, *own, *signals.columns))
    varied = [name for name in ordered if name in signals.columns and _varies(signals.columns[name])]
    return tuple(varied[:_SHOWN_COLUMNS])


def _varies(column: Values) -> bool:
    known = column[np.isfinite(column)]
    return len(known) > 0 and bool(known.min() < known.max())


def _tokens(facts: SearchFacts, subset: Subset) -> int | None:
    is_counted = facts.record.spec.size_unit == "tokens"
    return tokens_of(subset, facts.signals) if is_counted else None


def _means(facts: SearchFacts, subset: Subset, shown: Sequence[str]) -> dict[str, float]:
    """Mean of each column over the rows with a value; a column is left out where none has one."""
    known = {name: facts.signals[name][subset.rows] for name in shown}
    finite = {name: values[np.isfinite(values)] for name, values in known.items()}
    return {name: float(values.mean()) for name, values in finite.items() if len(values)}
