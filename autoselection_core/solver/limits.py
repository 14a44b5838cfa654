"""What a candidate must keep to: size, tokens, distance from what was tried, and floors under benchmarks.

Size, tokens and distance are known before anything is trained, so candidates beyond them are left out and
counted. A benchmark's score is not: each floor has a surrogate of its own, and the expected improvement of a
candidate is multiplied with the probability that it keeps to every floor (Gardner et al. 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from autoselection_core.arrays import Mask
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.layout import Features, Layout
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.realised import Realised
from autoselection_core.solver.surrogate import Fitting, Numbers, Surrogate, fit
from autoselection_core.solver.tried import Tried

TOO_LARGE, TOO_MANY_TOKENS, TOO_FAR = "too large", "too many tokens", "beyond the trust radius"
"""Why a realised candidate is left out."""

CLIPPED = "clipped to the trust radius"
"""Why a realised candidate was replaced by its union with a tried subset."""

_MORE_LIKELY_THAN_NOT = 0.5


def within_size(realised: Realised, signals: SignalTable, policy: Policy) -> Realised:
    """Leave out subsets with too many rows or too many tokens, and count them."""
    sizes = np.array([len(subset) for subset in realised.subsets])
    kept, _ = realised.only(sizes <= policy.largest_share * len(signals), TOO_LARGE)
    if policy.most_tokens is None:
        return kept
    tokens = np.nan_to_num(signals["tokens"].astype(np.float64))
    sums = np.array([tokens[subset.rows].sum() for subset in kept.subsets])
    return kept.only(sums <= policy.most_tokens, TOO_MANY_TOKENS)[0]


class Judges(Protocol):
    """Anything that says how much a candidate is wanted."""

    def logs(self, candidates: Features) -> Numbers:
        """A logarithm for each feature vector. Shape (m,), from (m, d)."""
        ...


@dataclass(frozen=True, eq=False)
class Floor:
    """One benchmark's floor and what is believed of its scores.

    Attributes:
        benchmark: Its name.
        least: The score that a subset has to reach, in the benchmark's unit.
        surrogate: Learned from the benchmark's scores.
    """

    benchmark: str
    least: float
    surrogate: Surrogate

    def logs(self, candidates: Features) -> Numbers:
        """Logarithms of the probabilities that candidates keep to it. Shape (m,)."""
        from scipy.stats import norm

        means, deviations = self.surrogate.posterior(candidates)
        return np.asarray(norm.logcdf((means - self.least) / deviations))


@dataclass(frozen=True, eq=False)
class Both:
    """Several judges at once: their logarithms add up."""

    judges: tuple[Judges, ...]

    def logs(self, candidates: Features) -> Numbers:
        """The sum over the judges. Shape (m,)."""
        return np.asarray(np.sum([judge.logs(candidates) for judge in self.judges], axis=0))


def floors_of(
    tried: Sequence[Tried], features: Features, layout: Layout, policy: Policy, fitting: Fitting
) -> tuple[Floor, ...]:
    """What is believed of the benchmarks with a floor; one with fewer than two scores says nothing yet.

    Args:
        tried: The tried subsets.
        features: Their feature vectors. Shape (b, d).
        layout: What the columns are.
        policy: With the floors.
        fitting: How hyper-parameters are found.
    """
    floors = []
    for benchmark, least in policy.floors:
        surrogate = surrogate_of_benchmark(tried, features, layout, benchmark, fitting)
        if surrogate is not None:
            floors.append(Floor(benchmark, least, surrogate))
    return tuple(floors)


def surrogate_of_benchmark(
    tried: Sequence[Tried], features: Features, layout: Layout, benchmark: str, fitting: Fitting
) -> Surrogate | None:
    """What is believed of one benchmark's scores, in its unit; None from fewer than two scores."""
    seen = [
        (place, scores[benchmark])
        for place, one in enumerate(tried)
        for scores in one.scores
        if benchmark in scores
    ]
    if len(seen) <= 1:
        return None
    places, values = zip(*seen, strict=True)
    return fit(layout.completed(features[list(places)]), np.array(values), layout, fitting)


def keeps_to(floors: Sequence[Floor], features: Features) -> Mask:
    """Whether subsets keep to every floor more likely than not. Shape (m,)."""
    likely = [floor.logs(features) >= np.log(_MORE_LIKELY_THAN_NOT) for floor in floors]
    return np.asarray(np.all([np.ones(len(features), np.bool_), *likely], axis=0))
