"""Logarithm of the noisy expected improvement over a finite set of candidates.

The best utility so far is unknown, because observations are noisy and some evaluations are still running. So
it is drawn from the posterior, jointly over all tried and pending candidates, and the expected improvement on
each draw is averaged (Letham et al. 2019). A candidate that was tried has nothing to add: its value is known
on every draw.

BoTorch's `qLogNoisyExpectedImprovement` estimates the same number by drawing tried and new candidates
together, because it must be differentiable for a search over continuous inputs. Here the candidates are a
finite set, so no gradient is needed. Given one draw of the tried candidates' utilities, that of a new one is
normal, so the inner expectation is exact, and only the tried candidates are drawn, from the BoTorch model's
joint posterior. The draws share a covariance, so conditioning on them is one solve, not one model a draw.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from autoselection_core.solver.acquisition.expected_improvement import log_expected_improvement
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.bkb import SparseModel, distinct
from autoselection_core.solver.surrogate.botorch_model import JITTER
from autoselection_core.solver.surrogate.gp import Numbers, Surrogate
from autoselection_core.solver.surrogate.kernel import RIDGE, cholesky, covariance, solve_lower, variance

if TYPE_CHECKING:
    from torch import Tensor

_DRAWS = 16
"""Joint draws of the tried candidates' utilities under each hyper-parameter vector."""


@dataclass(frozen=True, eq=False)
class Improvement:
    """Noisy expected improvement on the tried and pending candidates, as a function of any candidates.

    Attributes:
        surrogate: The fitted surrogate.
        base: Feature vectors of the distinct evaluated and pending candidates, or the dictionary of a
            sparse surrogate. Shape (b, d), b > 0.
        root: Roots of the prior covariances of the base. Shape (s, b, b).
        weights: Factors of a candidate's covariances with the base, which give its mean on each draw of the
            base's utilities. Shape (s, b, draws).
        best: The best utility of the base on each draw, standardised. Shape (s, 1, draws).
    """

    surrogate: Surrogate
    base: "Tensor"
    root: "Tensor"
    weights: "Tensor"
    best: "Tensor"

    @classmethod
    def over(cls, surrogate: Surrogate, observed: Features, seed: int) -> Self:
        """The improvement on the best tried or pending candidate.

        Args:
            surrogate: The fitted surrogate.
            observed: Feature vectors of the distinct evaluated and pending candidates. Shape (b, d), b > 0.
            seed: Seed of the joint draws.
        """
        import torch

        base = _tensor(surrogate.layout.pad_features(observed))
        if isinstance(surrogate.model, SparseModel):
            return cls(surrogate, *_by_dictionary(surrogate.model, base, seed))
        if surrogate.layout.fidelities:
            base = torch.cat([base, _aside(surrogate)])
        truths, root = _truths(surrogate, base, seed), _observed_root(surrogate, base)
        best = truths[:, : len(observed)].max(-2, keepdim=True).values
        return cls(surrogate, base, root, torch.cholesky_solve(truths, root), best)

    def log_value(self, candidates: Features) -> Numbers:
        """Logarithms of the gains in units of utility, from feature vectors (m, d). Shape (m,)."""
        import torch

        log_hyper, layout = self.surrogate.log_hyper, self.surrogate.layout
        points = _tensor(layout.pad_features(candidates))
        cross = covariance(log_hyper, points, self.base, layout)
        explained = solve_lower(self.root, cross.mT)
        left = variance(log_hyper, points, layout) - (explained**2).sum(-2)
        spread = left.clamp_min(JITTER).sqrt()
        gains = (cross @ self.weights - self.best) / spread[..., None]
        logs = log_expected_improvement(gains) + spread[..., None].log()
        averaged = torch.logsumexp(logs, dim=(0, 2)) - np.log(logs.shape[0] * logs.shape[2])
        return np.asarray(averaged.numpy() + np.log(self.surrogate.standard.scale))


def log_noisy_expected_improvement(
    surrogate: Surrogate, candidates: Features, observed: Features, seed: int
) -> Numbers:
    """The logarithm of the expected improvement on the best tried or pending candidate.

    Args:
        surrogate: The fitted surrogate.
        candidates: Feature vectors of the candidates. Shape (m, d).
        observed: Feature vectors of the distinct evaluated and pending candidates. Shape (b, d), b > 0.
        seed: Seed of the joint draws.

    Returns:
        Logarithms of gains in units of utility. Shape (m,).
    """
    return Improvement.over(surrogate, observed, seed).log_value(candidates)


def _by_dictionary(
    model: SparseModel, observed: "Tensor", seed: int
) -> tuple["Tensor", "Tensor", "Tensor", "Tensor"]:
    """Base, root, weights and best of a sparse surrogate, whose dictionary replaces all tried points."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    whitened, best = (
        torch.randn((len(model.log_hyper), rows, _DRAWS), generator=generator, dtype=observed.dtype)
        for rows in (len(model.inducing), len(observed))
    )
    drawn = model.dictionary_draws(whitened)
    weights = torch.linalg.solve_triangular(model.root.mT, drawn, upper=True)
    return model.inducing, model.root, weights, model.best_of(observed, drawn, best)


def _truths(surrogate: Surrogate, base: "Tensor", seed: int) -> "Tensor":
    """Standardised utilities that the tried candidates may have, given the data. Shape (s, b, draws)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    shape = (len(surrogate.log_hyper), len(base), _DRAWS // 2)
    normal = torch.randn(shape, generator=generator, dtype=base.dtype).permute(2, 0, 1)
    mirrored = torch.cat([normal, -normal])
    return surrogate.draws(base, mirrored, RIDGE).permute(1, 2, 0)


def _aside(surrogate: Surrogate) -> "Tensor":
    """Distinct observations at lower fidelities, which inform about candidates too. Shape (o, d)."""
    (points,), layout = surrogate.model.train_inputs, surrogate.layout
    is_cheap = (points[..., layout.fidelity_columns] > 0).any(-1)
    return distinct(points[is_cheap])


def _observed_root(surrogate: Surrogate, base: "Tensor") -> "Tensor":
    return cholesky(covariance(surrogate.log_hyper, base, base, surrogate.layout), RIDGE)


def _tensor(features: Features) -> "Tensor":
    import torch

    return torch.from_numpy(features)
