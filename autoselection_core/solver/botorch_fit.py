"""The most probable hyper-parameters, found by BoTorch.

A `SingleTaskGP` over the same covariance as everywhere else (`kernel.py`), fitted by L-BFGS on the marginal
likelihood plus the log-normal beliefs. Taken where a policy asks for one draw instead of an average.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from autoselection_core.solver.hyper import Prior
from autoselection_core.solver.kernel import covariance
from autoselection_core.solver.layout import Layout

if TYPE_CHECKING:
    from torch import Tensor


def most_probable(points: "Tensor", targets: "Tensor", layout: Layout, belief: Prior) -> "Tensor":
    """The logarithms of the hyper-parameters at the maximum a posteriori. Shape (1, p).

    Args:
        points: Feature vectors of the observations. Shape (n, d).
        targets: Standardised utilities. Shape (n,).
        layout: What the columns are.
        belief: The log-normal beliefs; the search starts at their medians.
    """
    import torch
    from botorch.fit import fit_gpytorch_mll
    from gpytorch.mlls import ExactMarginalLogLikelihood

    with torch.enable_grad():
        model = botorch_model(points, targets, layout, belief)
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    log_noise = 0.5 * model.likelihood.noise.detach().log()
    return torch.cat([model.covar_module.log_hyper.detach(), log_noise])[None]


def botorch_model(points: "Tensor", targets: "Tensor", layout: Layout, belief: Prior) -> Any:  # noqa: ANN401 - untyped
    """A `SingleTaskGP` with mean zero, the shared covariance and one noise level."""
    import torch
    from botorch.models import SingleTaskGP
    from gpytorch.constraints import GreaterThan
    from gpytorch.likelihoods import GaussianLikelihood
    from gpytorch.means import ZeroMean
    from gpytorch.priors import LogNormalPrior

    mean, spread = torch.from_numpy(belief.mean), torch.from_numpy(belief.spread)
    median = float(2 * mean[-1])
    likelihood = GaussianLikelihood(
        # A log-normal standard deviation with spread s is a log-normal variance with spread 2 s.
        noise_prior=LogNormalPrior(median, float(2 * spread[-1])),
        noise_constraint=GreaterThan(1e-6, transform=None, initial_value=mean[-1].mul(2).exp()),
    )
    return SingleTaskGP(
        points,
        targets[:, None],
        likelihood=likelihood,
        covar_module=_kernel_class()(layout, mean[:-1], spread[:-1]),
        mean_module=ZeroMean(),
        outcome_transform=None,
    )


@cache
def _kernel_class() -> Any:  # noqa: ANN401 - a class made late, so that importing this module loads no torch
    import torch
    from gpytorch.kernels import Kernel
    from gpytorch.priors import NormalPrior

    class RecipeKernel(Kernel):  # type: ignore[misc]  # gpytorch ships no types
        """The covariance of `kernel.py`, with its logarithms as trainable parameters."""

        def __init__(self, layout: Layout, mean: "Tensor", spread: "Tensor") -> None:
            super().__init__()
            self.layout = layout
            self.register_parameter("log_hyper", torch.nn.Parameter(mean.clone()))
            self.register_prior(
                "log_hyper_prior", NormalPrior(mean, spread), lambda kernel: kernel.log_hyper, None
            )

        def forward(self, x1: "Tensor", x2: "Tensor", diag: bool = False, **_: object) -> "Tensor":  # noqa: FBT001, FBT002 - gpytorch's signature
            unused_noise = torch.zeros(1, dtype=x1.dtype)
            log_hyper = torch.cat([self.log_hyper, unused_noise])[None]
            full = covariance(log_hyper, x1, x2, self.layout)[0]
            return full.diagonal() if diag else full

    return RecipeKernel
