"""The surrogate's Gaussian processes as one BoTorch model.

A `SingleTaskGP` whose kernel and likelihood are batched over hyper-parameter vectors, as a fully Bayesian
model of BoTorch is over its samples. Points are shared by all of them, so what does not depend on
hyper-parameters is computed once. The covariance is that of `kernel.py`.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance, split_noise
from autoselection_core.solver.surrogate.kernel import covariance, variance
from autoselection_core.solver.surrogate.priors import HyperPrior

if TYPE_CHECKING:
    from torch import Tensor

JITTER = 1e-8
"""Added to the noise, in squared standard deviations of the utilities."""

_TOGETHER = 256
"""Points whose joint posterior is computed at once; its cost grows with their square."""


_MIN_NOISE = 2e-6
"""GPyTorch warns of a smaller variance of a single observation."""


def botorch_model(
    points: "Tensor",
    targets: "Tensor",
    layout: Layout,
    log_hyper: "Tensor",
    relative: "Tensor | None" = None,
) -> Any:  # noqa: ANN401 - untyped
    """A `SingleTaskGP` with mean zero for every hyper-parameter vector.

    Args:
        points: Feature vectors of the observations. Shape (n, d).
        targets: Standardised utilities. Shape (n,).
        layout: Layout of the columns.
        log_hyper: Logarithms of the hyper-parameters. Shape (s, p).
        relative: Noise variance of each observation over the common one, shape (n,); None where all have one.
    """
    from botorch.models import SingleTaskGP
    from gpytorch.means import ZeroMean

    model = SingleTaskGP(
        points,
        targets[:, None],
        likelihood=_likelihood(log_hyper, relative),
        covar_module=_kernel_class()(layout, split_noise(log_hyper)[0]),
        mean_module=ZeroMean(),
        outcome_transform=None,
    )
    if relative is None:
        # Only now is the model in float64; a likelihood on its own would round its noise to float32.
        model.likelihood.noise = (noise_variance(log_hyper) + JITTER)[:, None]
    return model.requires_grad_(requires_grad=False).eval()


def _likelihood(log_hyper: "Tensor", relative: "Tensor | None") -> Any:  # noqa: ANN401 - untyped
    from gpytorch.constraints import GreaterThan
    from gpytorch.likelihoods import FixedNoiseGaussianLikelihood, GaussianLikelihood

    if relative is not None:
        each = noise_variance(log_hyper)[:, None] * relative
        return FixedNoiseGaussianLikelihood(noise=each.clamp_min(_MIN_NOISE))
    constraint = GreaterThan(JITTER / 2, transform=None)
    return GaussianLikelihood(noise_constraint=constraint, batch_shape=log_hyper.shape[:1])


def most_probable(points: "Tensor", targets: "Tensor", layout: Layout, prior: HyperPrior) -> "Tensor":
    """The logarithms of the hyper-parameters at the maximum a posteriori, found by L-BFGS. Shape (1, p).

    Args:
        points: Feature vectors of the observations. Shape (n, d).
        targets: Standardised utilities. Shape (n,).
        layout: Layout of the columns.
        prior: Log-normal priors; the search starts at their medians.
    """
    import torch
    from botorch.fit import fit_gpytorch_mll
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from gpytorch.priors import LogNormalPrior, NormalPrior

    mean, spread = torch.from_numpy(prior.mean), torch.from_numpy(prior.spread)
    (kernel_mean, noise_mean), (kernel_spread, noise_spread) = split_noise(mean), split_noise(spread)
    with torch.enable_grad():
        model = botorch_model(points, targets, layout, mean[None]).requires_grad_(requires_grad=True)
        sizes = NormalPrior(kernel_mean, kernel_spread)
        noise = LogNormalPrior(2 * noise_mean[0], 2 * noise_spread[0])
        model.covar_module.register_prior("prior", sizes, lambda kernel: kernel.log_hyper)
        # A log-normal standard deviation with spread s is a log-normal variance with spread 2 s.
        model.likelihood.noise_covar.register_prior("prior", noise, lambda module: module.noise)
        # The likelihood of one model in a batch wants its targets in a batch too.
        model.set_train_data(targets=targets[None], strict=False)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return torch.cat([model.covar_module.log_hyper, 0.5 * model.likelihood.noise.log()], dim=-1).detach()


def marginals(model: Any, points: "Tensor") -> tuple["Tensor", "Tensor"]:  # noqa: ANN401 - untyped
    """Posterior means and variances of noise-free utilities, standardised. Shapes (s, m), from (m, d)."""
    import torch

    with torch.no_grad():
        parts = [model.posterior(part).distribution for part in torch.split(points, _TOGETHER)]
        means = torch.cat([part.mean for part in parts], dim=-1)
        # The diagonal itself: `variance` would warn of rounding below zero, which callers expect.
        diagonals = [part.lazy_covariance_matrix.diagonal(dim1=-2, dim2=-1) for part in parts]
        return means, torch.cat(diagonals, dim=-1)


def joint_draws(model: Any, points: "Tensor", normal: "Tensor", ridge: float) -> "Tensor":  # noqa: ANN401 - untyped
    """Joint draws of noise-free utilities, standardised.

    Args:
        model: The fitted model.
        points: Feature vectors. Shape (b, d).
        normal: Standard normal numbers. Shape (draws, s, b).
        ridge: Added to the posterior variances, so that nearly equal points can be drawn.

    Returns:
        Shape (draws, s, b).
    """
    import torch

    with torch.no_grad():
        drawn: Tensor = model.posterior(points).distribution.add_jitter(ridge).rsample(base_samples=normal)
        return drawn


@cache
def _kernel_class() -> Any:  # noqa: ANN401 - a class made late, so that importing this module loads no torch
    import torch
    from gpytorch.kernels import Kernel

    class RecipeKernel(Kernel):  # type: ignore[misc]  # gpytorch ships no types
        """The covariance of `kernel.py`; its parameters are the logarithms, noise left out."""

        def __init__(self, layout: Layout, log_hyper: "Tensor") -> None:
            super().__init__(batch_shape=log_hyper.shape[:1])
            self.layout = layout
            self.register_parameter("log_hyper", torch.nn.Parameter(log_hyper.clone()))

        def forward(self, x1: "Tensor", x2: "Tensor", diag: bool = False, **_: object) -> "Tensor":  # noqa: FBT001, FBT002 - gpytorch's signature
            if diag:
                return variance(self.log_hyper, x1, self.layout)
            return covariance(self.log_hyper, x1, x2, self.layout)

    return RecipeKernel
