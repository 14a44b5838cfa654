"""What the measurements of a search say about every subset that it tried."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.solver.arena import Arena, seed_for
from autoselection_core.solver.layout import Features
from autoselection_core.solver.surrogate import Fitting, Numbers, Surrogate, fit
from autoselection_core.solver.tried import Tried, utilities_of


@dataclass(frozen=True, eq=False)
class Belief:
    """A surrogate with what it was learned from.

    Attributes:
        tried: Every tried subset.
        features: Their feature vectors. Shape (b, d).
        places: For each measurement, which subset it measured.
        surrogate: Learned from the measurements.
        means: Posterior mean of each tried subset. Shape (b,).
        deviations: Posterior standard deviation of each tried subset. Shape (b,).
    """

    tried: tuple[Tried, ...]
    features: Features
    places: tuple[int, ...]
    surrogate: Surrogate
    means: Numbers
    deviations: Numbers

    @property
    def incumbent(self) -> int:
        """Place of the measured subset with the highest posterior mean, the first of equals."""
        return self.ranked[0]

    @property
    def ranked(self) -> list[int]:
        """Places of the measured subsets, highest posterior mean first."""
        order = np.argsort(-self.means, kind="stable")
        return [int(place) for place in order if self.tried[place].utilities]


def belief_of(arena: Arena, tried: Sequence[Tried]) -> Belief:
    """Learn from what was measured. There must be a measurement."""
    policy = arena.policy
    features = arena.describe_subsets([one.subset for one in tried])
    places, utilities = utilities_of(tried)
    fitting = Fitting(
        policy.draws,
        policy.most_sampled,
        policy.noise_prior,
        policy.noise_spread,
        seed_for("surrogate", arena.seed, len(utilities)),
    )
    surrogate = fit(features[places], utilities, arena.describer.layout, fitting)
    means, deviations = surrogate.posterior(features)
    return Belief(tuple(tried), features, tuple(places), surrogate, means, deviations)
