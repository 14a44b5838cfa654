import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.score.comparison import arm_difference
from autoselection_core.score.resampling import utilities
from autoselection_core.score.strata import (
    Drawable,
    Stratum,
    allocate,
    by_stratum,
    disagreements,
    stratum_weights,
)
from tests.score.test_score import run, scored

drawables = st.lists(
    st.builds(
        Drawable,
        weight=st.floats(0.01, 1.0),
        deviation=st.floats(0.0, 10.0),
        scored=st.integers(1, 20),
        waiting=st.integers(0, 30),
    ),
    min_size=1,
    max_size=6,
)


def variance(strata: list[Drawable], drawn: list[int]) -> float:
    return sum(
        (each.weight * each.deviation) ** 2 / (each.scored + count)
        for each, count in zip(strata, drawn, strict=True)
    )


@given(drawables, st.integers(0, 60))
def test_the_whole_budget_is_drawn_and_no_item_twice(strata: list[Drawable], budget: int) -> None:
    drawn = allocate(budget, strata)

    assert sum(drawn) == min(budget, sum(each.waiting for each in strata))
    assert all(0 <= count <= each.waiting for each, count in zip(strata, drawn, strict=True))


@given(drawables, st.integers(1, 40))
def test_no_item_would_tell_more_elsewhere(strata: list[Drawable], budget: int) -> None:
    drawn = allocate(budget, strata)
    best = variance(strata, drawn)

    for source in range(len(strata)):
        for target in range(len(strata)):
            moved = list(drawn)
            moved[source] -= 1
            moved[target] += 1
            if moved[source] >= 0 and moved[target] <= strata[target].waiting:
                assert variance(strata, moved) >= best - 1e-9 * (1 + best)


def test_items_go_where_the_models_disagree() -> None:
    calm, disputed = Drawable(0.5, 0.1, 10, 90), Drawable(0.5, 1.0, 10, 90)

    assert allocate(50, [calm, disputed]) == [0, 50]


def test_models_that_agree_everywhere_still_have_the_budget_drawn() -> None:
    assert sum(allocate(7, [Drawable(0.5, 0.0, 5, 10), Drawable(0.5, 0.0, 5, 10)])) == 7


def strata_of(*parts: tuple[str, int, range]) -> list[Stratum]:
    return [
        Stratum(name, "sums", population, frozenset(f"item {number}" for number in numbers))
        for name, population, numbers in parts
    ]


def test_every_part_counts_by_its_size_however_unevenly_items_were_drawn() -> None:
    values = [1.0] * 2 + [3.0] * 18
    strata = strata_of(("small draw", 90, range(2)), ("large draw", 10, range(2, 20)))

    parted = by_stratum(run(values), strata)
    weights = stratum_weights(strata, {"sums": 1.0})

    assert weights == {"small draw": 0.9, "large draw": 0.1}
    assert utilities([parted], weights)[0] == pytest.approx(0.9 * 1.0 + 0.1 * 3.0)


def test_one_part_alone_says_what_the_benchmark_says() -> None:
    values = np.linspace(-1.0, 2.0, 12)
    strata = strata_of(("sums", 12, range(12)))
    mine, others = [run(values), run(values + 0.1)], [run(values * 0.5), run(values * 0.6)]

    plain = arm_difference(mine, others, seed=3, weights={"sums": 1.0})
    parted = arm_difference(
        [by_stratum(each, strata) for each in mine],
        [by_stratum(each, strata) for each in others],
        seed=3,
        weights=stratum_weights(strata, {"sums": 1.0}),
    )

    assert parted == plain


def test_disagreement_is_the_spread_of_item_differences_and_not_their_level() -> None:
    first = np.arange(40.0)
    second = first + 5.0
    second[20:] += np.tile([1.0, -1.0], 10)
    calm, disputed = disagreements(
        [[run(first)], [run(second)]], strata_of(("calm", 20, range(20)), ("disputed", 20, range(20, 40)))
    )

    assert calm < 0.5 < disputed < 1.1


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=30))
def test_disagreement_within_a_single_part_is_the_sample_deviation(values: list[float]) -> None:
    other = np.zeros(len(values))

    (found,) = disagreements([[run(values)], [run(other)]], strata_of(("all", 99, range(len(values)))))

    assert found == pytest.approx(np.std(values, ddof=1), abs=1e-12)


def test_drawing_where_models_disagree_narrows_what_is_known_of_their_difference() -> None:
    """Simulated: one fifth of the items carry the disagreement. Errors of 400 draws of 60 further items."""
    rng = np.random.default_rng(0)
    population = [np.zeros(800), rng.normal(0.2, 2.0, 200)]
    truth = np.concatenate(population).mean()
    errors: dict[str, list[float]] = {"even": [], "where they disagree": []}
    for _ in range(400):
        shuffled = [rng.permutation(part) for part in population]
        first = (16, 8)
        spread = [float(part[:count].std(ddof=1)) for part, count in zip(shuffled, first, strict=True)]
        strata = [
            Drawable(share, deviation, count, len(part) - count)
            for share, deviation, count, part in zip((0.8, 0.2), spread, first, shuffled, strict=True)
        ]
        for name, drawn in (("even", [48, 12]), ("where they disagree", allocate(60, strata))):
            counts = [one + more for one, more in zip(first, drawn, strict=True)]
            means = [part[:count].mean() for part, count in zip(shuffled, counts, strict=True)]
            errors[name].append(0.8 * means[0] + 0.2 * means[1] - truth)

    even, chosen = (np.array(errors[name]) for name in errors)
    assert chosen.std() < 0.6 * even.std()
    assert abs(chosen.mean()) < 4 * chosen.std() / np.sqrt(len(chosen))


def test_items_of_two_benchmarks_with_the_same_ids_stay_apart() -> None:
    strata = [Stratum(name, name, 3, frozenset({"item 0", "item 1", "item 2"})) for name in ("one", "two")]

    parted = by_stratum((scored([1.0, 1.0, 1.0], "one"), scored([2.0, 2.0, 2.0], "two")), strata)

    assert [score.mean for score in parted] == [1.0, 2.0]
