"""Gaussian-process surrogate of a candidate's utility.

A Gaussian process, held by a BoTorch model and averaged over draws of its hyper-parameters. With a dozen
observations many length scales explain them equally well; one best guess would be overconfident, the average
is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.surrogate.bkb import SparseModel, distinct, fit_sparse
from autoselection_core.solver.surrogate.botorch_model import (
    JITTER,
    botorch_model,
    joint_draws,
    marginals,
    most_probable,
)
from autoselection_core.solver.surrogate.hyper_parameters import HyperParameters, noise_variance
from autoselection_core.solver.surrogate.kernel import cholesky, correlations, covariance, solve_lower
from autoselection_core.solver.surrogate.mixture import quantiles, relative_noise, subsample_rows, suspect
from autoselection_core.solver.surrogate.priors import (
    FIRST_PRIORS,
    HyperPrior,
    LogNormalPrior,
    Priors,
    hyper_prior,
)
from autoselection_core.solver.surrogate.slice_sampling import slice_sample

if TYPE_CHECKING:
    from torch import Tensor

_STEPS = 20
"""Moves of each chain; twice as many change no choice on the suite."""

MAX_EXACT = 1000
"""Observations up to which a Gaussian process is exact: its cost is their cube."""

_RELEARNED = 3
"""Fits of hyper-parameters, each with outliers known better."""

_MAD = 1.4826
"""Standard deviations in a median absolute deviation of normal numbers."""

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fitting:
    """Settings of a fit.

    Attributes:
        draws: Vectors to average over; 1 takes the most probable vector.
        max_sampled: Observations that they are learned from at most; predictions use all.
        noise_prior: Expected run-to-run standard deviation in units of utility; None takes a share of the
            spread.
        noise_spread: Standard deviation of its logarithm.
        seed: Seed of the draws.
        surrogate: One of the policy's `SURROGATES`.
        priors: Priors of the policy's version.
    """

    draws: int = Policy.draws
    max_sampled: int = Policy.max_sampled
    noise_prior: float | None = None
    noise_spread: float = Policy.noise_spread
    seed: int = 0
    surrogate: str = "gp"
    priors: Priors = FIRST_PRIORS

    def prior(self, layout: Layout, scale: float | None = None) -> HyperPrior:
        """Priors of the hyper-parameters.

        Args:
            layout: Layout of a feature vector.
            scale: Spread of the utilities; None takes the usual share of it for the noise, whatever is set.
        """
        is_set = scale is not None and self.noise_prior is not None
        noise = self.noise_prior / scale if is_set else self.priors.noise_share  # type: ignore[operator] # both are set
        return hyper_prior(layout, LogNormalPrior(noise, self.noise_spread), self.priors)


@dataclass(frozen=True)
class Standard:
    """Standardisation of utilities: centre and scale."""

    center: float
    scale: float

    @classmethod
    def of(cls, utilities: Numbers) -> Self:
        """Mean and standard deviation; equal utilities have scale 1."""
        spread = float(np.std(utilities, ddof=1)) if len(utilities) > 1 else 0.0
        return cls(float(np.mean(utilities)), spread if spread > 0 else 1.0)

    @classmethod
    def robust(cls, utilities: Numbers) -> Self:
        """Median and median absolute deviation, which outliers do not move."""
        center = float(np.median(utilities))
        spread = _MAD * float(np.median(np.abs(utilities - center)))
        return cls(center, spread) if spread > 0 else cls.of(utilities)


@dataclass(frozen=True)
class Surrogate:
    """Gaussian processes over one set of observations, one for each draw of the hyper-parameters.

    Attributes:
        model: The BoTorch model that holds them, or a `SparseModel`; it keeps observations and standardised
            utilities.
        layout: Layout of a feature vector.
        standard: Standardisation of the utilities.
        log_hyper: Draws of the logarithms of the hyper-parameters. Shape (s, p).
        relative: Noise variance of each observation over the common one; None where all have one. Shape (n,).
    """

    model: Any
    layout: Layout
    standard: Standard
    log_hyper: "Tensor"
    relative: "Tensor | None" = None

    def posterior(self, features: Features) -> tuple[Numbers, Numbers]:
        """Mean and standard deviation of the noise-free utilities of candidates, in units of utility.

        Args:
            features: Feature vectors. Shape (m, d).

        Returns:
            Two arrays of shape (m,): moments of the mixture over hyper-parameters.
        """
        import torch

        means, variances = _marginals(self.model, torch.from_numpy(self.layout.pad_features(features)))
        mean = means.mean(0)
        spread = (variances.clamp_min(JITTER) + (means - mean) ** 2).mean(0).sqrt()
        return mean.numpy() * self.standard.scale + self.standard.center, spread.numpy() * self.standard.scale

    def quantiles(self, features: Features, levels: Sequence[float]) -> Numbers:
        """Quantiles of the noise-free utilities of candidates, in units of utility.

        Args:
            features: Feature vectors. Shape (m, d).
            levels: Shares of probability, n of them.

        Returns:
            Of the mixture over hyper-parameters. Shape (n, m).
        """
        import torch

        means, variances = _marginals(self.model, torch.from_numpy(self.layout.pad_features(features)))
        found = quantiles(means, variances.clamp_min(JITTER).sqrt(), levels)
        return np.asarray(found.numpy() * self.standard.scale + self.standard.center)

    def draws(self, points: "Tensor", normal: "Tensor", ridge: float) -> "Tensor":
        """Joint draws of utilities without noise, from normal numbers of that shape (draws, s, b)."""
        if isinstance(self.model, SparseModel):
            return self.model.joint_draws(points, normal, ridge)
        return joint_draws(self.model, points, normal, ridge)

    def condition_on(self, rows: list[int]) -> "Surrogate":
        """The same hyper-parameters with some of the observations only, which must not be none."""
        if isinstance(self.model, SparseModel):
            return replace(self, model=self.model.condition_on(rows))
        (points,), targets = self.model.train_inputs, self.model.train_targets
        relative = None if self.relative is None else self.relative[rows]
        return condition(
            points[rows], targets[rows], self.layout, self.standard, self.log_hyper, relative=relative
        )

    @property
    def trust(self) -> float | None:
        """Learned correlation of earlier utilities with today's, mean over measures; None when cold."""
        if not self.layout.measures:
            return None
        discrepancy = HyperParameters.of(self.log_hyper, self.layout).discrepancy.exp()
        return float((1 + discrepancy**2).rsqrt().mean())

    @property
    def correlations(self) -> tuple[float, ...]:
        """Learned correlation of each lower fidelity's utilities with those at full fidelity."""
        return tuple(correlations(self.log_hyper, self.layout).mean(0).tolist())

    @property
    def noise(self) -> float:
        """Run-to-run standard deviation of one evaluation, in units of utility: the root mean over draws."""
        return float(noise_variance(self.log_hyper).mean().sqrt()) * self.standard.scale


