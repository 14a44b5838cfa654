"""Knowledge that a new search takes from an earlier one."""

from dataclasses import replace

import numpy as np
import pytest

from autoselection_core.history.values import EarlierObservation, History
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.solver.context import context_for
from autoselection_core.solver.evidence.fitted import FittedModel, fit_model
from autoselection_core.solver.evidence.observations import observed_subsets, transferred_observations
from autoselection_core.solver.surrogate.hyper_parameters import HyperParameters
from autoselection_core.subset import realise
from tests.solver.worlds import SMALL, entropy_of, searched, solver

ASKER = solver(SMALL.with_settings(fresh=200))
SIZE = context_for(ASKER.signals, tuple(ASKER.templates), ASKER.policy, 0).describer.layout.size
PAST = searched(ASKER, entropy_of(ASKER.signals), 12, seed=1)


def told(sign: float = 1.0, similarity: float = 1.0, level: float = 0.0) -> tuple[EarlierObservation, ...]:
    return tuple(
        EarlierObservation("old", one.trial, one.recipe, level + sign * one.utility, similarity)
        for one in PAST.observations
    )


def learned(history: History, draws: int = SMALL.draws) -> FittedModel:
    signals = ASKER.signals
    policy = ASKER.policy.with_settings(draws=draws)
    context = context_for(signals, tuple(ASKER.templates), policy, history.seed)
    return fit_model(context, observed_subsets(history, signals), transferred_observations(history, signals))


def best_of(history: History) -> float:
    utility = entropy_of(ASKER.signals)
    return max(utility(realise(one.recipe, ASKER.signals)) for one in history.observations)


def after_seven(earlier: tuple[EarlierObservation, ...]) -> list[History]:
    """Three searches of seven trials that start from the same earlier one."""
    warm = replace(ASKER, earlier=earlier)
    return [searched(warm, entropy_of(ASKER.signals), 7, seed=seed) for seed in (2, 3, 4)]


def test_warm_searches_are_nearly_as_good_after_seven_trials_as_a_cold_one_after_twelve() -> None:
    history, *others = after_seven(told())

    assert np.mean([best_of(each) for each in (history, *others)]) > 0.85 * best_of(PAST)
    assert history.observations[0].proposal["origin"] == "full_pool"
    assert not any(str(one.proposal["origin"]).startswith("warmup") for one in history.observations)
    assert history.observations[-1].proposal["earlier"] == 12


def test_a_level_of_its_own_does_not_mislead() -> None:
    histories = after_seven(told(level=50.0))

    assert np.mean([best_of(each) for each in histories]) > 0.85 * best_of(PAST)


def test_a_misleading_history_is_trusted_less_and_costs_a_few_trials_only() -> None:
    misled = searched(replace(ASKER, earlier=told(sign=-1.0)), entropy_of(ASKER.signals), 10)

    honest = learned(replace(misled, earlier=told())).surrogate.trust
    lying = learned(replace(misled, earlier=told(sign=-1.0))).surrogate.trust

    assert honest is not None
    assert lying is not None
    assert lying < honest - 0.1
    assert best_of(misled) > 0.8 * best_of(PAST)


def test_each_measure_of_earlier_searches_is_trusted_apart() -> None:
    start = searched(ASKER, entropy_of(ASKER.signals), 6)
    honest = tuple(replace(one, objective="honest") for one in told(level=40.0))
    lying = tuple(replace(one, search="foe", objective="lying") for one in told(sign=-1.0, level=-90.0))

    fitted = learned(replace(start, earlier=(*honest, *lying)))
    alone = learned(replace(start, earlier=lying))

    layout = fitted.surrogate.layout
    discrepancies = HyperParameters.of(fitted.surrogate.log_hyper, layout).discrepancy.mean(0)
    assert layout.measures == 2
    assert discrepancies[0] < discrepancies[1]
    truth = [entropy_of(ASKER.signals)(one.subset) for one in fitted.transferred[: len(honest)]]
    described = fitted.surrogate.model.train_inputs[0].numpy()[6 : 6 + len(honest), :SIZE]
    errors = [np.abs(model.surrogate.posterior(described)[0] - truth).mean() for model in (fitted, alone)]
    assert errors[0] < errors[1], "what an honest search knew was lost beside a lying one"


def test_scores_of_the_same_measure_keep_their_level() -> None:
    start = searched(ASKER, entropy_of(ASKER.signals), 2)
    same = tuple(replace(one, objective="") for one in told(level=3.0))
    other = tuple(replace(one, objective="x") for one in told(level=3.0))

    kept, aligned = (
        learned(replace(start, earlier=each)).surrogate.standard.center for each in (same, other)
    )

    own = max(one.utility for one in start.observations)
    assert kept > own + 1.0
    assert aligned < own


def test_the_less_is_left_of_the_old_subsets_the_less_they_teach() -> None:
    start = searched(ASKER, entropy_of(ASKER.signals), 2)
    places = [learned(replace(start, earlier=told(similarity=share)), draws=32) for share in (1.0, 0.5, 0.0)]
    points = places[0].surrogate.model.train_inputs[0].numpy()[2:, :SIZE]

    deviations = [fitted.surrogate.posterior(points)[1].mean() for fitted in places]

    assert deviations[0] < deviations[1] < deviations[2]


def test_recipes_that_this_pool_cannot_realise_teach_nothing() -> None:
    unknown = EarlierObservation("old", 1, Recipe((KeepTop(signal="gone", fraction=0.5),)), 1.0, 0.0)

    assert transferred_observations(History("new", 0, 5, earlier=(unknown,)), ASKER.signals) == ()


@pytest.mark.parametrize("k", [1, 3])
def test_a_warm_search_fills_its_slots_before_anything_is_measured(k: int) -> None:
    asked = replace(ASKER, earlier=told()).ask(History("new", 0, 5), k)

    assert len({candidate.subset.fingerprint for candidate in asked}) == k
