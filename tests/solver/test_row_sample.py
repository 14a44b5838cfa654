"""Samples of a large pool's rows: what is drawn, what it says of the pool, and that choices are exact."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoselection_core.errors.store import LittleMemoryError
from autoselection_core.history.values import History, Observation
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.duplicates import DropExactDuplicates, DropNearDuplicates
from autoselection_core.operators.definitions.mixing import MixSources
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Solver
from autoselection_core.solver.features.state_axes import blocks_of, describe
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.solver.programs.row_sample import (
    MAX_CLUSTER,
    MAX_RARE_SHARE,
    RowSample,
    clusters_of,
    sample_table,
)
from autoselection_core.solver.proposal import Proposal
from autoselection_core.subset import Subset, realise, realise_many
from tests.solver.worlds import SMALL, entropy_of, searched

ROWS, MAX_ROWS = 20_000, 2_500
LARGE = replace(SMALL, sample_rows=1000)
"""A policy under which pools of more than two thousand rows are sampled."""


def pool(rows: int = ROWS, seed: int = 0) -> SignalTable:
    """Columns that hang together, sources of unlike sizes, near copies in cliques, and equal texts."""
    rng = np.random.default_rng(seed)
    length = rng.normal(size=rows)
    columns = {
        "tokens": np.exp(4 + length).astype(np.float32),
        "ifd": (0.3 * length + rng.normal(size=rows)).astype(np.float32),
        "word_entropy": (0.5 * length + rng.normal(size=rows)).astype(np.float32),
        "response_tokens": rng.gamma(2, 50, rows).astype(np.float32),
    }
    columns["ifd"][rng.random(rows) < 0.02] = np.nan
    copies = np.sort(rng.integers(0, rows // 3, rows // 2))
    order = rng.permutation(rows)[: len(copies)]
    first, second = _cliques(copies)
    near = PairList.of(
        order[first],
        order[second],
        rng.uniform(0.5, 1, len(first)).astype(np.float32),
        floor=0.5,
        measure="made up",
    )
    exact = np.arange(rows, dtype=np.int32)
    repeated = rng.random(rows) < 0.05
    exact[repeated] = rng.integers(0, rows, int(repeated.sum()))
    shares = 1 / np.arange(1, 9) ** 1.5
    source = rng.choice(8, rows, p=shares / shares.sum()).astype(np.int32)
    source[:: rows // 5] = 8  # a source of five or six rows
    return SignalTable(
        f"pool {seed}",
        np.sort(rng.integers(0, 2**63, rows, dtype=np.uint64)),
        columns,
        pairs={"near_duplicates": near},
        labels={"source": source, "exact": exact},
        label_names={"source": tuple(f"source {number}" for number in range(9))},
    )


def _cliques(copies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of places with one number; the numbers ascend."""
    firsts = [np.flatnonzero(copies[gap:] == copies[:-gap]) for gap in range(1, 12)]
    gaps = np.repeat(np.arange(1, 12), [len(first) for first in firsts])
    return np.concatenate(firsts), np.concatenate(firsts) + gaps


POOL = pool()


