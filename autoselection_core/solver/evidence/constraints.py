"""Constraints on candidates: probability of success, and floors of benchmark scores.

A benchmark's score is unknown before training: each floor has a surrogate of its own, and the expected
improvement of a candidate is multiplied by the probability that it keeps to every floor
(Gardner et al. 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Mask
from autoselection_core.solver.evidence.observations import ObservedSubset
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, Surrogate, fit

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


_MORE_LIKELY_THAN_NOT = 0.5


@dataclass(frozen=True, eq=False)
class Floor:
    """Floor of one benchmark, with a surrogate of its scores.

    Attributes:
        benchmark: Its name.
        min_score: The score that a subset has to reach, in the benchmark's unit.
        surrogate: Learned from the benchmark's scores.
    """

    benchmark: str
    min_score: float
    surrogate: Surrogate

    def log_value(self, candidates: Features) -> Numbers:
        """Logarithms of the probabilities that candidates keep to it. Shape (m,)."""
        from scipy.stats import norm

        means, deviations = self.surrogate.posterior(candidates)
        return np.asarray(norm.logcdf((means - self.min_score) / deviations))


def floors_of(
    observed: Sequence[ObservedSubset], features: Features, layout: Layout, policy: Policy, fitting: Fitting
) -> tuple[Floor, ...]:
    """Surrogates of the benchmarks with a floor; one with fewer than two scores has none yet.

    Args:
        observed: The tried subsets.
        features: Their feature vectors. Shape (b, d).
        layout: Layout of the columns.
        policy: With the floors.
        fitting: Settings of the fit.
    """
    floors = []
    for benchmark, min_score in policy.floors:
        surrogate = surrogate_of_benchmark(observed, features, layout, benchmark, fitting)
        if surrogate is not None:
            floors.append(Floor(benchmark, min_score, surrogate))
    return tuple(floors)


def surrogate_of_benchmark(
    observed: Sequence[ObservedSubset], features: Features, layout: Layout, benchmark: str, fitting: Fitting
) -> Surrogate | None:
    """Surrogate of one benchmark's scores, in its unit; None from fewer than two scores."""
    seen = [
        (place, scores[benchmark])
        for place, one in enumerate(observed)
        for scores in one.scores
        if benchmark in scores
    ]
    if len(seen) <= 1:
        return None
    places, values = zip(*seen, strict=True)
    return fit(layout.pad_features(features[list(places)]), np.array(values), layout, fitting)


def keeps_to(floors: Sequence[Floor], features: Features) -> Mask:
    """Mask of subsets that keep to every floor more likely than not. Shape (m,)."""
    likely = [floor.log_value(features) >= np.log(_MORE_LIKELY_THAN_NOT) for floor in floors]
    return np.asarray(np.all([np.ones(len(features), np.bool_), *likely], axis=0))
