"""Probability that an evaluation succeeds, learned from those that failed.

What fails lowers the chance of its like. With successes and failures weighed by nearness,
P(success) = (1 + sum of weights of successes) / (1 + sum of all weights).
"""

from dataclasses import dataclass

import numpy as np

from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.surrogate.gp import Numbers

_NEAR = 0.3
"""Scale of the weights, in median distances between fresh programs."""


@dataclass(frozen=True, eq=False)
class Success:
    """Probability that an evaluation succeeds, as an acquisition factor.

    Attributes:
        measured: Feature vectors of subsets that were measured. Shape (b, d).
        failed: Feature vectors of subsets that failed, not empty. Shape (f, d).
        layout: Columns of the vectors.
    """

    measured: Features
    failed: Features
    layout: Layout

    def log_value(self, candidates: Features) -> Numbers:
        """Logarithms of the probabilities. Shape (m,), from (m, d)."""
        good, bad = (self._weights(candidates, points) for points in (self.measured, self.failed))
        return np.asarray(np.log((1 + good) / (1 + good + bad)))

    def _weights(self, candidates: Features, points: Features) -> Numbers:
        gaps = distances(candidates, points, self.layout)
        return np.asarray(np.exp(-0.5 * (gaps / _NEAR) ** 2).sum(axis=1))
