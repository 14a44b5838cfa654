"""Surrogate fitted to all evidence of a search, with its posterior at every subset that was tried."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.constraints import Floor, floors_of, keeps_to
from autoselection_core.solver.evidence.low_fidelity import align_levels, at_fidelities, trust_limits
from autoselection_core.solver.evidence.observations import (
    LowFidelityObservation,
    ObservedSubset,
    TransferredObservation,
    compress_tail,
    utilities_of,
)
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, Surrogate, fit
from autoselection_core.solver.surrogate.priors import FIRST_PRIORS, THIRD_PRIORS

_MAX_VERSION_OF_FIRST_PRIORS = 2
"""Version of the policy up to which the surrogate has its first priors."""


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A surrogate with what it was learned from.

    Attributes:
        observed: Every tried subset.
        features: Their feature vectors. Shape (b, d).
        places: For each full evaluation of this search, which subset it measured. They are the first rows
            that the surrogate learned from; transferred observations follow, then those at lower fidelities.
        surrogate: Fitted to all of them.
        means: Posterior mean of each tried subset. Shape (b,).
        deviations: Posterior standard deviation of each tried subset. Shape (b,).
        transferred: Observations of earlier searches.
        floors: Benchmarks that must not fall below a score, with their surrogates.
        low_fidelity: Observations at lower fidelities.
        trust: Cheaper fidelities that were learned from, in the order of the surrogate's columns, and the
            highest correlation with the full one that each may have: the one that was measured.
    """

    observed: tuple[ObservedSubset, ...]
    features: Features
    places: tuple[int, ...]
    surrogate: Surrogate
    means: Numbers
    deviations: Numbers
    transferred: tuple[TransferredObservation, ...] = ()
    floors: tuple[Floor, ...] = ()
    low_fidelity: tuple[LowFidelityObservation, ...] = ()
    trust: Mapping[str, float] = field(default_factory=dict)

    @property
    def incumbent(self) -> int:
        """Place of the measured subset with the highest posterior mean, the first of equals."""
        return self.ranked[0]

    @property
    def ranked(self) -> list[int]:
        """Places of the measured subsets: those that keep to the floors first, then by posterior mean."""
        order = np.lexsort((-self.means, ~keeps_to(self.floors, self.features)))
        return [int(place) for place in order if self.observed[place].utilities]

    def rows_without(self, place: int) -> list[int]:
        """Training rows of the surrogate at full fidelity that did not measure one subset."""
        own = [row for row, other in enumerate(self.places) if other != place]
        return [*own, *range(len(self.places), len(self.places) + len(self.transferred))]


def fit_model(
    context: SearchContext,
    observed: Sequence[ObservedSubset],
    transferred: Sequence[TransferredObservation] = (),
    low_fidelity: Sequence[LowFidelityObservation] = (),
) -> FittedModel:
    """Learn from what was measured. There must be a measurement of this search at full fidelity."""
    policy, trust = context.policy, trust_limits(low_fidelity, observed)
    used = [cheap for cheap in low_fidelity if cheap.entry.fidelity in trust]
    measures = list(dict.fromkeys(transfer.entry.objective for transfer in transferred))
    layout = replace(context.describer.layout, measures=len(measures), trust=tuple(trust.values()))
    features = context.describe_subsets([one.subset for one in observed])
    places, utilities = utilities_of(observed)
    fitting = fitting_for(context, len(utilities))
    points = layout.pad_features(features[places])
    if transferred:
        points = np.concatenate([points, layout.pad_features(_origins(context, transferred, measures))])
        utilities = np.concatenate([utilities, _align_level(transferred, utilities)])
    utilities = compress_tail(utilities, policy.tail_threshold, policy.noise_prior or 0.0)
    if used:
        points = np.concatenate([points, at_fidelities(context, layout, used, list(trust))])
        own = {one.name: float(np.mean(utilities[rows])) for one, rows in _measured(observed, places)}
        utilities = np.concatenate([utilities, align_levels(used, own, policy.tail_threshold)])
    surrogate = fit(points, utilities, layout, fitting)
    means, deviations = surrogate.posterior(features)
    floors = floors_of(observed, features, context.describer.layout, policy, fitting)
    return FittedModel(
        tuple(observed),
        features,
        tuple(places),
        surrogate,
        means,
        deviations,
        tuple(transferred),
        floors,
        tuple(low_fidelity),
        trust,
    )


def fitting_for(context: SearchContext, measurements: int) -> Fitting:
    """Settings of the fit after so many measurements."""
    policy = context.policy
    seed = seed_for("surrogate", context.seed, measurements)
    return Fitting(
        policy.draws,
        policy.max_sampled,
        policy.noise_prior,
        policy.noise_spread,
        seed,
        policy.surrogate,
        THIRD_PRIORS if policy.version > _MAX_VERSION_OF_FIRST_PRIORS else FIRST_PRIORS,
    )


def _origins(
    context: SearchContext, transferred: Sequence[TransferredObservation], measures: Sequence[str | None]
) -> Features:
    """Feature vectors of earlier observations, with the columns that tell them apart."""
    names = list(dict.fromkeys(transfer.subset.fingerprint for transfer in transferred))
    origins = [
        [
            *(float(transfer.entry.objective == measure) for measure in measures),
            1.0 - transfer.entry.similarity,
            1.0 + names.index(transfer.subset.fingerprint),
        ]
        for transfer in transferred
    ]
    return np.concatenate(
        [context.describe_subsets([transfer.subset for transfer in transferred]), origins], axis=1
    )


def _align_level(transferred: Sequence[TransferredObservation], utilities: Numbers) -> Numbers:
    """Earlier utilities around the mean of this search's: another model or metric has another level.

    Those of this search's own measure stay as they are.
    """
    earlier = np.array([transfer.entry.utility for transfer in transferred])
    of_measure = np.array([str(transfer.entry.objective) for transfer in transferred])
    for measure in dict.fromkeys(transfer.entry.objective for transfer in transferred):
        rows = of_measure == str(measure)
        if measure != "":
            earlier[rows] = earlier[rows] - earlier[rows].mean() + utilities.mean()
    return earlier


def _measured(
    observed: Sequence[ObservedSubset], places: Sequence[int]
) -> Iterator[tuple[ObservedSubset, list[int]]]:
    for place, one in enumerate(observed):
        if rows := [row for row, other in enumerate(places) if other == place]:
            yield one, rows
