import numpy as np
import pytest
from scipy.stats import spearmanr

from autoselection_core.score.importance import importances


def test_the_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    states, scores = rng.integers(5, size=(30, 3)).astype(float), rng.normal(size=30)

    found = {each.name: each.correlation for each in importances("abc", states, scores, seed=0)}

    for at, name in enumerate("abc"):
        assert found[name] == pytest.approx(spearmanr(states[:, at], scores).statistic)


def test_what_drives_the_score_comes_first_and_lies_outside_of_chance() -> None:
    rng = np.random.default_rng(1)
    states = rng.normal(size=(25, 40))
    first, *others = importances([f"s{at}" for at in range(40)], states, states[:, 7] * 3 + 1, seed=0)

    assert first.name == "s7"
    assert first.p_value < 0.01
    assert all(each.low < 0 < each.high for each in others)


def test_numbers_that_mean_nothing_are_rarely_called_important() -> None:
    rng = np.random.default_rng(2)
    claimed = sum(
        importances("abcdefgh", rng.normal(size=(15, 8)), rng.normal(size=15), seed=run)[0].p_value < 0.05
        for run in range(60)
    )

    assert claimed <= 8


@pytest.mark.parametrize("rows", [0, 4])
def test_few_subsets_say_nothing(rows: int) -> None:
    assert importances("ab", np.zeros((rows, 2)), np.zeros(rows), seed=0) == []


def test_unknown_and_constant_numbers_are_left_out() -> None:
    states = np.array([[float(row), 1.0, 4.0] for row in range(5)])
    states[0, 1] = np.nan

    assert [each.name for each in importances("abc", states, np.arange(5.0), seed=0)] == ["a"]
