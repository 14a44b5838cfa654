"""From recipes to rows."""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.arrays import Mask, Rows
from autoselection_core.errors.recipe import EmptySubsetError, InvalidRecipe
from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import DEFAULT_OPERATORS
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.duplicates import DropExactDuplicates
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.recipe import Recipe, Union
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import PrefixCache, Subset, explain, realise, realise_many
from autoselection_core.subset.explain import without_idle_steps
from autoselection_core.subset.value import fingerprint_of_ids
from autoselection_core.testing.worlds import World, recipes, worlds
from tests.subset.pools import pool


@given(worlds(), recipes(DEFAULT_OPERATORS), st.data())
def test_an_explanation_agrees_with_the_subset(world: World, recipe: Recipe, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(world.signals) - 1))
    try:
        subset = realise(recipe, world.signals)
    except InvalidRecipe:
        return
    explanation = explain(recipe, world.signals, row)

    assert explanation.is_in == (row in subset.rows)
    assert len(explanation.steps) == len(recipe)
    if not explanation.is_in:
        assert explanation.dropped_by is not None


@given(worlds(), recipes(DEFAULT_OPERATORS))
def test_a_recipe_without_its_idle_steps_leaves_the_same_rows_and_every_step_counts(
    world: World, recipe: Recipe
) -> None:
    try:
        whole = realise(recipe, world.signals)
    except InvalidRecipe:
        return

    shorter = without_idle_steps(recipe, world.signals)

    assert realise(shorter, world.signals).fingerprint == whole.fingerprint
    assert set(shorter.steps) <= set(recipe.steps)
    assert without_idle_steps(shorter, world.signals) == shorter


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
    kept = realise(recipe, signals).rows

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
    kept = set(realise(recipe, signals).rows.tolist())
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
        realise(recipe, signals).rows, realise(recipe.with_steps(recipe.steps[:1]), signals).rows
    )
    explanation = explain(recipe, signals, int(dropped_by_ifd[0]))

    assert explanation.is_in
    assert explanation.dropped_by is not None
    assert explanation.steps[1].is_in_after


@given(worlds(), recipes(DEFAULT_OPERATORS))
def test_a_program_stays_inside_the_pool_and_counts_every_step(world: World, recipe: Recipe) -> None:
    (result,) = realise_many([recipe], world.signals)
    if isinstance(result, InvalidRecipe):
        return
    counts = [len(world.signals), *(step.rows_out for step in result.steps)]

    assert set(result.rows.tolist()) <= set(range(len(world.signals)))
    assert (np.diff(result.rows) > 0).all()
    assert [step.rows_in for step in result.steps] == counts[:-1]
    assert counts[-1] == len(result) > 0
    assert [step.changed for step in result.steps] == [a != b for a, b in pairwise(counts)]


@given(worlds(), st.lists(recipes(DEFAULT_OPERATORS), max_size=6))
def test_many_recipes_at_once_give_what_each_gives_alone(world: World, programs: list[Recipe]) -> None:
    together = realise_many(programs, world.signals)

    for recipe, result in zip(programs, together, strict=True):
        if isinstance(result, InvalidRecipe):
            with pytest.raises(InvalidRecipe) as error:
                realise(recipe, world.signals)
            assert str(error.value) == str(result)
        else:
            assert result.fingerprint == realise(recipe, world.signals).fingerprint


def test_a_recipe_is_its_steps_one_after_the_other() -> None:
    signals = pool()
    steps: tuple[Operator, ...] = (
        DropExactDuplicates(),
        KeepTop("ifd", fraction=0.4),
        KeepBand("tokens", high=50.0),
    )
    rows = np.arange(len(signals))
    for step in steps:
        rows = step(rows, signals)

    assert realise(Recipe(tuple(steps)), signals).rows.tolist() == rows.tolist()


def test_a_union_adds_the_rows_of_a_recipe_on_the_whole_pool() -> None:
    signals = pool()
    left, right = Recipe((KeepTop("ifd", fraction=0.1),)), Recipe((KeepTop("tokens", fraction=0.2),))
    united = realise(left.with_steps([*left.steps, Union(right)]), signals)
    expected = set(realise(left, signals).rows) | set(realise(right, signals).rows)

    assert set(united.rows) == expected


def test_recipes_that_realise_the_same_samples_share_a_fingerprint() -> None:
    signals = pool()
    cut = KeepTop("ifd", fraction=0.3)
    first, second = realise_many([Recipe((cut, KeepRandom(1.0))), Recipe((cut,))], signals)

    assert isinstance(first, Subset)
    assert isinstance(second, Subset)
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint == fingerprint_of_ids(signals.ids[first.rows])


def test_a_fingerprint_does_not_depend_on_the_order_of_the_ids() -> None:
    ids = pool(50).ids

    assert fingerprint_of_ids(ids[::-1]) == fingerprint_of_ids(ids)
    assert fingerprint_of_ids(ids[1:]) != fingerprint_of_ids(ids)


