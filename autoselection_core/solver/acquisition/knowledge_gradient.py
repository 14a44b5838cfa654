"""Knowledge gradient of low-fidelity scores: how much better the next full training is chosen with them.

A plan buys m cheap scores and then one full training. Its gain is the expected improvement, at full fidelity,
of the candidate that looks best once the scores are known: a knowledge gradient over the expected improvement
(Frazier et al. 2009 for the idea), through the joint posterior of both fidelities. Under one vector of
hyper-parameters the scores move all means linearly, so only the movement is drawn. Where a fidelity has
little to do with the full one, nothing moves, and a plan gains no more than the full training alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from autoselection_core.solver.acquisition.expected_improvement import expected_improvement
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.botorch_model import JITTER
from autoselection_core.solver.surrogate.gp import Surrogate, covariance_root
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance
from autoselection_core.solver.surrogate.kernel import RIDGE, cholesky, covariance, solve_lower
from autoselection_core.solver.surrogate.mixture import subsample_rows

if TYPE_CHECKING:
    from torch import Tensor

_DRAWS = 64
"""Movements of the means that are drawn under each hyper-parameter vector."""

_MAX_LEARNED = 300
"""Observations that a lookahead conditions on at most."""


@dataclass(frozen=True, eq=False)
class Lookahead:
    """Some candidates with their joint posterior, at full fidelity and at a cheaper one; standardised.

    Attributes:
        mean: Means of the tried, of the candidates, and of their cheap scores. Shape (s, b + n + n).
        cov: Covariances of the same. Shape (s, b + n + n, b + n + n).
        noise: Run-to-run variance. Shape (s,).
        observed: Number of tried points, b.
        scale: Utility of one standardised unit.
        seed: Seed of the draws.
    """

    mean: "Tensor"
    cov: "Tensor"
    noise: "Tensor"
    observed: int
    scale: float
    seed: int

    def order(self, places: Sequence[int]) -> list[int]:
        """Some candidates, those that are most often the best of all of them first."""
        import torch

        generator = torch.Generator().manual_seed(self.seed)
        count = self.mean.shape[-1] - self._candidates
        full = slice(0, count)
        root = cholesky(self.cov[:, full, full], RIDGE)
        normal = torch.randn((len(root), count, _DRAWS), generator=generator, dtype=root.dtype)
        draws = self.mean[:, full, None] + root @ normal
        best = draws[:, self.observed :].argmax(1).flatten()
        wins = torch.bincount(best, minlength=self._candidates).tolist()
        return sorted(places, key=lambda place: (-wins[place], place))

    def gain(self, scored: Sequence[int]) -> float:
        """The gain of a full training that is chosen after cheap scores of some candidates, in utility.

        Args:
            scored: Places of the candidates that are scored first; none for a full training alone.
        """
        import torch

        full = slice(0, self.mean.shape[-1] - self._candidates)
        mean, left = self.mean[:, full, None], torch.diagonal(self.cov[:, full, full], dim1=-2, dim2=-1)
        if scored:
            at = [full.stop + place for place in scored]
            root = cholesky(self.cov[:, at][:, :, at], self.noise + JITTER)
            moved = solve_lower(root, self.cov[:, at, full])
            generator = torch.Generator().manual_seed(self.seed)
            half = torch.randn((len(root), len(at), _DRAWS // 2), generator=generator, dtype=root.dtype)
            mean = mean + moved.mT @ torch.cat([half, -half], dim=-1)
            left = left - (moved**2).sum(-2)
        spread = left[:, self.observed :, None].clamp_min(JITTER).sqrt()
        best = mean[:, : self.observed].max(1, keepdim=True).values
        z = (mean[:, self.observed :] - best) / spread
        improvement = spread * expected_improvement(z)
        return float(improvement.max(1).values.mean()) * self.scale

    @property
    def _candidates(self) -> int:
        return (self.mean.shape[-1] - self.observed) // 2


def look_ahead(
    surrogate: Surrogate, observed: Features, candidates: Features, fidelity: int, seed: int
) -> Lookahead:
    """The joint posterior of some candidates at both fidelities.

    Args:
        surrogate: Fitted to scores at the fidelity, too.
        observed: Feature vectors of measured subsets. Shape (b, d).
        candidates: Feature vectors of candidates that have no score at the fidelity. Shape (n, d).
        fidelity: Which of the surrogate's fidelities.
        seed: Seed of the draws.
    """
    import torch

    layout, hyper = surrogate.layout, surrogate.log_hyper
    cheap = layout.pad_features(candidates)
    cheap[:, layout.fidelity_columns.start + fidelity] = 1.0
    cheap[:, layout.fidelity_columns.stop] = -1.0 - np.arange(len(cheap))  # none of them is another's subset
    points = np.concatenate([layout.pad_features(observed), layout.pad_features(candidates), cheap])
    (seen,), targets = surrogate.model.train_inputs, surrogate.model.train_targets
    rows = torch.from_numpy(subsample_rows(seen.numpy(), _MAX_LEARNED))
    asked, noise = torch.from_numpy(points), noise_variance(hyper)
    relative = None if surrogate.relative is None else surrogate.relative[rows]
    root = covariance_root(hyper, seen[rows], layout, relative)
    explained = solve_lower(root, covariance(hyper, seen[rows], asked, layout))
    known = targets.reshape(-1)[: len(seen)][rows]
    white = solve_lower(root, known[None, :, None].expand(len(hyper), -1, 1))
    mean = (explained.mT @ white)[..., 0]
    cov = covariance(hyper, asked, asked, layout) - explained.mT @ explained
    return Lookahead(mean, cov, noise, len(observed), surrogate.standard.scale, seed)