def test_a_pool_of_up_to_twice_the_limit_is_compared_whole() -> None:
    assert sample_table(POOL, ROWS // 2, 0) is POOL
    assert sample_table(POOL, ROWS // 2 - 1, 0) is not POOL


def test_one_seed_draws_the_same_rows_and_another_draws_others() -> None:
    again, other = sample_table(pool(), MAX_ROWS, 0), sample_table(pool(), MAX_ROWS, 1)
    first = sample_table(POOL, MAX_ROWS, 0)

    assert isinstance(first, RowSample)
    assert first.ids.tolist() == again.ids.tolist()
    assert first.ids.tolist() != other.ids.tolist()


@given(seed=st.integers(0, 200), rows=st.integers(2001, 6000), max_rows=st.integers(200, 1000))
@settings(max_examples=25, deadline=None)
def test_a_sample_stands_for_its_pool(seed: int, rows: int, max_rows: int) -> None:
    made = pool(rows, seed)
    sample = sample_table(made, max_rows, seed)

    assert isinstance(sample, RowSample)
    drawn = len(sample) - int(sample.is_certain.sum())
    assert max_rows / 3 <= drawn <= max_rows * 1.4  # clusters differ in size
    assert sample.is_certain.sum() <= MAX_RARE_SHARE * rows / sample.step + 1
    assert sample.weights.sum() == pytest.approx(rows, rel=0.25)
    for name, values in made.columns.items():
        np.testing.assert_array_equal(sample[name], values[sample.rows])
    np.testing.assert_array_equal(sample.ids, made.ids[sample.rows])
    _assert_same_groups(sample.label("exact"), made.label("exact")[sample.rows])


def _assert_same_groups(left: np.ndarray, right: np.ndarray) -> None:
    pairs = set(zip(left.tolist(), right.tolist(), strict=True))
    assert len(pairs) == len(set(left.tolist())) == len(set(right.tolist()))


@given(seed=st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_a_cluster_of_near_copies_is_drawn_whole_or_not_at_all_with_all_its_pairs(seed: int) -> None:
    made = pool(3000, seed)
    sample = sample_table(made, 500, seed)
    assert isinstance(sample, RowSample)
    pairs, kept = made.pair_list("near_duplicates"), np.zeros(len(made), np.bool_)
    kept[sample.rows[~sample.is_certain]] = True

    clusters = clusters_of(made)
    together = clusters[pairs.low] == clusters[pairs.high]
    np.testing.assert_array_equal(kept[pairs.low[together]], kept[pairs.high[together]])

    present = np.isin(np.arange(len(made)), sample.rows)
    both = present[pairs.low] & present[pairs.high]
    own = sample.pair_list("near_duplicates")
    np.testing.assert_array_equal(sample.rows[own.low], pairs.low[both])
    np.testing.assert_array_equal(sample.rows[own.high], pairs.high[both])
    np.testing.assert_array_equal(own.similarity, pairs.similarity[both])


def test_a_small_source_is_in_the_sample_whole_and_counts_what_it_is() -> None:
    sample = sample_table(POOL, MAX_ROWS, 0)

    assert isinstance(sample, RowSample)
    of_pool, here = POOL.label("source") == 8, sample.label("source") == 8
    assert here.sum() == of_pool.sum()
    assert sample.weights[here].sum() == of_pool.sum()


def test_no_cluster_is_larger_than_its_limit_even_where_everything_is_alike() -> None:
    low, high = np.triu_indices(200, 1)
    pairs = PairList.of(low, high, np.full(len(low), 0.97, np.float32), floor=0.5, measure="made up")
    chain = PairList.of(
        np.arange(299),
        np.arange(1, 300),
        np.linspace(0.5, 0.9, 299).astype(np.float32),
        floor=0.5,
        measure="chain",
    )

    for made in (pairs, chain):
        table = SignalTable("pool", np.arange(300, dtype=np.uint64), {}, pairs={"near_duplicates": made})
        assert np.bincount(clusters_of(table)).max() <= MAX_CLUSTER


RECIPES: Mapping[str, tuple[Step, ...]] = {
    "a share by rank": (KeepTop("ifd", fraction=0.3),),
    "a count": (KeepTop("tokens", count=4000),),
    "a draw": (KeepRandom(fraction=0.25),),
    "a drawn count": (KeepRandom(count=3000),),
    "near copies dropped": (DropNearDuplicates(similarity=0.6),),
    "equal texts dropped, then a share": (DropExactDuplicates(), KeepTop("word_entropy", fraction=0.2)),
    "sources levelled": (MixSources(fraction=0.4, evenness=0.7),),
    "three steps": (
        DropNearDuplicates(),
        KeepTop("ifd", fraction=0.5),
        MixSources(fraction=0.5, evenness=0.3),
    ),
    "a union": (KeepTop("ifd", fraction=0.1), Union(Recipe((KeepTop("tokens", fraction=0.1),)))),
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_leaves_the_same_share_of_a_sample_as_of_its_pool(name: str) -> None:
    recipe = Recipe(RECIPES[name])
    exact = len(realise(recipe, POOL)) / len(POOL)

    gaps = []
    for seed in range(5):
        sample = sample_table(POOL, MAX_ROWS, seed)
        assert isinstance(sample, RowSample)
        rows = realise(recipe, sample).rows
        share = sample.size_of(rows) / sample.weights.sum()
        everything = np.arange(len(sample))
        error = sample.share_error(everything, np.isin(everything, rows))
        gaps.append((share - exact) / error)

    assert np.max(np.abs(gaps)) < 5
    assert abs(np.mean(gaps)) < 3 / 5**0.5 + 0.5


@given(seed=st.integers(0, 1000), fraction=st.floats(0.05, 1.0), cut=st.floats(-1.0, 1.0))
@settings(max_examples=40, deadline=None)
def test_a_share_of_a_subset_is_within_five_standard_errors_of_the_exact_one(
    seed: int, fraction: float, cut: float
) -> None:
    sample = sample_table(POOL, MAX_ROWS, seed)
    assert isinstance(sample, RowSample)
    recipe = Recipe((KeepRandom(fraction=fraction), KeepTop("tokens", fraction=0.6)), seed)
    exact, rows = realise(recipe, POOL).rows, realise(recipe, sample).rows

    truth = float((POOL["ifd"][exact] > cut).mean())
    weights, has = sample.weights[rows], sample["ifd"][rows] > cut
    estimate = float(weights[has].sum() / weights.sum())

    assert abs(estimate - truth) <= 5 * sample.share_error(rows, has) + 2 / len(rows)
    assert sample.share_error(rows, has) <= sample.max_share_error(rows) * (1 + 1e-9)


def test_a_description_of_a_sample_errs_by_what_is_stated() -> None:
    recipes = latin_recipes(catalogue(POOL), 60, 4, 0)
    whole, ratios = blocks_of(POOL), []
    for seed in range(3):
        sample = sample_table(POOL, MAX_ROWS, seed)
        assert isinstance(sample, RowSample)
        blocks = blocks_of(sample)
        for exact, here in zip(realise_many(recipes, POOL), realise_many(recipes, sample), strict=True):
            if not isinstance(exact, Subset) or not isinstance(here, Subset) or len(here) < 30:
                continue
            gap = describe([here.rows], blocks).marginals - describe([exact.rows], whole).marginals
            ratios.append(float(np.abs(gap[:, : 4 * 16] * 4).max()) / sample.max_share_error(here.rows))

    assert len(ratios) > 100
    assert np.mean(ratios) < 2
    assert np.quantile(ratios, 0.95) < 4


def test_a_choice_on_a_sample_is_realised_on_all_rows_and_keeps_to_the_limits() -> None:
    limits = replace(LARGE, min_share=0.05, max_share=0.6, max_tokens=600_000)
    solver = Solver(POOL, catalogue(POOL), limits)
    history = searched(solver, entropy_of(POOL), 6)

    for one in history.observations:
        exact = realise(one.recipe, POOL)
        assert exact.fingerprint == one.subset
        assert 0.05 * len(POOL) <= len(exact) <= 0.6 * len(POOL)
        assert POOL["tokens"][exact.rows].sum() <= 600_000
        assert 0 < (Proposal.from_json(one.proposal).sampling_error or 0.0) < 0.2


@pytest.mark.parametrize("name", ["default", "published", "random"])
def test_every_policy_chooses_exact_subsets_of_a_sampled_pool_and_says_the_same_again(name: str) -> None:
    policy = replace(LARGE, name=name)
    histories = [searched(Solver(pool(), catalogue(POOL), policy), entropy_of(POOL), 5) for _ in range(2)]

    names = [[one.subset for one in history.observations] for history in histories]
    assert names[0] == names[1]
    assert names[0] == [realise(one.recipe, POOL).fingerprint for one in histories[0].observations]
    recommended = Solver(POOL, catalogue(POOL), policy).recommend(histories[0])
    assert recommended.subset in names[0]


def test_a_pool_that_is_small_enough_is_described_without_an_error() -> None:
    solver = Solver(POOL, catalogue(POOL), replace(SMALL, sample_rows=ROWS // 2))
    (candidate,) = solver.ask(History("search", 0, 5))

    assert candidate.proposal.sampling_error is None
    assert "sampling_error" not in candidate.proposal.to_json()


def test_a_subset_too_small_for_the_sample_is_learned_from_as_a_small_one() -> None:
    tokens = np.sort(POOL["tokens"])
    tiny = Recipe((KeepBand("tokens", low=float(tokens[-3])),))
    solver = Solver(POOL, catalogue(POOL), LARGE)
    history = searched(solver, entropy_of(POOL), 4)
    name = realise(tiny, POOL).fingerprint
    given_one = Observation(5, tiny, name, 0, -9.0, {}, None, 1.0, 3)

    history = replace(history, budget=9, observations=(*history.observations, given_one))
    (candidate,) = solver.ask(history)

    assert candidate.subset.fingerprint == realise(candidate.recipe, POOL).fingerprint
    (prediction,) = solver.predict(history, [realise(tiny, POOL)])
    assert np.isfinite(prediction.mean)


def test_a_pool_of_more_rows_than_the_memory_holds_is_refused_before_a_sample_is_drawn() -> None:
    rows = 10**12
    keys, ids = (np.broadcast_to(np.zeros(1, kind), (rows,)) for kind in (np.uint64, "S32"))  # take no memory

    with pytest.raises(LittleMemoryError, match=r"a sample of the pool's rows takes about 200,000\.0 GB"):
        sample_table(SignalTable("v", keys, {}, ids=ids), 50_000, 0)
