"""A search that starts from what an earlier one measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.history import UnknownSearchError
from autoselection_core.errors.subset import MissingSubsetError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.spec import SearchSpec
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.search.loop import run_search
from autoselection_core.search.warm import earlier_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Policy, Solver
from autoselection_core.store.home import Home

from .worlds import ROWS, evaluator, spec, table


def finished(folder: Path) -> Ledger:
    signals, judge = table(), evaluator(folder)
    ledger = Ledger.open(f"sqlite:///{folder}/history.sqlite")
    ledger.register(spec(judge, budget=4), "old")
    policy = Policy(fresh=30, edits=0, draws=2)
    run_search(ledger, "old", Solver(signals, catalogue(signals), policy), judge)
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
    cold = SearchSpec("demo")

    assert "warm_from" not in cold.to_json()
    assert SearchSpec.from_json(cold.to_json()) == cold
    warm = replace(cold, warm_from="old")
    assert SearchSpec.from_json(warm.to_json()) == warm
    assert warm.identity != cold.identity