def fit(features: Features, utilities: Numbers, layout: Layout, fitting: Fitting) -> Surrogate:
    """Surrogate fitted to observations; replicates are separate rows, which pools their noise.

    Args:
        features: Feature vectors of the observations. Shape (n, d).
        utilities: Observed utilities. Shape (n,).
        layout: Layout of the columns.
        fitting: Settings of the fit.
    """
    import torch

    is_robust = fitting.surrogate == "student_t"
    standard = Standard.robust(utilities) if is_robust else Standard.of(utilities)
    targets = torch.from_numpy((utilities - standard.center) / standard.scale)
    points = torch.from_numpy(np.ascontiguousarray(features))
    prior = fitting.prior(layout, standard.scale)
    subsample = torch.from_numpy(subsample_rows(features, fitting.max_sampled))
    if is_robust:
        return _robust(points, targets, layout, standard, prior=prior, fitting=fitting, subsample=subsample)
    log_hyper = _learn(points[subsample], targets[subsample], layout, prior, fitting)
    if fitting.surrogate == "bkb" or len(points) > MAX_EXACT:
        model = fit_sparse(
            points, targets, layout, log_hyper, first=distinct(points[subsample]), seed=fitting.seed
        )
        return Surrogate(model, layout, standard, log_hyper)
    return condition(points, targets, layout, standard, log_hyper)


