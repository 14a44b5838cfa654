import numpy as np
import pytest
import torch

from autoselection_core.solver.acquisition.log_nei import log_noisy_expected_improvement
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.surrogate.bkb import condition_sparse, fit_sparse
from autoselection_core.solver.surrogate.botorch_model import botorch_model, marginals
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, Surrogate, fit
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance
from autoselection_core.solver.surrogate.priors import LogNormalPrior, hyper_prior
from tests.solver.worlds import SMALL, entropy_of, searched, solver

LAYOUT = Layout(3, 2, 2)


def hyper(draws: int = 3) -> torch.Tensor:
    prior = hyper_prior(LAYOUT, LogNormalPrior(0.3, 0.2))
    return torch.from_numpy(prior.mean + 0.2 * np.random.default_rng(0).normal(size=(draws, len(prior.mean))))


def observations(count: int, seed: int = 0) -> tuple[Features, Numbers]:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, LAYOUT.size))
    return points, np.asarray(np.sin(points[:, 0]) + 0.5 * points[:, 1] + 0.1 * rng.normal(size=count))


def test_a_dictionary_of_all_observations_is_the_exact_process() -> None:
    points, targets = (torch.from_numpy(part) for part in observations(60))
    asked = torch.from_numpy(observations(20, seed=1)[0])

    exact = marginals(botorch_model(points, targets, LAYOUT, hyper()), asked)
    sparse = condition_sparse(points, targets, LAYOUT, hyper(), points).marginals(asked)

    for mine, theirs in zip(sparse, exact, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-3)


def test_the_variances_of_a_drawn_dictionary_bracket_the_exact_ones() -> None:
    """BKB's guarantee: within a factor of the exact variances, in units that the noise is added to."""
    points, targets = (torch.from_numpy(part) for part in observations(600))
    asked = torch.from_numpy(observations(200, seed=1)[0])

    model = fit_sparse(points, targets, LAYOUT, hyper(), first=points[:30], seed=0)
    _, mine = model.marginals(asked)
    _, exact = marginals(botorch_model(points, targets, LAYOUT, hyper()), asked)

    assert len(model.inducing) < 450
    ratio = mine / exact.clamp_min(1e-6)
    assert float(ratio.min()) > 0.8
    assert float(ratio.median()) < 1.5


def test_what_a_dictionary_does_not_span_stays_uncertain() -> None:
    points, targets = (torch.from_numpy(part) for part in observations(300))
    far = points[:5] + 30.0

    _, variances = condition_sparse(points, targets, LAYOUT, hyper(), points[:10]).marginals(far)
    _, exact = marginals(botorch_model(points, targets, LAYOUT, hyper()), far)

    assert (variances > 0.9 * exact).all()


def test_expected_improvement_through_a_dictionary_is_that_of_the_exact_process() -> None:
    points, utilities = observations(50)
    candidates, _ = observations(40, seed=2)
    exact = fit(points, utilities, LAYOUT, Fitting(4))
    values = torch.from_numpy((utilities - exact.standard.center) / exact.standard.scale)
    inputs = torch.from_numpy(points)
    model = condition_sparse(inputs, values, LAYOUT, exact.log_hyper, inputs)
    sparse = Surrogate(model, LAYOUT, exact.standard, exact.log_hyper)

    mine, theirs = (
        log_noisy_expected_improvement(one, candidates, points, seed=0) for one in (sparse, exact)
    )

    assert int(np.argmax(mine)) == int(np.argmax(theirs))
    assert np.median(np.abs(mine - theirs)[theirs > theirs.max() - 3]) < 0.3


def test_joint_draws_through_a_dictionary_have_the_posterior_s_moments() -> None:
    points, targets = (torch.from_numpy(part) for part in observations(60))
    asked = torch.from_numpy(observations(4, seed=1)[0])
    model = condition_sparse(points, targets, LAYOUT, hyper(), points[:30])
    normal = torch.from_numpy(np.random.default_rng(0).normal(size=(4000, 3, 4)))

    drawn = model.joint_draws(asked, normal, 1e-8)
    means, variances = model.marginals(asked)

    np.testing.assert_allclose(drawn.mean(0), means, atol=0.06)
    np.testing.assert_allclose(drawn.var(0), variances, rtol=0.15)


def test_observations_left_out_of_a_sparse_surrogate_are_forgotten() -> None:
    points, utilities = observations(120)
    surrogate = fit(points, utilities, LAYOUT, Fitting(4, surrogate="bkb"))

    _, known = surrogate.posterior(points[:5])
    _, forgotten = surrogate.condition_on(list(range(60, 120))).posterior(points[:5])

    assert (forgotten > known).all()


def test_beyond_a_thousand_observations_the_default_is_sparse() -> None:
    points, utilities = observations(1001)

    surrogate = fit(points, utilities, LAYOUT, Fitting(2, max_sampled=20))
    mean, _ = surrogate.posterior(observations(200, seed=3)[0])

    assert len(surrogate.model.inducing) < 500
    assert np.corrcoef(mean, observations(200, seed=3)[1])[0, 1] > 0.95


def test_an_outlier_does_not_move_what_is_believed_under_heavy_tails() -> None:
    points, utilities = observations(40)
    spoilt = utilities.copy()
    spoilt[7] += 25.0
    asked, truth = observations(100, seed=4)

    def error(surrogate: str, seen: Numbers) -> float:
        mean, _ = fit(points, seen, LAYOUT, Fitting(8, surrogate=surrogate)).posterior(asked)
        return float(np.abs(mean - truth).mean())

    lost = error("gp", spoilt) - error("gp", utilities)
    assert error("student_t", spoilt) - error("gp", utilities) < 0.3 * lost


def test_relative_noise_reaches_the_model() -> None:
    points, targets = (torch.from_numpy(part) for part in observations(10))
    relative = torch.ones(10, dtype=torch.float64)
    relative[3] = 1e6

    trusted = botorch_model(points, targets, LAYOUT, hyper())
    doubted = botorch_model(points, targets, LAYOUT, hyper(), relative)
    without = [place for place in range(10) if place != 3]
    removed = botorch_model(points[without], targets[without], LAYOUT, hyper())

    means = [marginals(model, points[[3]])[0] for model in (trusted, doubted, removed)]
    np.testing.assert_allclose(means[1], means[2], atol=1e-3)
    assert (means[0] - means[2]).abs().max() > 1e-3
    assert noise_variance(hyper()).shape == (3,)


@pytest.mark.parametrize("surrogate", ["bkb", "student_t"])
def test_a_search_finds_what_a_single_signal_says_with_every_surrogate(surrogate: str) -> None:
    searcher = solver(SMALL.with_settings(surrogate=surrogate))
    utility = entropy_of(searcher.signals)

    history = searched(searcher, utility, 8)

    assert max(one.utility for one in history.observations) > history.observations[0].utility + 0.5
