"""What the solver suite concludes from pairs of searches."""

import numpy as np
import pytest

from bench.solver.pairs import average_ranks, chance_of_no_gain, paired_regrets

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
