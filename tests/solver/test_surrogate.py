"""The surrogate and the acquisition against answers that are known otherwise."""

import numpy as np
import pytest
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.sampling import SobolQMCNormalSampler

from autoselection_core.solver.acquisition.expected_improvement import deviation_without, repeats
from autoselection_core.solver.acquisition.log_nei import log_noisy_expected_improvement
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.surrogate.botorch_model import JITTER
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, Standard, Surrogate, condition, fit
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance
from autoselection_core.solver.surrogate.kernel import covariance, variance
from autoselection_core.solver.surrogate.mixture import subsample_rows
from autoselection_core.solver.surrogate.priors import LogNormalPrior, hyper_prior
from autoselection_core.solver.surrogate.slice_sampling import slice_sample

LAYOUT = Layout(3, 4, 2)
NOISE = LogNormalPrior(0.3, 0.5)
HYPER = torch.from_numpy(hyper_prior(LAYOUT, NOISE).mean)[None]
SEVERAL = torch.cat([HYPER, HYPER + 0.3, HYPER - 0.2])


def data(count: int, seed: int = 0) -> tuple[Features, Numbers]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, LAYOUT.size))
    return features, np.sin(features[:, 0]) + 0.5 * features[:, 4] + 0.1 * rng.normal(size=count)


def conditioned(features: Features, utilities: Numbers, log_hyper: torch.Tensor = HYPER) -> Surrogate:
    targets = torch.from_numpy(utilities)
    return condition(torch.from_numpy(features), targets, LAYOUT, Standard(0.0, 1.0), log_hyper)


def kernels_of(left: Features, right: Features) -> Numbers:
    return covariance(SEVERAL, torch.from_numpy(left), torch.from_numpy(right), LAYOUT).numpy()


def kernel_of(left: Features, right: Features) -> Numbers:
    return covariance(HYPER, torch.from_numpy(left), torch.from_numpy(right), LAYOUT)[0].numpy()


def test_the_covariance_is_positive_definite_and_its_diagonal_is_the_variance() -> None:
    features, _ = data(60)

    full = kernel_of(features, features)

    assert np.linalg.eigvalsh(full).min() > -1e-9
    assert np.allclose(np.diag(full), variance(HYPER, torch.from_numpy(features), LAYOUT)[0].numpy())


@pytest.mark.parametrize(("count", "asked"), [(15, 700), (810, 5)])
def test_the_posterior_of_the_botorch_model_is_that_of_textbook_algebra(count: int, asked: int) -> None:
    features, utilities = data(count)
    candidates, _ = data(asked, seed=1)
    noise = noise_variance(SEVERAL).numpy() + JITTER

    mean, deviation = conditioned(features, utilities, SEVERAL).posterior(candidates)

    inverse = np.linalg.inv(kernels_of(features, features) + noise[:, None, None] * np.eye(count))
    cross = kernels_of(candidates, features)
    means = cross @ inverse @ utilities
    own = variance(SEVERAL, torch.from_numpy(candidates), LAYOUT).numpy()
    variances = own - ((cross @ inverse) * cross).sum(axis=-1)
    assert np.allclose(mean, means.mean(axis=0), rtol=0, atol=1e-8)
    spread = np.sqrt(variances.mean(axis=0) + means.var(axis=0))
    assert np.allclose(deviation, spread, rtol=0, atol=1e-8)


@pytest.mark.parametrize("place", range(3))
def test_expected_improvement_agrees_with_that_of_botorch(place: int) -> None:
    features, utilities = data(8)
    candidates, _ = data(4, seed=3)
    surrogate = conditioned(features[:6], utilities[:6], SEVERAL[[place]])

    reference = qLogNoisyExpectedImprovement(
        surrogate.model,
        torch.from_numpy(features),
        SobolQMCNormalSampler(torch.Size([4096]), seed=0),
        prune_baseline=False,
        fat=False,
        tau_relu=1e-6,
    )
    with torch.no_grad():
        expected = reference(torch.from_numpy(candidates)[:, None]).exp().numpy()
    estimates = [
        np.exp(log_noisy_expected_improvement(surrogate, candidates, features, seed)) for seed in range(200)
    ]

    assert np.allclose(np.mean(estimates, axis=0), expected, rtol=0.05, atol=2e-3)


def test_replicates_count_as_one_observation_with_less_noise() -> None:
    features, utilities = data(6)
    counts = np.array([1, 3, 1, 2, 1, 1])
    expanded = np.repeat(features, counts, axis=0)
    repeated = np.repeat(utilities, counts) + np.random.default_rng(0).normal(size=counts.sum())
    averages = np.array([part.mean() for part in np.split(repeated, np.cumsum(counts)[:-1])])
    candidates, _ = data(5, seed=2)
    noise = float(noise_variance(HYPER)[0])

    inverse = np.linalg.inv(kernel_of(features, features) + np.diag(noise / counts))
    cross = kernel_of(candidates, features)
    mean, deviation = conditioned(expanded, repeated).posterior(candidates)

    assert np.allclose(mean, cross @ inverse @ averages, atol=1e-5)
    left = np.diag(kernel_of(candidates, candidates)) - np.einsum("mi,ij,mj->m", cross, inverse, cross)
    assert np.allclose(deviation**2, left, atol=1e-5)


