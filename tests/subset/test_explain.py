"""Why a sample is in, or out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.operators.installed import DEFAULT_OPERATORS
from autoselection_core.recipe import Recipe
from autoselection_core.subset import explain, materialize
from autoselection_core.testing.worlds import World, recipes, worlds
from tests.subset.pools import pool


@given(worlds(), recipes(DEFAULT_OPERATORS), st.data())
def test_an_explanation_agrees_with_the_subset(world: World, recipe: Recipe, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(world.signals) - 1))
    try:
        subset = materialize(recipe, world.signals)
    except InvalidRecipe:
        return
    explanation = explain(recipe, world.signals, row)

    assert explanation.is_in == (row in subset.rows)
    assert len(explanation.steps) == len(recipe)
    if not explanation.is_in:
        assert explanation.dropped_by is not None


def test_the_first_step_that_dropped_a_row_is_named_with_rank_and_cut_off() -> None:
    signals = pool()
    recipe = Recipe.from_yaml(
        "[keep_random: {fraction: 1.0}, keep_top: {signal: tokens, count: 100}, keep_top: {signal: ifd}]"
    )
    row = int(np.argmin(signals["tokens"]))
    dropped = explain(recipe, signals, row).dropped_by

    assert dropped is not None
    assert (dropped.number, dropped.label) == (2, "keep_top[tokens]")
    assert dropped.reason is not None
    assert dropped.reason.value == 1.0
    assert dropped.reason.entered == 2000
    assert dropped.reason.rank is not None
    assert dropped.reason.rank > 1900
    assert dropped.reason.cut_off == np.sort(signals["tokens"])[-100]


@pytest.mark.parametrize("order", ["highest", "lowest"])
def test_the_cut_off_would_have_kept_the_row(order: str) -> None:
    signals = pool()
    recipe = Recipe.from_yaml(f"[keep_top: {{signal: varentropy, fraction: 0.25, order: {order}}}]")
    kept = materialize(recipe, signals).rows

    for row in range(0, 2000, 97):
        reason = explain(recipe, signals, row).steps[0].reason
        assert reason is not None
        assert reason.value is not None
        assert reason.cut_off is not None
        passes = reason.value >= reason.cut_off if order == "highest" else reason.value <= reason.cut_off
        assert passes == (row in kept)
        assert (reason.rank is not None and reason.rank <= len(kept)) == (row in kept)


def test_a_duplicate_is_explained_by_the_row_that_stands_for_it() -> None:
    signals = pool()
    recipe = Recipe.from_yaml("[drop_near_duplicates: {similarity: 0.8}]")
    kept = set(materialize(recipe, signals).rows.tolist())
    row = min(set(range(2000)) - kept)
    reason = explain(recipe, signals, row).steps[0].reason

    assert reason is not None
    assert reason.like in kept
    assert reason.value is not None
    assert reason.value >= 0.8


def test_a_row_that_a_union_brings_back_is_in_and_was_dropped() -> None:
    signals = pool()
    recipe = Recipe.from_yaml(
        "[keep_top: {signal: ifd, count: 10}, union: [keep_top: {signal: tokens, count: 500}]]"
    )
    dropped_by_ifd = np.setdiff1d(
        materialize(recipe, signals).rows, materialize(recipe.with_steps(recipe.steps[:1]), signals).rows
    )
    explanation = explain(recipe, signals, int(dropped_by_ifd[0]))

    assert explanation.is_in
    assert explanation.dropped_by is not None
    assert explanation.steps[1].is_in_after
