"""Where the parts of a candidate's description stand in its feature vector."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Features: TypeAlias = npt.NDArray[np.float64]
"""Descriptions of m candidates, columns in the order of a `Layout`. Shape (m, d)."""


@dataclass(frozen=True)
class Layout:
    """The three parts of a feature vector, in this order.

    Attributes:
        axes: State axes, each with a length scale of its own; unit spread over fresh programs.
        marginals: Cumulative histograms of the signals, so that the Euclidean distance between two vectors
            is a distance between subsets (Cramer's: the squared difference of distribution functions); its
            median over fresh programs is 1.
        program: Presence, parameter and position of every operator; unit length on average.
    """

    axes: int
    marginals: int
    program: int

    @property
    def size(self) -> int:
        """Length of a feature vector."""
        return self.axes + self.marginals + self.program

    @property
    def state_columns(self) -> slice:
        """Columns of the state axes."""
        return slice(0, self.axes)

    @property
    def marginal_columns(self) -> slice:
        """Columns of the cumulative histograms."""
        return slice(self.axes, self.axes + self.marginals)

    @property
    def program_columns(self) -> slice:
        """Columns of the program encoding."""
        return slice(self.axes + self.marginals, self.size)
