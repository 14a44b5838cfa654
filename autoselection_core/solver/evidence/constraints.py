"""Constraints on benchmark scores, learned beside the utility.

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
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, Surrogate, fit

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
    return fit(layout.completed(features[list(places)]), np.array(values), layout, fitting)


def keeps_to(floors: Sequence[Floor], features: Features) -> Mask:
    """Mask of subsets that keep to every floor more likely than not. Shape (m,)."""
    likely = [floor.log_value(features) >= np.log(_MORE_LIKELY_THAN_NOT) for floor in floors]
    return np.asarray(np.all([np.ones(len(features), np.bool_), *likely], axis=0))
