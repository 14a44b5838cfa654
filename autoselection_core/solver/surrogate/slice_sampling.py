"""Draws of hyper-parameters from their posterior, many chains at once.

Elliptical slice sampling (Murray, Adams, MacKay 2010): the prior over logarithms is normal, so a proposal on
an ellipse through the current point needs no step size and is accepted for sure in the end.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Generator, Tensor

LogLikelihood: TypeAlias = Callable[["Tensor"], "Tensor"]
"""From s points, shape (s, p), to s logarithms of likelihoods, shape (s,)."""

_SHRINKS = 60
"""Halvings after which a bracket is a point; a chain that needs more stays where it is."""


def slice_sample(
    likelihood: LogLikelihood,
    start: "Tensor",
    *,
    mean: "Tensor",
    spread: "Tensor",
    steps: int,
    generator: "Generator",
) -> "Tensor":
    """Move every chain by some steps towards the posterior.

    Args:
        likelihood: The logarithm of the likelihood.
        start: Start of every chain. Shape (s, p).
        mean: Means of the normal prior. Shape (p,).
        spread: Standard deviations of the prior. Shape (p,).
        steps: Moves of every chain.
        generator: Source of randomness.

    Returns:
        Where the chains end. Shape (s, p).
    """
    import torch

    points, levels = start, likelihood(start)
    for _ in range(steps):
        ellipse = torch.randn(points.shape, generator=generator, dtype=points.dtype) * spread
        uniform = torch.rand((2, len(points)), generator=generator, dtype=points.dtype)
        points, levels = _step(
            likelihood, points, levels, mean=mean, ellipse=ellipse, uniform=uniform, generator=generator
        )
    return points


def _step(
    likelihood: LogLikelihood,
    points: "Tensor",
    levels: "Tensor",
    *,
    mean: "Tensor",
    ellipse: "Tensor",
    uniform: "Tensor",
    generator: "Generator",
) -> tuple["Tensor", "Tensor"]:
    import torch

    threshold = levels + uniform[0].log()
    angle = uniform[1] * 2 * torch.pi
    low, high = angle - 2 * torch.pi, angle.clone()
    moved, reached, waiting = points.clone(), levels.clone(), torch.ones(len(points), dtype=torch.bool)
    for _ in range(_SHRINKS):
        proposal = mean + (points - mean) * angle.cos()[:, None] + ellipse * angle.sin()[:, None]
        value = likelihood(proposal)
        accepted = waiting & (value > threshold)
        moved = torch.where(accepted[:, None], proposal, moved)
        reached = torch.where(accepted, value, reached)
        waiting = waiting & ~accepted
        if not waiting.any():
            break
        low, high = torch.where(angle < 0, angle, low), torch.where(angle < 0, high, angle)
        drawn = torch.rand(len(points), generator=generator, dtype=points.dtype)
        angle = torch.where(waiting, low + drawn * (high - low), angle)
    return moved, reached
