"""A Gaussian process over thousands of observations: BKB (Calandriello et al. 2019).

All observations are explained by a dictionary of some of them. Whatever the dictionary does not span stays
in the variance as uncertainty: a plain low-rank process would be sure of points far from its dictionary.
Points enter the dictionary by chance, in proportion to how little is known about them, so it grows with what
there is to know and not with the number of observations: the cost is linear in that.

With z(x) = K_SS^(-1/2) k_S(x) and V = Z Z' + noise I, the mean is z(x)' V^-1 Z y and the variance
k(x, x) - z(x)'z(x) + noise z(x)' V^-1 z(x).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance
from autoselection_core.solver.surrogate.kernel import RIDGE, cholesky, covariance, solve_lower, variance

if TYPE_CHECKING:
    from torch import Tensor

MAX_INDUCING = 400
"""Points of a dictionary on average, at most: its cost grows with their square."""

_OVERSAMPLING = 4.0
"""Probability that a point enters the dictionary, per variance in units of the noise; BKB's practice is 2 to
10."""

_TOGETHER = 1024


@dataclass(frozen=True, eq=False)
class SparseModel:
    """Posterior through a dictionary of inducing points, for several hyper-parameter vectors.

    Attributes:
        layout: Layout of a feature vector.
        log_hyper: Logarithms of the hyper-parameters. Shape (s, p).
        points: Feature vectors of the observations. Shape (n, d).
        train_targets: Standardised utilities. Shape (n,).
        inducing: The dictionary. Shape (m, d).
        root: Roots of its prior covariances. Shape (s, m, m).
        precision: Roots of V. Shape (s, m, m).
        mean: V^-1 Z y. Shape (s, m, 1).
    """

    layout: Layout
    log_hyper: "Tensor"
    points: "Tensor"
    train_targets: "Tensor"
    inducing: "Tensor"
    root: "Tensor"
    precision: "Tensor"
    mean: "Tensor"

    @property
    def train_inputs(self) -> tuple["Tensor"]:
        """The observations, under the name that BoTorch's models have for them."""
        return (self.points,)

    def marginals(self, points: "Tensor") -> tuple["Tensor", "Tensor"]:
        """Posterior means and variances of noise-free utilities, standardised. Shapes (s, k), from (k, d)."""
        import torch

        parts = [self._marginals(part) for part in torch.split(points, _TOGETHER)]
        return torch.cat([mean for mean, _ in parts], -1), torch.cat([spread for _, spread in parts], -1)

    def condition_on(self, rows: list[int]) -> "SparseModel":
        """The same dictionary and hyper-parameters with some of the observations only."""
        return condition_sparse(
            self.points[rows], self.train_targets[rows], self.layout, self.log_hyper, self.inducing
        )

    def joint_draws(self, points: "Tensor", normal: "Tensor", ridge: float) -> "Tensor":
        """Joint draws of utilities without noise, from normal numbers of that shape (draws, s, b)."""
        import torch

        features, left = self._features(points)
        known = solve_lower(self.precision, features)
        noise = noise_variance(self.log_hyper)[:, None, None]
        root = cholesky(noise * (known.mT @ known) + torch.diag_embed(left), ridge)
        middle = (features * self.mean).sum(-2)
        return middle + (root @ normal.permute(1, 2, 0)).permute(2, 0, 1)

    def dictionary_draws(self, normal: "Tensor") -> "Tensor":
        """Draws of the dictionary's whitened utilities, from standard normal numbers (s, m, draws)."""
        import torch

        scale = noise_variance(self.log_hyper).sqrt()[:, None, None]
        spread: Tensor = torch.linalg.solve_triangular(self.precision.mT, normal, upper=True)
        return self.mean + scale * spread

    def best_of(self, points: "Tensor", whitened: "Tensor", normal: "Tensor") -> "Tensor":
        """The best utility among points on each draw of the dictionary.

        Args:
            points: Shape (b, d).
            whitened: From `dictionary_draws`. Shape (s, m, draws).
            normal: Standard normal numbers for what the dictionary does not span. Shape (s, b, draws).

        Returns:
            Shape (s, 1, draws).
        """
        import torch

        best = []
        for start in range(0, len(points), _TOGETHER):
            part = points[start : start + _TOGETHER]
            features, left = self._features(part)
            drawn = features.mT @ whitened + left.sqrt()[..., None] * normal[:, start : start + _TOGETHER]
            best.append(drawn.max(-2, keepdim=True).values)
        return torch.cat(best, -2).max(-2, keepdim=True).values

    def _marginals(self, points: "Tensor") -> tuple["Tensor", "Tensor"]:
        features, left = self._features(points)
        known = solve_lower(self.precision, features)
        noise = noise_variance(self.log_hyper)[:, None]
        return (features * self.mean).sum(-2), left + noise * (known**2).sum(-2)

    def _features(self, points: "Tensor") -> tuple["Tensor", "Tensor"]:
        """Features z of some points, shape (s, m, k), and the variance that they leave, shape (s, k)."""
        features = solve_lower(self.root, covariance(self.log_hyper, self.inducing, points, self.layout))
        left = variance(self.log_hyper, points, self.layout) - (features**2).sum(-2)
        return features, left.clamp_min(0.0)


def fit_sparse(
    points: "Tensor", targets: "Tensor", layout: Layout, log_hyper: "Tensor", *, first: "Tensor", seed: int
) -> SparseModel:
    """Learn from observations through a dictionary that is drawn anew for them.

    Args:
        points: Feature vectors of the observations. Shape (n, d).
        targets: Standardised utilities. Shape (n,).
        layout: Layout of the columns.
        log_hyper: Logarithms of the hyper-parameters. Shape (s, p).
        first: Varied points, by which it is judged how much is unknown where.
        seed: Of the dictionary.
    """
    import torch

    rough = condition_sparse(points, targets, layout, log_hyper, first)
    _, variances = rough.marginals(points)
    unknown = (variances / noise_variance(log_hyper)[:, None]).mean(0)
    chance = (_OVERSAMPLING * unknown).clamp_max(1.0)
    chance = chance * min(1.0, MAX_INDUCING / float(chance.sum()))
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.rand(len(points), generator=generator, dtype=points.dtype) < chance
    inducing = distinct(torch.cat([first, points[drawn]]))
    return condition_sparse(points, targets, layout, log_hyper, inducing)


def distinct(points: "Tensor") -> "Tensor":
    """Every point once: a replicate would make a dictionary's covariance singular."""
    import torch

    found: Tensor = torch.unique(points, dim=0)
    return found


def condition_sparse(
    points: "Tensor", targets: "Tensor", layout: Layout, log_hyper: "Tensor", inducing: "Tensor"
) -> SparseModel:
    """The model for a given dictionary, shape (m, d); the observations are read in parts."""
    import torch

    count = len(inducing)
    root = cholesky(covariance(log_hyper, inducing, inducing, layout), RIDGE)
    gram = noise_variance(log_hyper)[:, None, None] * torch.eye(count, dtype=points.dtype)
    told = torch.zeros((len(log_hyper), count, 1), dtype=points.dtype)
    for part, seen in zip(torch.split(points, _TOGETHER), torch.split(targets, _TOGETHER), strict=True):
        features = solve_lower(root, covariance(log_hyper, inducing, part, layout))
        gram = gram + features @ features.mT
        told = told + features @ seen[:, None]
    precision = cholesky(gram, 0.0)
    mean = torch.cholesky_solve(told, precision)
    return SparseModel(layout, log_hyper, points, targets, inducing, root, precision, mean)
