"""Student-t likelihood by weights: outliers count less.

A Student-t error is a normal one whose variance is itself drawn, anew for every observation (Tipping &
Lawrence 2005). The expected precision of an observation is (nu + 1) / (nu + r^2 / variance), with r its
distance from what all others predict, in units of that prediction's variance and the noise: an observation
must not vouch for itself, or a process with short length scales would explain every outlier.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

DEGREES_OF_FREEDOM = 4.0
"""Degrees of freedom of the errors."""

_MIN_LEFT = 1e-3
"""Share of its noise that an observation keeps at least once it is known itself."""

_ROUNDS = 6
"""Rounds within which weights settle."""

Posterior: TypeAlias = Callable[["Tensor"], tuple["Tensor", "Tensor"]]
"""From relative noise variances, shape (n,), to means and variances at the observations, shapes (s, n)."""


def relative_noise(posterior: Posterior, targets: "Tensor", noise: "Tensor", start: "Tensor") -> "Tensor":
    """The noise variance of every observation over the common one. Shape (n,).

    Args:
        posterior: The posterior under such variances.
        targets: Standardised utilities. Shape (n,).
        noise: The common noise variance under each hyper-parameter vector. Shape (s,).
        start: Relative variances of the first round. Shape (n,).
    """
    relative = start
    for _ in range(_ROUNDS):
        means, variances = posterior(relative)
        each = noise[:, None] * relative
        left = (1 - variances / each).clamp(_MIN_LEFT, 1.0)
        apart = (targets - means) / left
        expected = noise[:, None] + variances.clamp_min(0.0) / left
        precision = ((DEGREES_OF_FREEDOM + 1) / (DEGREES_OF_FREEDOM + apart**2 / expected)).mean(0)
        relative = 1 / precision
    return relative


def suspect(targets: "Tensor") -> "Tensor":
    """Starting point: relative variances as if all utilities were equal, from targets on a robust scale."""
    return ((DEGREES_OF_FREEDOM + targets**2) / (DEGREES_OF_FREEDOM + 1)).clamp_min(1.0)
