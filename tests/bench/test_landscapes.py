"""The suite's landscapes on a small made-up world."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.signals.table import SignalTable
from bench.result import store_lines, stored_lines
from bench.solver.claims import Luck, Simulated, search, summary, table, upper_bound
from bench.solver.landscapes.landscape import (
    HIGHEST_CORRELATION,
    TUNED,
    UNSEEN,
    correlation,
    hidden_columns,
    landscapes,
)
from bench.solver.landscapes.wide import HELD_OUT, OPEN, wide_landscapes, with_topics
from bench.solver.landscapes.world import LandscapeWorld, Numbers
from bench.solver.report import average_ranks, chance_of_no_gain, paired_regrets

BEST = {"hill": 10.0}


def run(contestant: str, seed: int, recommended: float) -> dict[str, object]:
    return {
        "contestant": contestant,
        "landscape": "hill",
        "seed": seed,
        "recommended": {"15": recommended},
    }


def test_only_searches_that_both_finished_are_paired() -> None:
    runs = [run("one", 0, 9.0), run("one", 1, 8.0), run("other", 1, 5.0), run("other", 2, 5.0)]

    assert paired_regrets(runs, BEST, "one", "other", "15").tolist() == [[2.0], [5.0]]


def test_five_gains_of_five_have_one_chance_in_thirty_two() -> None:
    pairs = np.array([[1.0] * 5, [2.0] * 5])

    assert chance_of_no_gain(pairs) == pytest.approx(1 / 32, abs=0.01)
    assert chance_of_no_gain(pairs[::-1]) > 0.9


def test_equal_contestants_share_their_rank() -> None:
    runs = [run("a", 0, 9.0), run("b", 0, 9.0), run("c", 0, 1.0), run("a", 1, 1.0)]

    assert average_ranks(runs, BEST, "15") == {"a": (1.5, 1), "b": (1.5, 1), "c": (3.0, 1)}


def test_every_report_budget_has_its_runs() -> None:
    lines = search(table(), seed=0, gain=0.0, budgets=(6, 9))

    assert [(line["evaluations"], line["runs"]) for line in lines] == [(6, [2, 3]), (9, [4, 4])]


def test_a_gain_far_beyond_luck_is_claimed_and_counted() -> None:
    lines = search(table(), seed=2, gain=20.0, budgets=(6,))

    assert summary(lines)["gain, 6 report evaluations"]["claimed"] == 1  # type: ignore[call-overload,index]


def test_the_standard_error_is_that_of_the_simulated_differences() -> None:
    luck, rng = Luck(), np.random.default_rng(0)
    mean = luck.items**-0.5
    runs = [
        luck.profile * mean * (rng.normal() - rng.normal(size=3).mean())
        + np.hypot(luck.run, luck.item * mean) * (rng.normal(size=2).mean() - rng.normal(size=3).mean())
        for _ in range(4000)
    ]

    assert luck.standard_error(2, 3) == pytest.approx(np.std(runs), rel=0.05)


def test_ten_claims_in_four_hundred_searches_are_below_the_limit_and_fourteen_above() -> None:
    assert upper_bound(10, 400) < 0.05 < upper_bound(14, 400)
    assert upper_bound(3, 3) == 1.0


def test_another_seed_is_another_luck() -> None:
    assert Simulated(0, 0.0).fingerprint != Simulated(1, 0.0).fingerprint


NAMES = ("tokens", "response_tokens", "word_entropy", "relevance/bbh", "relevance/gsm8k", "relevance/mmlu")


def made_up(size: int = 300) -> LandscapeWorld:
    rng = np.random.default_rng(4)
    signals = SignalTable(
        "made up",
        np.arange(size, dtype=np.uint64),
        {name: rng.normal(size=size).astype(np.float32) for name in NAMES},
        labels={"source": rng.integers(0, 3, size).astype(np.int32)},
    )
    styles = {name: rng.normal(size=size) for name in ("punctuation", "digits", "word_length")}
    topics, copies = rng.integers(0, 5, size), rng.integers(0, 100, size)
    return LandscapeWorld(signals, rng.normal(size=(size, 8)), styles, topics, copies)


WORLD = made_up()


def apart(left: Mapping[str, Numbers], right: Mapping[str, Numbers]) -> float:
    return max(abs(float(np.corrcoef(left[name], right[name])[0, 1])) for name in left)


@pytest.mark.parametrize("draw", [0, 1, 2])
def test_no_draw_has_a_hidden_column_that_a_signal_gives_away(draw: int) -> None:
    columns = hidden_columns(WORLD, draw)

    assert all(correlation(column, WORLD.signals) <= HIGHEST_CORRELATION for column in columns.values())
    assert apart(columns, hidden_columns(WORLD, draw)) == pytest.approx(1.0)
    assert apart(columns, hidden_columns(WORLD, draw + 1)) < 0.95


def test_every_draw_has_all_six_structures_on_the_scale_of_random_recipes() -> None:
    rng = np.random.default_rng(6)
    size = len(WORLD.signals)
    reference = [np.sort(rng.choice(size, int(rng.integers(2, size)), replace=False)) for _ in range(200)]

    for draw in (0, 1):
        made = landscapes(WORLD, reference, draw)
        assert set(made) == {*TUNED, *UNSEEN}
        for landscape in made.values():
            values = np.array([landscape(rows) for rows in reference])
            assert abs(values.mean()) < 1e-6
            assert values.std() == pytest.approx(3.0)


def test_the_wide_suite_has_twelve_structures_on_one_scale_and_holds_half_of_them_out() -> None:
    rng = np.random.default_rng(6)
    size = len(WORLD.signals)
    reference = [np.sort(rng.choice(size, int(rng.integers(20, size)), replace=False)) for _ in range(200)]

    made = wide_landscapes(WORLD, reference)

    assert set(made) == {*OPEN, *HELD_OUT}
    assert (len(made), len(HELD_OUT)) == (12, 6)
    for landscape in made.values():
        assert np.std([landscape(rows) for rows in reference]) == pytest.approx(3.0)


def test_contestants_of_the_wide_suite_see_embeddings_and_clusters() -> None:
    signals = with_topics(WORLD).signals

    assert "embedding" in signals.vectors
    assert {"cluster/10", "cluster/20", "cluster/40"} <= set(signals.labels)


def test_a_shard_gives_back_what_several_runs_appended(tmp_path: Path) -> None:
    shard = tmp_path / "runs" / "shard.jsonl.gz"
    assert stored_lines(shard) == []

    store_lines(shard, {"seed": 1}, {"seed": 2})
    store_lines(shard, {"seed": 3})

    assert [line["seed"] for line in stored_lines(shard)] == [1, 2, 3]
