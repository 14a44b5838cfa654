"""Several objectives at once."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autoselection_core.history.values import History
from autoselection_core.solver import POLICIES
from autoselection_core.solver.analysis.forecast import forecast
from autoselection_core.solver.analysis.replay import replay
from autoselection_core.solver.analysis.tradeoffs import on_front, standings
from autoselection_core.solver.surrogate.gp import Numbers
from tests.solver.worlds import SMALL, entropy_of, observed, searched, solver

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


HIGHER = {"entropy": 1.0, "short": 1.0}


def measured(budget: int) -> History:
    """A search whose benchmarks disagree: one likes entropy, the other short responses."""
    asker, history = solver(), History("search", 0, budget)
    for _ in range(budget):
        (candidate,) = asker.ask(history)
        rows = candidate.subset.rows
        scores = {
            "entropy": float(asker.signals["word_entropy"][rows].mean()),
            "short": -float(asker.signals["response_tokens"][rows].mean()),
        }
        history = observed(history, candidate, sum(scores.values()) / 2)
        newest = replace(history.observations[-1], scores=scores)
        history = replace(history, observations=(*history.observations[:-1], newest))
    return history


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 3)), elements=st.integers(0, 4)))
def test_the_front_is_what_nothing_else_beats(values: Numbers) -> None:
    beaten = [
        any((other >= one).all() and (other > one).any() for other in values) for one in values
    ]  # the definition, point by point

    assert on_front(values).tolist() == [not each for each in beaten]
    assert on_front(values).any()


def test_the_best_of_each_objective_is_on_the_front_and_chances_say_how_sure_that_is() -> None:
    history = measured(9)

    found = standings(solver(), history, HIGHER)

    assert [one.trial for one in found] == sorted({one.trial for one in found})
    for name in HIGHER:
        assert max(found, key=lambda one: one.scores[name].mean).is_on_front
    fewest = min(one.tokens for one in found)
    assert any(one.is_on_front for one in found if one.tokens == fewest)
    chances = [one.chance for one in found if one.chance is not None]
    assert len(chances) == len(found)
    assert all(0 <= chance <= 1 for chance in chances)
    on, off = ([one.chance or 0.0 for one in found if one.is_on_front is flag] for flag in (True, False))
    assert np.mean(on) > np.mean(off) + 0.3
    assert not all(one.is_on_front for one in found)


def test_a_benchmark_where_lower_is_better_turns_the_front_around() -> None:
    history = measured(9)

    found = standings(solver(), history, {"entropy": -1.0, "short": 1.0})

    lowest, highest = (choose(found, key=lambda one: one.scores["entropy"].mean) for choose in (min, max))
    assert lowest.is_on_front
    assert (highest.chance or 0.0) < (lowest.chance or 0.0)


def test_one_trial_stands_alone_on_the_front_and_nothing_is_believed_yet() -> None:
    (only,) = standings(solver(), measured(1), HIGHER)

    assert only.is_on_front
    assert only.chance is None
    assert only.scores["short"].mean == only.scores["short"].observed


def test_trials_without_a_score_of_every_benchmark_are_left_out() -> None:
    history = measured(3)
    partly = replace(history.observations[0], scores={"entropy": 0.0})

    found = standings(solver(), replace(history, observations=(partly, *history.observations[1:])), HIGHER)

    assert [one.trial for one in found] == [2, 3]
    assert standings(solver(), history, {}) == ()
