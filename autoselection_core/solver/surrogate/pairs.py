"""Pairs of feature vectors that a covariance is asked for: all pairs of two sets, or each point with itself.

The covariance is one formula over these operations, so its diagonal is never written a second time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

Reading: TypeAlias = Callable[["Tensor"], "Tensor"]
"""Numbers read from feature vectors of shape (..., m, d)."""


class Pairs(Protocol):
    """Pairs of feature vectors."""

    def spread(self, values: "Tensor") -> "Tensor":
        """Values of shape (s, 1) so that they broadcast against one number a pair."""
        ...

    def distance(self, read: Reading) -> "Tensor":
        """Euclidean distance between what is read of both, shape (..., m, k)."""
        ...

    def inner(self, read: Reading) -> "Tensor":
        """Inner product of what is read of both, shape (..., m, k)."""
        ...

    def product(self, read: Reading) -> "Tensor":
        """Product of one number read of each, shape (..., m)."""
        ...

    def is_same(self, column: int) -> "Tensor":
        """Mask of pairs with equal numbers in a column."""
        ...


@dataclass(frozen=True, eq=False)
class CrossPairs:
    """All pairs of two sets of points. Results have shape (..., m, n).

    Attributes:
        left: Shape (..., m, d).
        right: Shape (..., n, d).
    """

    left: "Tensor"
    right: "Tensor"

    def spread(self, values: "Tensor") -> "Tensor":
        """See `Pairs`."""
        return values[..., None]

    def distance(self, read: Reading) -> "Tensor":
        """See `Pairs`."""
        import torch

        return torch.cdist(read(self.left), read(self.right), compute_mode="donot_use_mm_for_euclid_dist")

    def inner(self, read: Reading) -> "Tensor":
        """See `Pairs`."""
        return read(self.left) @ read(self.right).mT

    def product(self, read: Reading) -> "Tensor":
        """See `Pairs`."""
        return read(self.left)[..., :, None] * read(self.right)[..., None, :]

    def is_same(self, column: int) -> "Tensor":
        """See `Pairs`."""
        same: Tensor = self.left[..., :, None, column] == self.right[..., None, :, column]
        return same


@dataclass(frozen=True, eq=False)
class SelfPairs:
    """Each point with itself. Results have shape (..., m).

    Attributes:
        points: Shape (..., m, d).
    """

    points: "Tensor"

    def spread(self, values: "Tensor") -> "Tensor":
        """See `Pairs`."""
        return values

    def distance(self, read: Reading) -> "Tensor":
        """See `Pairs`."""
        return read(self.points).new_zeros(self.points.shape[:-1])

    def inner(self, read: Reading) -> "Tensor":
        """See `Pairs`."""
        return (read(self.points) ** 2).sum(-1)

    def product(self, read: Reading) -> "Tensor":
        """See `Pairs`."""
        return read(self.points) ** 2

    def is_same(self, column: int) -> "Tensor":
        """See `Pairs`."""
        import torch

        return torch.ones_like(self.points[..., column], dtype=torch.bool)
