"""Parts of the posterior: mixtures of normals, Student-t weights and a subsample of the data."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from autoselection_core.solver.feature_layout import Features

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


_NEWEST_SHARE = 0.25
"""Share of the selection that goes to the newest observations."""


def subsample_rows(features: Features, count: int) -> npt.NDArray[np.int64]:
    """At most `count` rows in ascending order; replicates of a chosen row come last, at distance 0.

    Args:
        features: Feature vectors of the observations, oldest first. Shape (n, d).
        count: Number of rows to choose, at least 1.
    """
    size = len(features)
    if size <= count:
        return np.arange(size)
    chosen = list(range(size - max(1, round(_NEWEST_SHARE * count)), size))
    gaps = np.min([_gaps(features, place) for place in chosen], axis=0)
    while len(chosen) < count:
        gaps[chosen] = -1.0
        chosen.append(int(np.argmax(gaps)))
        gaps = np.minimum(gaps, _gaps(features, chosen[-1]))
    return np.sort(np.array(chosen, np.int64))


def _gaps(features: Features, place: int) -> Features:
    return np.asarray(((features - features[place]) ** 2).sum(axis=1))


if TYPE_CHECKING:
    from torch import Tensor

_HALVINGS = 60
"""Halvings of a bracket; after these float64 has no point between its ends."""

_FAR = 10.0
"""Standard deviations around every part's mean that hold all quantiles."""


def quantiles(means: "Tensor", deviations: "Tensor", levels: Sequence[float]) -> "Tensor":
    """Quantiles of equally weighted normals, by bisection.

    Args:
        means: Shape (s, m).
        deviations: Above zero. Shape (s, m).
        levels: Shares strictly between 0 and 1, n of them.

    Returns:
        Shape (n, m).
    """
    import torch

    wanted = torch.as_tensor(levels, dtype=means.dtype)[:, None]
    low = (means - _FAR * deviations).min(0).values.expand(len(wanted), -1)
    high = (means + _FAR * deviations).max(0).values.expand(len(wanted), -1)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = torch.special.ndtr((middle[:, None] - means) / deviations).mean(1)
        low = torch.where(reached < wanted, middle, low)
        high = torch.where(reached < wanted, high, middle)
    return (low + high) / 2
