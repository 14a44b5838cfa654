"""States of subsets, in numbers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from autoselection_core.arrays import Rows
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.table import SignalTable
from autoselection_core.state import jaccard, profiles, state_of, states_of, wasserstein
from autoselection_core.subset import Subset, realise, realise_many
from autoselection_core.testing.worlds import World, worlds
from tests.subset.pools import pool


def with_activity(signals: SignalTable, features: int = 40) -> SignalTable:
    rng = np.random.default_rng(1)
    active = rng.random((len(signals), features)) < rng.random(features)
    active[::50] = False
    indptr = np.concatenate([[0], np.cumsum(active.sum(axis=1))])
    indices = np.nonzero(active)[1].astype(np.int32)
    sparse = SparseFeatures(indptr, indices, np.ones(len(indices), np.float32), features)
    return replace(signals, sparse={"sae": sparse})


SIGNALS = with_activity(pool())
SOME = KeepTop("ifd", fraction=0.3)(np.arange(len(SIGNALS)), SIGNALS)


@given(worlds(), st.data())
def test_a_state_from_a_parent_equals_the_state_from_scratch_bit_for_bit(
    world: World, data: st.DataObject
) -> None:
    masks = [
        data.draw(st.lists(st.booleans(), min_size=len(world.signals), max_size=len(world.signals)))
        for _ in "ab"
    ]
    parent, child = (np.flatnonzero(mask) if any(mask) else np.array([0]) for mask in masks)

    scratch = state_of(child, world.signals)
    from_parent = state_of(child, world.signals, state_of(parent, world.signals))

    assert scratch.values.tobytes() == from_parent.values.tobytes()
    assert np.isfinite(scratch.values).all()


def test_small_and_large_changes_of_activity_agree() -> None:
    parent = state_of(SOME, SIGNALS)
    for rows in (SOME[3:], SOME[::2], np.arange(len(SIGNALS))):
        assert state_of(rows, SIGNALS, parent).values.tobytes() == state_of(rows, SIGNALS).values.tobytes()


def test_many_states_at_once_are_the_states_of_each() -> None:
    recipes = [
        Recipe((KeepTop("ifd", fraction=share),), seed=seed) for share in (0.2, 0.21, 0.9) for seed in (0, 1)
    ]
    subsets = [subset for subset in realise_many(recipes, SIGNALS) if isinstance(subset, Subset)]

    together = states_of(subsets, SIGNALS)

    assert together.tolist() == [state_of(subset.rows, SIGNALS).values.tolist() for subset in subsets]
    assert states_of([], SIGNALS).shape == (0, together.shape[1])


def test_the_pool_is_where_states_are_measured_from() -> None:
    state = state_of(np.arange(len(SIGNALS)), SIGNALS)

    assert state["retention"] == state["token_share"] == 1
    for name in ("mean/ifd", "drift/sae", "drift_tv/sae", "drift_js/sae", "shift/embedding"):
        assert state[name] == 0
    assert state["std/ifd"] == 1


def test_level_spread_and_quantiles_are_those_of_the_values() -> None:
    state = state_of(SOME, SIGNALS)
    for name in ("ifd", "tokens", "relevance/easy"):
        values, everything = SIGNALS[name][SOME].astype(float), SIGNALS[name].astype(float)
        level, deviation = np.nanmean(everything), np.nanstd(everything)
        assert state[f"mean/{name}"] == pytest.approx((np.nanmean(values) - level) / deviation, abs=2e-3)
        assert state[f"std/{name}"] == pytest.approx(np.nanstd(values) / deviation, rel=5e-3)
        for share in (10, 50, 90):
            expected = (np.nanquantile(values, share / 100) - level) / deviation
            assert state[f"q{share}/{name}"] == pytest.approx(expected, abs=0.03)


def test_shares_are_those_of_the_rows() -> None:
    state = state_of(SOME, SIGNALS)

    assert state["retention"] == pytest.approx(len(SOME) / len(SIGNALS))
    assert state["token_share"] == pytest.approx(SIGNALS["tokens"][SOME].sum() / SIGNALS["tokens"].sum())
    assert state["source/b"] == pytest.approx((SIGNALS.label("source")[SOME] == 1).mean())
    assert state_of(np.array([0, 1, 17]), SIGNALS)["unknown/ifd"] == pytest.approx(2 / 3)


def test_a_subset_without_known_values_says_so() -> None:
    state = state_of(np.array([0, 17, 34]), SIGNALS)

    assert (state["unknown/ifd"], state["mean/ifd"], state["std/ifd"]) == (1, 0, 1)


def test_one_outlier_does_not_move_a_state() -> None:
    columns = {"ifd": np.append(np.linspace(0, 1, 9999), 1e9).astype(np.float32)}
    signals = SignalTable("pool", np.arange(10_000, dtype=np.uint64), columns)

    assert state_of(np.arange(5000, 10_000), signals)["mean/ifd"] == pytest.approx(0.87, abs=0.02)


def activity_share(rows: Rows) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    features = SIGNALS.sparse["sae"]
    dense = np.zeros((len(features), features.features))
    for row in range(len(features)):
        dense[row, features.indices[features.indptr[row] : features.indptr[row + 1]]] = 1
    stored = rows[np.diff(features.indptr)[rows] > 0]
    share: np.ndarray[tuple[int], np.dtype[np.float64]] = dense[stored].mean(axis=0)
    return share


def test_drift_of_activity_is_that_of_the_definition() -> None:
    here, there = activity_share(SOME), activity_share(np.arange(len(SIGNALS)))
    p, q = here / here.sum(), there / there.sum()
    middle = (p + q) / 2
    state = state_of(SOME, SIGNALS)

    assert state["drift/sae"] == pytest.approx(np.linalg.norm(here - there) / np.sqrt(40))
    assert state["drift_tv/sae"] == pytest.approx(np.abs(p - q).sum() / 2)
    divergence = (p * np.log2(p / middle) + q * np.log2(q / middle)).sum() / 2
    assert state["drift_js/sae"] == pytest.approx(divergence, rel=1e-6)


def test_shift_of_vectors_is_the_distance_of_means() -> None:
    vectors = SIGNALS.vectors["embedding"].astype(float)
    spread = np.sqrt(np.square(vectors - vectors.mean(axis=0)).sum(axis=1).mean())
    expected = np.linalg.norm(vectors[SOME].mean(axis=0) - vectors.mean(axis=0)) / spread

    assert state_of(SOME, SIGNALS)["shift/embedding"] == pytest.approx(expected, abs=2e-3)


def test_repeats_are_rows_with_a_lookalike_in_the_subset() -> None:
    state = state_of(SOME, SIGNALS)
    groups = SIGNALS.label("exact")[SOME]
    pairs = SIGNALS.pairs["near_duplicates"]
    alike = (pairs.similarity >= 0.8) & np.isin(pairs.low, SOME) & np.isin(pairs.high, SOME)

    assert state["repeats/exact"] == pytest.approx(np.mean([(groups == group).sum() > 1 for group in groups]))
    assert state["repeats/minhash"] == pytest.approx(
        len(set(pairs.low[alike].tolist()) | set(pairs.high[alike].tolist())) / len(SOME)
    )


def test_wasserstein_distance_is_that_of_standardised_columns() -> None:
    other = KeepRandom(0.2)(np.arange(len(SIGNALS)), SIGNALS, 3)
    expected = 0.0
    for values in SIGNALS.columns.values():
        known = [values[rows][~np.isnan(values[rows])] / np.nanstd(values) for rows in (SOME, other)]
        expected += float(wasserstein_distance(*known))

    assert wasserstein(SOME, other, SIGNALS) == pytest.approx(expected, rel=0.02)


@given(worlds(), st.data())
def test_distances_are_symmetric_and_zero_to_oneself(world: World, data: st.DataObject) -> None:
    a, b = (
        np.unique(data.draw(st.lists(st.integers(0, len(world.signals) - 1), min_size=1))) for _ in range(2)
    )

    assert jaccard(a, a) == 1
    assert jaccard(a, b) == jaccard(b, a) == len(set(a) & set(b)) / len(set(a) | set(b))
    assert wasserstein(a, a, world.signals) == 0
    assert wasserstein(a, b, world.signals) == pytest.approx(wasserstein(b, a, world.signals))


def test_profiles_turn_distances_into_points() -> None:
    few, more = (realise(Recipe((KeepTop("ifd", fraction=share),)), SIGNALS) for share in (0.2, 0.5))
    first, second = profiles([few, more], SIGNALS)

    assert np.abs(first - second).sum() == pytest.approx(wasserstein(few, more, SIGNALS))


def test_every_part_of_a_table_enters_the_state() -> None:
    names = set(state_of(SOME, SIGNALS).names)

    assert {"retention", "token_share", "source/a", "shift/embedding", "drift/sae"} < names
    assert {"repeats/exact", "repeats/minhash", "repeats/embedding"} < names
    assert {f"{part}/varentropy" for part in ("mean", "std", "q10", "q50", "q90", "unknown")} < names


def test_a_large_pool_is_described_by_a_fixed_sample_and_counted_exactly() -> None:
    n = 450_000
    rng = np.random.default_rng(0)
    values = rng.random(n).astype(np.float32)
    vectors = {"embedding": rng.normal(size=(n, 4)).astype(np.float32)}
    signals = SignalTable("large", np.arange(n, dtype=np.uint64), {"ifd": values}, vectors=vectors)
    rows = np.flatnonzero(values > 0.5)
    state = state_of(rows, signals)

    assert state["retention"] == len(rows) / n
    assert state["mean/ifd"] == pytest.approx((values[rows].mean() - values.mean()) / values.std(), abs=5e-3)
    assert state_of(rows, signals, state_of(rows[5:], signals)).values.tobytes() == state.values.tobytes()
