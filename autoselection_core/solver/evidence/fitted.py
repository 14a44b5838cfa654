"""What the measurements of a search say about every subset that it tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autoselection_core.solver.context import Arena, seed_for
from autoselection_core.solver.evidence.constraints import Floor, floors_of, keeps_to
from autoselection_core.solver.evidence.low_fidelity import at_fidelities, levels_of, trusted
from autoselection_core.solver.evidence.observations import Hint, Lesson, Tried, utilities_of
from autoselection_core.solver.evidence.tail_compression import pulled_in
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, Surrogate, fit

HINT = -2
"""Place of a score at a cheaper fidelity, which measures no subset."""


@dataclass(frozen=True, eq=False)
class Belief:
    """A surrogate with what it was learned from.

    Attributes:
        tried: Every tried subset.
        features: Their feature vectors. Shape (b, d).
        places: For each measurement, which subset it measured; -1 for those of an earlier search, `HINT` for
            those at a cheaper fidelity.
        surrogate: Learned from the measurements.
        means: Posterior mean of each tried subset. Shape (b,).
        deviations: Posterior standard deviation of each tried subset. Shape (b,).
        lessons: What an earlier search measured.
        floors: What is believed of benchmarks that must not fall below a score.
        hints: What was measured at cheaper fidelities.
        trust: Cheaper fidelities that were learned from, in the order of the surrogate's columns, and the
            highest correlation with the full one that each may have: the one that was measured.
    """

    tried: tuple[Tried, ...]
    features: Features
    places: tuple[int, ...]
    surrogate: Surrogate
    means: Numbers
    deviations: Numbers
    lessons: tuple[Lesson, ...] = ()
    floors: tuple[Floor, ...] = ()
    hints: tuple[Hint, ...] = ()
    trust: Mapping[str, float] = field(default_factory=dict)

    @property
    def incumbent(self) -> int:
        """Place of the measured subset with the highest posterior mean, the first of equals."""
        return self.ranked[0]

    @property
    def ranked(self) -> list[int]:
        """Places of the measured subsets: those that keep to the floors first, then by posterior mean."""
        order = np.lexsort((-self.means, ~keeps_to(self.floors, self.features)))
        return [int(place) for place in order if self.tried[place].utilities]


def belief_of(
    arena: Arena, tried: Sequence[Tried], lessons: Sequence[Lesson] = (), hints: Sequence[Hint] = ()
) -> Belief:
    """Learn from what was measured. There must be a measurement of this search at full fidelity."""
    policy, trust = arena.policy, trusted(hints, tried)
    heeded = [hint for hint in hints if hint.entry.fidelity in trust]
    layout = replace(arena.describer.layout, has_earlier=bool(lessons), trust=tuple(trust.values()))
    features = arena.describe_subsets([one.subset for one in tried])
    places, utilities = utilities_of(tried)
    fitting = fitting_of(arena, len(utilities))
    points = layout.completed(features[places])
    if lessons:
        points = np.concatenate([points, layout.completed(_origins(arena, lessons))])
        places += [-1] * len(lessons)
        utilities = np.concatenate([utilities, _levelled(lessons, utilities)])
    utilities = pulled_in(utilities, policy.pull_in, policy.noise_prior or 0.0)
    if heeded:
        points = np.concatenate([points, at_fidelities(arena, layout, heeded, list(trust))])
        own = {one.name: float(np.mean(utilities[rows])) for one, rows in _measured(tried, places)}
        places += [HINT] * len(heeded)
        utilities = np.concatenate([utilities, levels_of(heeded, own, policy.pull_in)])
    surrogate = fit(points, utilities, layout, fitting)
    means, deviations = surrogate.posterior(features)
    floors = floors_of(tried, features, arena.describer.layout, policy, fitting)
    return Belief(
        tuple(tried),
        features,
        tuple(places),
        surrogate,
        means,
        deviations,
        tuple(lessons),
        floors,
        tuple(hints),
        trust,
    )


def fitting_of(arena: Arena, measurements: int) -> Fitting:
    """How hyper-parameters are found after so many measurements."""
    policy = arena.policy
    seed = seed_for("surrogate", arena.seed, measurements)
    return Fitting(
        policy.draws,
        policy.most_sampled,
        policy.noise_prior,
        policy.noise_spread,
        seed,
        policy.surrogate,
    )


def _origins(arena: Arena, lessons: Sequence[Lesson]) -> Features:
    """Feature vectors of an earlier search's observations, with the columns that tell them apart."""
    names = list(dict.fromkeys(lesson.subset.fingerprint for lesson in lessons))
    origins = [
        [1.0, 1.0 - lesson.entry.similarity, 1.0 + names.index(lesson.subset.fingerprint)]
        for lesson in lessons
    ]
    return np.concatenate([arena.describe_subsets([lesson.subset for lesson in lessons]), origins], axis=1)


def _levelled(lessons: Sequence[Lesson], utilities: Numbers) -> Numbers:
    """Earlier utilities around the mean of this search's: another model or metric has another level."""
    earlier = np.array([lesson.entry.utility for lesson in lessons])
    return np.asarray(earlier - earlier.mean() + utilities.mean())


def _measured(tried: Sequence[Tried], places: Sequence[int]) -> Iterator[tuple[Tried, list[int]]]:
    for place, one in enumerate(tried):
        if rows := [row for row, other in enumerate(places) if other == place]:
            yield one, rows
