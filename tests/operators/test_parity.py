"""Every operator against a slow definition that shares no code with it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.arrays import Rows
from autoselection_core.operators.definitions.aggregate import KeepByRanks
from autoselection_core.operators.definitions.budget import TokenBudget
from autoselection_core.operators.definitions.duplicates import (
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
)
from autoselection_core.operators.definitions.mixing import MixSources
from autoselection_core.operators.definitions.relevance import KeepRelevant
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.operators.selection.quotas import Bounds
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable
from autoselection_core.testing.worlds import World, operators, worlds


def slow_order(rows: list[int], signals: SignalTable, column: str, order: str = "highest") -> list[int]:
    def key(row: int) -> tuple[bool, float, int]:
        score = float(signals[column][row])
        unknown = math.isnan(score)
        return unknown, 0 if unknown else (-score if order == "highest" else score), row

    return sorted(rows, key=key)


def slow_top(rows: list[int], signals: SignalTable, column: str, order: str, count: int) -> list[int]:
    return sorted(slow_order(rows, signals, column, order)[:count])


def slow_share(fraction: float, rows: int) -> int:
    return math.ceil(round(fraction * rows, 9))


@given(worlds(), operators(KeepTop), st.none() | st.integers(1, 70))
def test_keep_top_is_a_sort(world: World, operator: KeepTop, count: int | None) -> None:
    if count is not None:
        operator = KeepTop(operator.signal, order=operator.order, count=count)
    size = slow_share(operator.fraction, len(world.rows)) if count is None else count

    expected = slow_top(world.rows.tolist(), world.signals, operator.signal, operator.order, size)

    assert operator(world.rows, world.signals).tolist() == expected


@given(worlds(), operators(KeepRelevant))
def test_keep_relevant_is_the_union_of_sorts(world: World, operator: KeepRelevant) -> None:
    rows, signals = world.rows.tolist(), world.signals
    size = slow_share(operator.fraction, len(rows))
    expected = {
        row
        for name in operator.benchmarks or signals.benchmarks
        for row in slow_top(rows, signals, f"relevance/{name}", "highest", size)
    }

    assert operator(world.rows, signals).tolist() == sorted(expected)


@given(worlds())
def test_drop_exact_duplicates_keeps_the_first_of_each_group(world: World) -> None:
    groups, seen, expected = world.signals.label("exact"), set[int](), []
    for row in world.rows.tolist():
        if groups[row] < 0 or groups[row] not in seen:
            expected.append(row)
        seen.add(int(groups[row]))

    assert DropExactDuplicates()(world.rows, world.signals).tolist() == expected


Alike = DropNearDuplicates | DropSemanticDuplicates


@given(worlds(), st.one_of(operators(DropNearDuplicates), operators(DropSemanticDuplicates)))
def test_dropping_what_is_alike_is_the_sequential_rule(world: World, operator: Alike) -> None:
    assert operator(world.rows, world.signals).tolist() == slow_dedup(operator, world.rows, world.signals)


def slow_dedup(operator: Alike, rows: Rows, signals: SignalTable) -> list[int]:
    """Take rows in the order of preference; keep one unless a kept row is alike it."""
    pairs = signals.pair_list(operator.pairs)
    within = getattr(operator, "within", None)
    alike = {
        frozenset((low, high))
        for low, high, similarity in zip(pairs.low, pairs.high, pairs.similarity, strict=True)
        if similarity >= np.float32(operator.similarity)
        and (within is None or signals.label(within)[low] == signals.label(within)[high] >= 0)
    }
    order = rows.tolist()
    if operator.prefer is not None:
        order = slow_order(order, signals, operator.prefer, operator.order)
    kept: list[int] = []
    for row in order:
        if not any(frozenset((row, other)) in alike for other in kept):
            kept.append(row)
    return sorted(kept)


@pytest.mark.parametrize("within", [None, "cluster/4"])
@pytest.mark.parametrize("prefer", [None, "ifd"])
@pytest.mark.parametrize("n", [*range(2, 24), 3000])
def test_a_chain_of_lookalikes_is_settled_like_the_sequential_rule(
    n: int, prefer: str | None, within: str | None
) -> None:
    rng = np.random.default_rng(0)
    pairs = PairList.of(
        np.arange(n - 1), np.arange(1, n), np.ones(n - 1, np.float32), floor=0.5, measure="chain"
    )
    signals = SignalTable(
        "chain",
        np.arange(n, dtype=np.uint64),
        {"ifd": rng.integers(0, 40, n).astype(np.float32)},
        pairs={"embedding": pairs},
        labels={"cluster/4": np.zeros(n, np.int32)},
    )
    operator = DropSemanticDuplicates(prefer=prefer, within=within)
    order = np.arange(n) if prefer is None else np.argsort(-signals["ifd"], kind="stable")
    kept = np.zeros(n + 2, np.bool_)
    for row in order:
        kept[row] = not (kept[row - 1] if row else False) and not kept[row + 1]

    assert operator(np.arange(n), signals).tolist() == np.flatnonzero(kept[:n]).tolist()


@given(worlds(), operators(TokenBudget), st.integers(0, 99))
def test_a_token_budget_takes_rows_until_the_next_one_does_not_fit(
    world: World, operator: TokenBudget, seed: int
) -> None:
    tokens = world.signals["tokens"].astype(np.float64)
    kept = operator(world.rows, world.signals, seed)
    left = np.setdiff1d(world.rows, kept)
    budget = operator.fraction * np.nansum(tokens)

    assert tokens[kept].sum() <= budget + 1e-6
    assert not np.isnan(tokens[kept]).any()
    affordable = left[~np.isnan(tokens[left])]
    if len(affordable):
        assert tokens[kept].sum() + tokens[affordable].max() > budget - 1e-6


@given(worlds(), st.floats(0.05, 1.0), st.floats(0.0, 1.0), st.integers(0, 9))
def test_mixing_gives_places_to_the_group_that_is_furthest_behind(
    world: World, fraction: float, evenness: float, seed: int
) -> None:
    groups = world.signals.label("source")[world.rows]
    names, sizes = np.unique(groups, return_counts=True)
    weights = dict(zip(names.tolist(), (sizes ** (1 - evenness)).tolist(), strict=True))
    kept = MixSources(fraction=fraction, evenness=evenness)(world.rows, world.signals, seed)
    taken = {name: int((world.signals.label("source")[kept] == name).sum()) for name in weights}

    assert len(kept) == slow_share(fraction, len(world.rows))
    for name, size in zip(names.tolist(), sizes.tolist(), strict=True):
        if taken[name] < size:  # Webster: no group would give up its last place for this one's next
            price = (taken[name] + 0.5) / weights[name] * (1 + 1e-6)
            assert all((taken[other] - 0.5) / weights[other] <= price for other in weights if taken[other])


@given(worlds(), operators(KeepByRanks))
def test_borda_is_the_best_subset_within_the_bounds(world: World, operator: KeepByRanks) -> None:
    operator = KeepByRanks(operator.fraction, operator.lower, operator.upper)
    rows, signals = world.rows, world.signals
    points = np.array(slow_points(rows.tolist(), signals)).sum(axis=0)
    groups = signals.label("source")[rows]
    count = slow_share(operator.fraction, len(rows))
    bounds = Bounds.proportional(groups + 1, count, operator.lower, operator.upper)

    kept = np.isin(rows, operator(rows, signals))
    taken = np.bincount(groups[kept] + 1, minlength=len(bounds.min_rows))

    assert kept.sum() == count
    assert (taken >= bounds.min_rows).all()
    assert (taken <= bounds.max_rows).all()
    # No exchange of a kept row for another that respects the bounds gains points: optimal for a sum.
    for out in np.flatnonzero(kept):
        for new in np.flatnonzero(~kept):
            moved = taken.copy()
            moved[groups[out] + 1] -= 1
            moved[groups[new] + 1] += 1
            if (moved >= bounds.min_rows).all() and (moved <= bounds.max_rows).all():
                assert points[new] <= points[out]


def slow_points(rows: list[int], signals: SignalTable) -> list[list[int]]:
    """For each benchmark the points of each row."""
    orders = [slow_order(rows, signals, f"relevance/{name}") for name in signals.benchmarks]
    return [[len(rows) - order.index(row) for row in rows] for order in orders]


@given(worlds(), operators(KeepByRanks))
def test_chamberlin_courant_keeps_what_a_greedy_choice_adds(world: World, drawn: KeepByRanks) -> None:
    rows, signals = world.rows, world.signals
    operator = replace(drawn, rule="chamberlin_courant", highest=None, lowest=None)
    groups = signals.label("source")[rows] + 1
    count = slow_share(operator.fraction, len(rows))
    bounds = Bounds.proportional(groups, count, operator.lower, operator.upper)
    points = slow_points(rows.tolist(), signals)

    kept = np.isin(rows, operator(rows, signals))
    taken = np.bincount(groups[kept], minlength=len(bounds.min_rows))

    assert set(slow_greedy(points, groups.tolist(), bounds)) <= set(np.flatnonzero(kept).tolist())
    assert kept.sum() == count
    assert (taken >= bounds.min_rows).all()
    assert (taken <= bounds.max_rows).all()


def slow_greedy(points: list[list[int]], groups: list[int], bounds: Bounds) -> list[int]:
    chosen: list[int] = []

    def is_reachable(row: int) -> bool:
        taken = [
            sum(groups[other] == group for other in [*chosen, row]) for group in range(len(bounds.min_rows))
        ]
        owed = sum(max(int(least) - have, 0) for least, have in zip(bounds.min_rows, taken, strict=True))
        return taken[groups[row]] <= bounds.max_rows[groups[row]] and owed <= bounds.count - len(chosen) - 1

    def gain(row: int) -> int:
        return sum(
            max(0, votes[row] - max((votes[other] for other in chosen), default=0)) for votes in points
        )

    while len(chosen) < bounds.count:
        open_rows = [row for row in range(len(groups)) if row not in chosen and is_reachable(row)]
        best = max(open_rows, key=lambda row: (gain(row), sum(votes[row] for votes in points), -row))
        if gain(best) == 0:
            break
        chosen.append(best)
    return chosen
