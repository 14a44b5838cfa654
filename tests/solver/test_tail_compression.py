"""What very bad utilities, and beliefs that disagree, do to what is believed."""

import numpy as np
import torch
from scipy.stats import norm

from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.solver.evidence.tail_compression import compress_tail
from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.programs.fresh import single_recipes
from autoselection_core.solver.surrogate.gp import Fitting, fit
from autoselection_core.solver.surrogate.mixture import quantiles
from tests.solver.worlds import SMALL, entropy_of, pool, searched, solver


def test_utilities_near_the_median_and_above_it_stay_as_they_are() -> None:
    utilities = np.array([3.0, -2.0, 1.0, 0.5, 0.0, 2.5])

    assert np.array_equal(compress_tail(utilities, 3.0), utilities)


def test_the_tail_keeps_its_order_and_joins_without_a_step() -> None:
    utilities = np.array([1.0, 0.0, -1.0, -3.0, -3.001, -30.0, 2.0, 1.5, 1.2, 0.5])

    pulled = compress_tail(utilities, 1.0)

    assert np.array_equal(np.argsort(pulled), np.argsort(utilities))
    assert pulled.min() > -10
    assert abs(pulled[3] - pulled[4]) < 0.001


def test_equal_utilities_and_a_single_one_are_left_alone() -> None:
    for utilities in (np.ones(4), np.array([2.0])):
        assert np.array_equal(compress_tail(utilities, 1.0), utilities)


def test_differences_below_a_known_noise_pull_nothing_in() -> None:
    utilities = np.array([1.0, 1.01, 0.8])

    assert np.array_equal(compress_tail(utilities, 1.0, min_spread=0.5), utilities)
    assert not np.array_equal(compress_tail(utilities, 1.0), utilities)


def test_terrible_subsets_no_longer_inflate_the_noise_nor_hide_who_is_good() -> None:
    layout, rng = Layout(2, 0, 0), np.random.default_rng(0)
    features = rng.normal(size=(16, 2))
    utilities = 0.1 * features[:, 0] + 0.02 * rng.normal(size=16)
    features[:4, 1] -= 4.0
    utilities[:4] -= [2.0, 1.4, 1.8, 1.1]
    asked = np.column_stack([np.linspace(-1, 1, 9), np.zeros(9)])

    plain, pulled = (fit(features, values, layout, Fitting(16)) for values in
                     (utilities, compress_tail(utilities, 3.0)))  # fmt: skip
    errors = [np.mean(np.abs(one.posterior(asked)[0] - 0.1 * asked[:, 0])) for one in (plain, pulled)]

    assert pulled.noise < 0.5 * plain.noise
    assert errors[1] < errors[0]


def test_quantiles_of_a_mixture_hold_their_share_of_each_part() -> None:
    means, deviations = torch.tensor([[0.0, 1.0], [4.0, 1.0]]), torch.tensor([[1.0, 2.0], [0.5, 2.0]])

    found = quantiles(means.double(), deviations.double(), (0.25, 0.5, 0.9)).numpy()

    for level, values in zip((0.25, 0.5, 0.9), found, strict=True):
        assert np.allclose(np.mean(norm.cdf(values, means, deviations), axis=0), level)
    assert np.allclose(found[:, 1], norm.ppf([0.25, 0.5, 0.9], 1.0, 2.0))


def test_quantiles_of_one_vector_are_those_of_its_normal() -> None:
    layout, rng = Layout(2, 0, 0), np.random.default_rng(1)
    features = rng.normal(size=(12, 2))
    surrogate = fit(features, features[:, 0] * 5 + 3, layout, Fitting(1))

    mean, deviation = surrogate.posterior(features[:3])

    assert np.allclose(
        surrogate.quantiles(features[:3], (0.05, 0.95)), norm.ppf([[0.05], [0.95]], mean, deviation)
    )


def test_every_operator_alone_is_a_candidate_at_the_usual_shares() -> None:
    asker = solver()
    labels = {template.label for template in catalogue(pool())}

    recipes = single_recipes(asker.templates, 7)

    assert {step.label for recipe in recipes for step in recipe.steps} == labels
    for fraction in (0.1, 0.25, 0.5, 0.75):
        wanted = Recipe((KeepTop("word_entropy", fraction=fraction),), 7)
        assert wanted in recipes


def test_a_single_operator_is_chosen_where_no_program_does_what_it_does() -> None:
    asker = solver(SMALL.with_settings(fresh=8, edits=0))

    history = searched(asker, entropy_of(asker.signals), 8)

    best = max(history.observations, key=lambda one: one.utility)
    assert best.proposal["origin"] == "single"
    assert best.recipe.steps[0].label == "keep_top[word_entropy]"
