"""A search that starts from what an earlier one measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.history import UnknownSearchError
from autoselection_core.errors.recipe import MissingSubsetError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import History, Observation
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.search.loop import run_search
from autoselection_core.search.warm_start import agreement, all_earlier_of, earlier_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Policy, Solver
from autoselection_core.store.home import Home
from tests.search.worlds import ROWS, closed_form, spec, table


def finished(folder: Path) -> Ledger:
    signals, evaluator = table(), closed_form(folder)
    ledger = Ledger.open(f"sqlite:///{folder}/history.sqlite")
    ledger.register(spec(evaluator, budget=4), "old")
    policy = Policy(fresh=30, edits=0, draws=2)
    run_search(ledger, "old", Solver(signals, catalogue(signals), policy), evaluator)
    return ledger


def grown(rows: int) -> SignalTable:
    """The same pool with its last rows taken away, under another version."""
    signals = table()
    kept = np.arange(rows)
    columns = {name: signals[name][kept] for name in signals.columns}
    return SignalTable("other pool", signals.keys[kept], columns, ids=signals.ids[kept])


def test_the_same_pool_still_chooses_the_same_samples(tmp_path: Path) -> None:
    earlier = earlier_of(finished(tmp_path), "old", table(), Home(tmp_path))

    assert [one.trial for one in earlier] == [1, 2, 3, 4]
    assert {one.similarity for one in earlier} == {1.0}


def test_what_is_left_of_an_old_subset_is_its_jaccard_similarity(tmp_path: Path) -> None:
    ledger, kept = finished(tmp_path), ROWS * 2 // 3

    earlier = earlier_of(ledger, "old", grown(kept), Home(tmp_path))

    assert earlier[0].recipe.steps == ()
    assert earlier[0].similarity == pytest.approx(kept / ROWS)
    assert all(0 < one.similarity < 1 for one in earlier)
    assert [one.utility for one in earlier] == [one.utility for one in ledger.history("old").observations]


def test_recipes_over_signals_that_are_gone_are_left_out(tmp_path: Path) -> None:
    signals = table()
    bare = SignalTable("bare", signals.keys, {"tokens": signals["tokens"]}, ids=signals.ids)

    earlier = earlier_of(finished(tmp_path), "old", bare, Home(tmp_path))

    assert 1 <= len(earlier) < 4


def test_a_subset_that_is_no_longer_stored_is_an_error(tmp_path: Path) -> None:
    ledger = finished(tmp_path)
    for file in Home(tmp_path).subsets.glob("*/*.parquet"):
        file.unlink()

    with pytest.raises(MissingSubsetError):
        earlier_of(ledger, "old", grown(200), Home(tmp_path))


def test_a_search_that_does_not_exist_teaches_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnknownSearchError):
        earlier_of(finished(tmp_path), "never", table(), Home(tmp_path))


def test_a_cold_search_keeps_the_identity_that_it_had_before_there_were_warm_ones() -> None:
    cold = SearchSpec(campaign="demo")

    assert "warm_from" not in cold.to_json()
    assert SearchSpec.from_json(cold.to_json()) == cold
    warm = replace(cold, warm_from="old")
    assert SearchSpec.from_json(warm.to_json()) == warm
    assert warm.identity != cold.identity


def test_a_search_that_starts_from_several_counts_an_evaluation_once(tmp_path: Path) -> None:
    ledger, signals, evaluator = finished(tmp_path), table(), closed_form(tmp_path)
    ledger.register(spec(evaluator, budget=4, seed=9), "other")
    solver = Solver(signals, catalogue(signals), Policy(fresh=30, edits=0, draws=2))
    run_search(ledger, "other", solver, evaluator)
    both = replace(spec(evaluator), warm_from="other", warm_also=("old",))

    earlier = all_earlier_of(ledger, both, signals, Home(tmp_path))

    histories = [ledger.history(name).observations for name in ("other", "old")]
    names = {(one.subset, one.replicate) for history in histories for one in history}
    assert len(earlier) == len(names) < sum(map(len, histories)), "both tried the full pool"
    assert {one.search for one in earlier} == {"other", "old"}
    assert {one.objective for one in earlier} == {""}


def test_scores_of_another_evaluator_are_told_apart_and_one_alone_is_left_out(tmp_path: Path) -> None:
    ledger, signals, evaluator = finished(tmp_path), table(), closed_form(tmp_path)
    other = replace(evaluator, noise=0.5)
    ledger.register(spec(other, budget=1), "foreign")
    run_search(ledger, "foreign", Solver(signals, catalogue(signals), Policy(fresh=30, edits=0)), other)
    here = replace(spec(evaluator), warm_from="old", warm_also=("foreign",))

    assert {one.search for one in all_earlier_of(ledger, here, signals, Home(tmp_path))} == {"old"}
    there = replace(spec(other), warm_from="old", warm_also=("foreign",))
    told = {one.search: one.objective for one in all_earlier_of(ledger, there, signals, Home(tmp_path))}
    assert told["foreign"] == ""
    assert told["old"] == spec(evaluator).objective != there.objective


def test_a_search_that_starts_from_one_is_told_what_it_was_told_before_there_were_several(
    tmp_path: Path,
) -> None:
    ledger, evaluator = finished(tmp_path), closed_form(tmp_path)
    alone = replace(spec(evaluator), warm_from="old")

    assert "warm_also" not in alone.to_json()
    assert all_earlier_of(ledger, alone, table(), Home(tmp_path)) == earlier_of(
        ledger, "old", table(), Home(tmp_path)
    )


def measured(utilities: dict[float, float], trust: float | None = None) -> History:
    """A history with a recipe for each fraction."""
    observations = tuple(
        Observation(
            trial,
            Recipe((KeepTop("quality", fraction=fraction),)),
            str(fraction),
            0,
            utility,
            {},
            None,
            1.0,
            1,
            {"trust": trust},
        )
        for trial, (fraction, utility) in enumerate(utilities.items(), start=1)
    )
    return History("search", 0, 9, observations)


def test_two_searches_agree_as_far_as_they_rank_alike_what_both_measured() -> None:
    before = measured({0.1: 1.0, 0.2: 2.0, 0.3: 3.0, 0.4: 9.0})

    same = agreement(before, measured({0.2: 10.0, 0.3: 40.0, 0.4: 41.0, 0.9: 0.0}, trust=0.8))
    opposite = agreement(before, measured({0.1: 3.0, 0.2: 2.0, 0.3: 1.0}))

    assert (same.recipes, same.trust) == (3, 0.8)
    assert same.correlation == pytest.approx(1.0)
    assert "3 recipes were measured there and here: rank correlation 1.00" in same.sentence
    assert opposite.correlation == pytest.approx(-1.0)


def test_two_recipes_are_too_few_to_compare_searches_by() -> None:
    before = measured({0.1: 1.0, 0.2: 2.0, 0.3: 3.0})

    assert agreement(before, measured({0.1: 1.0, 0.2: 2.0})).correlation is None
    assert agreement(before, measured({0.1: 1.0, 0.2: 1.0, 0.3: 1.0})).correlation is None
    assert "too few to compare" in agreement(before, measured({0.9: 1.0})).sentence
