import numpy as np
import pytest

from bench.solver.claims import Luck, Simulated, at_most, searched, summary, table


def test_every_report_budget_has_its_runs() -> None:
    lines = searched(table(), seed=0, gain=0.0, budgets=(6, 9))

    assert [(line["evaluations"], line["runs"]) for line in lines] == [(6, [2, 3]), (9, [4, 4])]


def test_a_gain_far_beyond_luck_is_claimed_and_counted() -> None:
    lines = searched(table(), seed=2, gain=20.0, budgets=(6,))

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
    assert at_most(10, 400) < 0.05 < at_most(14, 400)
    assert at_most(3, 3) == 1.0


def test_another_seed_is_another_luck() -> None:
    assert Simulated(0, 0.0).fingerprint != Simulated(1, 0.0).fingerprint