def test_the_full_pool_is_a_recipe_without_steps() -> None:
    assert len(realise(Recipe(), pool(50))) == 50


def test_an_emptied_subset_is_an_invalid_recipe_with_a_reason() -> None:
    recipe = Recipe((KeepRandom(0.5), KeepBand("ifd", low=2.0), KeepTop("tokens")))

    with pytest.raises(EmptySubsetError, match=r"step 2 \(keep_band\[ifd\]\): keeps none of the 1,000 rows"):
        realise(recipe, pool())


def test_an_error_in_a_united_recipe_names_both_steps() -> None:
    recipe = Recipe((KeepRandom(0.5), Union(Recipe((KeepBand("ifd", low=2.0),)))))

    with pytest.raises(InvalidRecipe, match=r"step 2 \(union\): step 1 \(keep_band\[ifd\]\)"):
        realise(recipe, pool())


def test_a_missing_signal_makes_a_recipe_invalid() -> None:
    result, good = realise_many([Recipe((KeepTop("idf"),)), Recipe()], pool())

    assert isinstance(result, InvalidRecipe)
    assert "step 1 (keep_top[idf]): signal 'idf' was not computed" in str(result)
    assert isinstance(good, Subset)


def test_a_shared_start_runs_once() -> None:
    signals = pool()
    calls: list[int] = []

    @dataclass(frozen=True)
    class Counting(KeepTop):
        name = "counting"

        def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
            calls.append(len(rows))
            return super().keep(rows, signals, seed)

    start = Counting("ifd", fraction=0.5)
    realise_many([Recipe((start, KeepTop("tokens", share))) for share in (0.1, 0.2, 0.3)], signals)

    assert calls == [len(signals)]


def test_a_full_cache_forgets_and_computes_again() -> None:
    signals = pool()
    recipe = Recipe((KeepTop("ifd"), KeepTop("tokens"), KeepRandom(0.1)))
    tiny = PrefixCache(max_bytes=1)

    assert realise(recipe, signals, tiny).fingerprint == realise(recipe, signals).fingerprint
    assert realise(recipe, signals, tiny).fingerprint == realise(recipe, signals).fingerprint


def test_a_step_draws_the_same_rows_whatever_follows_it() -> None:
    signals = pool()
    short = Recipe((KeepTop("ifd"), KeepRandom(0.2)))
    longer = short.with_steps([*short.steps, KeepTop("tokens", fraction=0.9)])

    assert set(realise(longer, signals).rows) <= set(realise(short, signals).rows)


def test_two_random_steps_draw_independently() -> None:
    signals = pool()
    twice = realise(Recipe((KeepRandom(0.5), KeepRandom(0.25))), signals)
    once = realise(Recipe((KeepRandom(0.25),)), signals)

    assert len(set(twice.rows) & set(once.rows)) < 0.75 * len(once)


def test_versions_of_what_was_read_are_kept() -> None:
    recipe = Recipe.from_yaml("[keep_relevant, keep_top: {signal: ifd}]")

    assert realise(recipe, pool()).signal_versions == (("ifd", "1"), ("relevance/easy", "3"))


REPOSITORY = Path(__file__).resolve().parents[2]

PROGRAM = """
from tests.subset.pools import pool
from autoselection_core.recipe import Recipe
from autoselection_core.subset import materialize
from autoselection_core.state import state_of
recipe = Recipe.from_yaml('''{recipe}''')
signals = pool()
subset = materialize(recipe, signals)
print(subset.fingerprint, state_of(subset.rows, signals).values.tobytes().hex())
"""

EVERYTHING = """
- drop_exact_duplicates
- drop_near_duplicates: {prefer: ifd}
- drop_semantic_duplicates: {within: source, similarity: 0.75}
- keep_relevant: {fraction: 0.8}
- keep_diverse: {fraction: 0.9}
- keep_by_ranks: {fraction: 0.9, rule: chamberlin_courant, lowest: [varentropy]}
- mix_sources: {fraction: 0.9, evenness: 0.7}
- mix_by_varentropy: {fraction: 0.9, sharpness: 1.3}
- token_budget: {fraction: 0.3}
- keep_top: {signal: ifd, fraction: 0.8}
- keep_random: {fraction: 0.1}
"""


def test_processes_hash_seeds_and_thread_counts_agree() -> None:
    program = PROGRAM.format(recipe=EVERYTHING)
    environments: list[Mapping[str, str]] = [
        {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        {"PYTHONHASHSEED": "2", "OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "AVX512F"},
    ]
    command = [sys.executable, "-c", program]
    outputs = {
        subprocess.run(command, env=env, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
        for env in environments
    }

    assert len(outputs) == 1
