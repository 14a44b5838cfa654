"""Several objectives at once."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autoselection_core.history.values import History
from autoselection_core.solver.analysis.tradeoffs import on_front, standings
from autoselection_core.solver.surrogate.gp import Numbers

from .worlds import observed, solver

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