def _robust(
    points: "Tensor",
    targets: "Tensor",
    layout: Layout,
    standard: Standard,
    *,
    prior: HyperPrior,
    fitting: Fitting,
    subsample: "Tensor",
) -> Surrogate:
    """Surrogate with Student-t noise: hyper-parameters are learned and outliers are found, in turn."""
    relative = suspect(targets)
    for _ in range(_RELEARNED):
        log_hyper = _sample(
            points[subsample], targets[subsample], layout, prior, fitting, relative=relative[subsample]
        )

        def posterior(each: "Tensor", hyper: "Tensor" = log_hyper) -> tuple["Tensor", "Tensor"]:
            return marginals(botorch_model(points, targets, layout, hyper, each), points)

        relative = relative_noise(posterior, targets, noise_variance(log_hyper), relative)
    return condition(points, targets, layout, standard, log_hyper, relative=relative)


def _marginals(model: Any, points: "Tensor") -> tuple["Tensor", "Tensor"]:  # noqa: ANN401 - untyped
    return model.marginals(points) if isinstance(model, SparseModel) else marginals(model, points)


def condition(
    points: "Tensor",
    targets: "Tensor",
    layout: Layout,
    standard: Standard,
    log_hyper: "Tensor",
    *,
    relative: "Tensor | None" = None,
) -> Surrogate:
    """The surrogate under given hyper-parameters, shape (s, p), with standardised targets, shape (n,)."""
    model = botorch_model(points, targets, layout, log_hyper, relative)
    return Surrogate(model, layout, standard, log_hyper, relative)


def covariance_root(
    log_hyper: "Tensor", points: "Tensor", layout: Layout, relative: "Tensor | None"
) -> "Tensor":
    """Cholesky factor of the covariance of noisy observations, one for each draw. Shape (s, n, n).

    Args:
        log_hyper: Draws of the logarithms of the hyper-parameters. Shape (s, p).
        points: Feature vectors of the observations. Shape (n, d).
        layout: Layout of a feature vector.
        relative: Noise variance of each observation over the common one; None where all have one. Shape (n,).
    """
    ridge = noise_variance(log_hyper) + JITTER
    if relative is not None:
        ridge = ridge[:, None] * relative
    return cholesky(covariance(log_hyper, points, points, layout), ridge)


def _learn(
    points: "Tensor", targets: "Tensor", layout: Layout, prior: HyperPrior, fitting: Fitting
) -> "Tensor":
    if fitting.draws == 1:
        return most_probable(points, targets, layout, prior)
    return _sample(points, targets, layout, prior, fitting)


def _sample(
    points: "Tensor",
    targets: "Tensor",
    layout: Layout,
    prior: HyperPrior,
    fitting: Fitting,
    *,
    relative: "Tensor | None" = None,
) -> "Tensor":
    import torch

    generator = torch.Generator().manual_seed(fitting.seed)
    mean, spread = torch.from_numpy(prior.mean), torch.from_numpy(prior.spread)
    start = mean + spread * torch.randn((fitting.draws, len(mean)), generator=generator, dtype=mean.dtype)

    def likelihood(log_hyper: "Tensor") -> "Tensor":
        root = covariance_root(log_hyper, points, layout, relative)
        white = solve_lower(root, targets[None, :, None].expand(len(log_hyper), -1, 1))
        return -0.5 * (white**2).sum((-2, -1)) - torch.diagonal(root, dim1=-2, dim2=-1).log().sum(-1)

    return slice_sample(likelihood, start, mean=mean, spread=spread, steps=_STEPS, generator=generator)
