"""Expected improvement of a normal variable over a threshold, its product with other factors, and repeats.

With z the distance of the mean above the threshold, E[max(z + Z, 0)] = phi(z) + z Phi(z), Z standard normal
(Mockus 1975). The logarithm keeps an order among hopeless candidates (Ament et al. 2023).
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.gp import Numbers, Surrogate


class AcquisitionTerm(Protocol):
    """Factor of an acquisition function, such as an improvement or a probability of feasibility."""

    def log_value(self, candidates: Features) -> Numbers:
        """Logarithm of the factor for each feature vector. Shape (m,), from (m, d)."""
        ...


@dataclass(frozen=True, eq=False)
class SumOfTerms:
    """Product of acquisition factors, as the sum of their logarithms."""

    terms: tuple[AcquisitionTerm, ...]

    def log_value(self, candidates: Features) -> Numbers:
        """Sum over the terms. Shape (m,)."""
        return np.asarray(np.sum([term.log_value(candidates) for term in self.terms], axis=0))


def repeats(noise: float, deviation: float, tolerance: float) -> int:
    """Evaluations that a point deserves; at least 1.

    Args:
        noise: Run-to-run standard deviation.
        deviation: Posterior standard deviation of the point's utility without its own evaluations.
        tolerance: The factor C, from 1.

    Example:
        >>> repeats(noise=1.0, deviation=0.5, tolerance=1.5), repeats(noise=1.0, deviation=2.0, tolerance=1.5)
        (5, 1)
    """
    return max(1, math.floor((tolerance**2 - 1) * noise**2 / deviation**2))


def deviation_without(surrogate: Surrogate, point: Features, others: list[int]) -> float:
    """Posterior standard deviation at a point, learned from some of the observations only.

    Args:
        surrogate: Fitted to all observations.
        point: The point's feature vector. Shape (1, d).
        others: Rows of the observations that may be used; not empty.
    """
    return float(np.asarray(surrogate.condition_on(others).posterior(point)[1])[0])


if TYPE_CHECKING:
    from torch import Tensor

_FAR = -1e6
"""Below this, 1 - |z| sqrt(pi/2) erfcx(|z|/sqrt 2) has lost its digits and is replaced by its limit 1/z^2."""


def expected_improvement(z: "Tensor") -> "Tensor":
    """Expected improvement of a standard normal variable over -z: phi(z) + z Phi(z). Shape as z."""
    import torch

    gain: Tensor = _log_density(z).exp() + z * torch.special.ndtr(z)
    return gain


def log_expected_improvement(z: "Tensor") -> "Tensor":
    """Logarithm of `expected_improvement`, to full precision far below zero. Shape as z."""
    import torch

    density = _log_density(z)
    near = expected_improvement(z).clamp_min(1e-300).log()
    low = z.clamp(_FAR, -1.0)
    tail = density + torch.log1p(low * np.sqrt(np.pi / 2) * torch.special.erfcx(-low / np.sqrt(2.0)))
    limit = density - 2 * z.clamp_max(-1.0).abs().log()
    log_gain: Tensor = torch.where(z > -1, near, torch.where(z > _FAR / 100, tail, limit))
    return log_gain


def _log_density(z: "Tensor") -> "Tensor":
    density: Tensor = -0.5 * z**2 - 0.5 * float(np.log(2 * np.pi))
    return density
