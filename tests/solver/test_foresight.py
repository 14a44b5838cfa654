"""Replays and forecasts: what evaluations would have bought, and would buy, without paying for them."""

from dataclasses import replace

import pytest

from autoselection_core.history.values import History
from autoselection_core.solver import POLICIES
from autoselection_core.solver.analysis.forecast import forecast
from autoselection_core.solver.analysis.replay import replay

from .worlds import SMALL, entropy_of, searched, solver

ASKER = solver()
RANDOMLY = searched(solver(SMALL.with_settings(name="random")), entropy_of(ASKER.signals), 16, seed=3)


@pytest.mark.parametrize("name", POLICIES)
def test_a_replay_asks_for_every_recorded_trial_once(name: str) -> None:
    steps = replay(solver(SMALL.with_settings(name=name)), RANDOMLY)

    assert sorted(step.trial for step in steps) == [one.trial for one in RANDOMLY.observations]
    assert steps[-1].best == steps[-1].recorded_best == max(one.utility for one in RANDOMLY.observations)
    assert steps == replay(solver(SMALL.with_settings(name=name)), RANDOMLY)


def test_the_default_policy_finds_the_best_recorded_trial_in_half_of_the_evaluations() -> None:
    steps = replay(ASKER, RANDOMLY)

    assert next(step.number for step in steps if step.best == steps[-1].best) <= 8


def test_a_search_with_nothing_left_to_gain_forecasts_less_than_one_on_its_way_up() -> None:
    early = searched(ASKER, entropy_of(ASKER.signals), 14, seed=1)
    late = searched(ASKER, entropy_of(ASKER.signals), 20, seed=1)

    soon, later = forecast(ASKER, early, 5), forecast(ASKER, late, 5)

    assert soon.low <= soon.median <= soon.high
    assert later.mean < soon.mean
    assert later.over.startswith("trial ")
    assert soon == forecast(ASKER, early, 5)


def test_more_evaluations_are_forecast_to_gain_more() -> None:
    history = searched(ASKER, entropy_of(ASKER.signals), 4)

    assert forecast(ASKER, history, 1).mean < forecast(ASKER, history, 10).mean


def test_before_anything_was_measured_gains_are_in_deviations_or_in_the_unit_that_the_user_gave() -> None:
    empty = History("search", 0, 10)
    known = replace(ASKER, policy=SMALL.with_settings(noise_prior=0.5))

    blind, told = forecast(ASKER, empty, 10), forecast(known, empty, 10)

    assert (blind.unit, told.unit) == ("run-to-run deviations", "utility")
    assert blind.over == "the full pool"
    assert told.median == pytest.approx(0.5 * blind.median)
    assert blind.mean > 0
