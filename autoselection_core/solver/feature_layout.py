"""Layout of a candidate's feature vector."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Features: TypeAlias = npt.NDArray[np.float64]
"""Descriptions of m candidates, columns in the order of a `Layout`. Shape (m, d)."""

_DRIFT = 2
"""Columns of an earlier observation beside that of its measure: drift, and the number of its subset."""


@dataclass(frozen=True)
class Layout:
    """The parts of a feature vector, in this order.

    Attributes:
        axes: State axes, each with a length scale of its own; unit spread over fresh programs.
        marginals: Cumulative histograms of the signals, so that the Euclidean distance between two vectors
            is a distance between subsets (Cramer's: the squared difference of distribution functions); its
            median over fresh programs is 1.
        program: Presence, parameter and position of every operator; unit length on average.
        groups: Number of columns of each composition group; the median distance between fresh programs is 1
            in each. Empty without a part over composition.
        measures: Number of measures of earlier observations: kinds of scores that are trusted apart. Each has
            a column, 1 for its own; two more columns, where there is any, say how far the subset has drifted,
            in [0, 1], and number the subsets.
        trust: The highest correlation with the full one that each lower fidelity may have. Each has a
            column, 1 for its own; one more column, where there is any, numbers the subsets.
    """

    axes: int
    marginals: int
    program: int
    measures: int = 0
    trust: tuple[float, ...] = ()
    groups: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Length of a feature vector."""
        known = self.axes + self.marginals + self.program + sum(self.groups)
        known += self.measures + _DRIFT if self.measures else 0
        return known + (self.fidelities + 1 if self.fidelities else 0)

    @property
    def fidelities(self) -> int:
        """Number of lower fidelities."""
        return len(self.trust)

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
        start = self.axes + self.marginals
        return slice(start, start + self.program)

    @property
    def group_columns(self) -> tuple[slice, ...]:
        """Columns of each composition group."""
        stops = np.cumsum([self.program_columns.stop, *self.groups]).tolist()
        return tuple(slice(start, stop) for start, stop in pairwise(stops))

    @property
    def origin_columns(self) -> slice:
        """Columns of where an observation comes from; empty in a cold search."""
        start = self.program_columns.stop + sum(self.groups)
        return slice(start, start + (self.measures + _DRIFT if self.measures else 0))

    @property
    def fidelity_columns(self) -> slice:
        """Columns of the lower fidelities; the column after them numbers subsets."""
        start = self.origin_columns.stop
        return slice(start, start + self.fidelities)

    def pad_features(self, features: Features) -> Features:
        """Descriptions without origin and fidelity as this search's at full fidelity. Shape (m, size)."""
        lacking = self.size - features.shape[1]
        return np.pad(features, ((0, 0), (0, lacking))) if lacking else np.ascontiguousarray(features)
