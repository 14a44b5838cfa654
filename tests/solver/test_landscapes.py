"""The suite's landscapes on a small made-up world."""

from collections.abc import Mapping

import numpy as np
import pytest

from autoselection_core.signals.table import SignalTable
from bench.solver.landscapes import (
    HIGHEST_CORRELATION,
    TUNED,
    UNSEEN,
    correlation,
    hidden_columns,
    landscapes,
)
from bench.solver.wide import HELD_OUT, OPEN, wide_landscapes, with_topics
from bench.solver.world import Numbers, World

NAMES = ("tokens", "response_tokens", "word_entropy", "relevance/bbh", "relevance/gsm8k", "relevance/mmlu")


def made_up(size: int = 300) -> World:
    rng = np.random.default_rng(4)
    signals = SignalTable(
        "made up",
        np.arange(size, dtype=np.uint64),
        {name: rng.normal(size=size).astype(np.float32) for name in NAMES},
        labels={"source": rng.integers(0, 3, size).astype(np.int32)},
    )
    styles = {name: rng.normal(size=size) for name in ("punctuation", "digits", "word_length")}
    topics, copies = rng.integers(0, 5, size), rng.integers(0, 100, size)
    return World(signals, rng.normal(size=(size, 8)), styles, topics, copies)


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
