"""Quantiles of a mixture of normals: the posteriors under all hyper-parameter vectors together.

Vectors that explain a dozen observations equally well disagree most about what was not tried. Their mixture
has a narrower centre and heavier tails than the normal of equal mean and deviation, so intervals from the
deviation alone are too wide around the middle.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