def test_expected_improvement_agrees_with_monte_carlo() -> None:
    features, utilities = data(8)
    candidates, _ = data(4, seed=3)
    points = np.concatenate([features, candidates])
    surrogate = conditioned(features, utilities)

    inverse = np.linalg.inv(kernel_of(features, features) + float(noise_variance(HYPER)[0]) * np.eye(8))
    cross = kernel_of(points, features)
    joint = kernel_of(points, points) - cross @ inverse @ cross.T
    rng = np.random.default_rng(0)
    draws = rng.multivariate_normal(cross @ inverse @ utilities, joint, 100_000, method="eigh")
    gains = np.maximum(draws[:, 8:] - draws[:, :8].max(axis=1, keepdims=True), 0).mean(axis=0)
    estimates = [
        np.exp(log_noisy_expected_improvement(surrogate, candidates, features, seed)) for seed in range(200)
    ]

    assert np.allclose(np.mean(estimates, axis=0), gains, rtol=0.05, atol=2e-3)


def test_a_hopeless_candidate_still_has_a_place_in_the_order() -> None:
    features, utilities = data(30)
    utilities = utilities * 1000

    logs = log_noisy_expected_improvement(conditioned(features, utilities), data(20, seed=4)[0], features, 0)

    assert np.isfinite(logs).all()
    assert len(set(logs)) == 20


def test_a_tried_candidate_has_next_to_nothing_to_gain() -> None:
    features, utilities = data(10)

    logs = log_noisy_expected_improvement(conditioned(features, utilities), features, features, 0)

    assert np.exp(logs).max() < 1e-2


@pytest.mark.parametrize("draws", [1, 16])
def test_noise_is_learned_from_replicates(draws: int) -> None:
    features, _ = data(4)
    rng = np.random.default_rng(0)
    expanded = np.repeat(features, 12, axis=0)
    utilities = np.repeat([0.0, 3.0, 6.0, 9.0], 12) + 0.5 * rng.normal(size=48)

    surrogate = fit(expanded, utilities, LAYOUT, Fitting(draws, noise_prior=1.5, noise_spread=1.0))

    assert 0.35 < surrogate.noise < 0.7


@pytest.mark.parametrize("count", [5, 500])
def test_a_few_and_many_observations_give_usable_predictions(count: int) -> None:
    features, utilities = data(count)
    candidates, _ = data(300, seed=9)
    truths = np.sin(candidates[:, 0]) + 0.5 * candidates[:, 4]

    mean, deviation = fit(features, utilities, LAYOUT, Fitting(max_sampled=60)).posterior(candidates)

    covered = np.mean(np.abs(truths - mean) < 1.645 * deviation)
    assert covered > 0.75
    assert (deviation > 0).all()
    if count == 500:
        assert np.corrcoef(mean, truths)[0, 1] > 0.95


def test_equal_utilities_are_no_error() -> None:
    features, _ = data(5)

    mean, deviation = fit(features, np.full(5, 2.5), LAYOUT, Fitting()).posterior(features)

    assert np.allclose(mean, 2.5, atol=0.5)
    assert np.isfinite(deviation).all()


def test_hyper_parameters_are_learned_from_the_newest_and_the_most_different() -> None:
    features = np.zeros((50, 2))
    features[7], features[21] = 100.0, -100.0

    assert subsample_rows(features, 10).tolist() == [0, 1, 2, 3, 4, 5, 7, 21, 48, 49]
    assert subsample_rows(features, 60).tolist() == list(range(50))


def test_slice_sampling_reaches_a_posterior_that_is_known() -> None:
    generator = torch.Generator().manual_seed(0)
    mean, spread = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    start = torch.randn((4000, 1), generator=generator, dtype=torch.float64)

    def likelihood(points: torch.Tensor) -> torch.Tensor:
        return -0.5 * ((points[:, 0] - 2.0) / 0.5) ** 2

    points = slice_sample(likelihood, start, mean=mean, spread=spread, steps=30, generator=generator)

    assert float(points.mean()) == pytest.approx(1.6, abs=0.03)
    assert float(points.std()) == pytest.approx(0.2**0.5, abs=0.03)


def test_a_point_is_repeated_while_its_deviation_shrinks_by_at_most_the_tolerance() -> None:
    noise, deviation, tolerance = 1.0, 0.3, 1.5

    count = repeats(noise, deviation, tolerance)

    assert (1 + count * deviation**2 / noise**2) ** 0.5 <= tolerance
    assert (1 + (count + 1) * deviation**2 / noise**2) ** 0.5 > tolerance
    assert repeats(noise, 5.0, tolerance) == 1


def test_leaving_observations_out_is_learning_without_them() -> None:
    features, utilities = data(9)
    candidate, _ = data(1, seed=5)

    without = deviation_without(conditioned(features, utilities), candidate, [0, 2, 4, 6, 8])

    assert without == pytest.approx(
        float(conditioned(features[::2], utilities[::2]).posterior(candidate)[1][0])
    )


def test_each_axis_has_a_slope_of_its_own_and_what_rises_along_one_goes_on_rising_there() -> None:
    rng = np.random.default_rng(3)
    features = np.zeros((15, LAYOUT.size))
    features[:, :3] = rng.uniform(-1.5, 1.5, (15, 3))
    beyond = np.zeros((3, LAYOUT.size))
    beyond[1, 1], beyond[2, 2] = 3.0, 3.0

    surrogate = fit(features, 2.0 * features[:, 1] + 0.1 * rng.normal(size=15), LAYOUT, Fitting(seed=1))
    middle, rising, level = surrogate.posterior(beyond)[0]

    assert rising - middle > 3.0
    assert abs(level - middle) < 1.0
