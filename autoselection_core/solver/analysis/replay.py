"""Counterfactual replay of a policy over a search's recorded evaluations: nothing is trained.

The policy chooses among what was measured and receives the measured utility. So a replay shows how soon the
policy would have found the best of what the search tried, and not what else it would have tried.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from autoselection_core.history.search_settings import DEFAULT, PUBLISHED, RANDOM
from autoselection_core.history.values import History, Observation
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.candidates.warmup import ZONES, farthest
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.evidence.fitted import fit_model
from autoselection_core.solver.evidence.observations import (
    ObservedSubset,
    observed_subsets,
    transferred_observations,
)
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.policies.published import posterior_over_programs
from autoselection_core.solver.programs.limits import pool_rows
from autoselection_core.solver.solver import Solver

_Choose: TypeAlias = Callable[[SearchContext, History, Sequence[Observation]], int]


@dataclass(frozen=True)
class ReplayStep:
    """One evaluation of a replay beside the one that the search made at that point.

    Attributes:
        number: Number of evaluations up to here, from 1.
        trial: The recorded trial that the policy asked for.
        utility: Its measured utility.
        best: Highest utility measured so far in the replay.
        recorded_best: Highest utility that the search had measured by then.
    """

    number: int
    trial: int
    utility: float
    best: float
    recorded_best: float


def replay(solver: Solver, history: History) -> tuple[ReplayStep, ...]:
    """Let a solver choose among recorded evaluations until none is left.

    Args:
        solver: Whose policy chooses.
        history: The recorded search; pending and failed trials are left out.
    """
    with one_thread():
        context = solver.context(history.seed)
        return _steps(history.observations, _order(context, replace(history, pending=(), failures=())))


def _order(context: SearchContext, history: History) -> list[Observation]:
    seen: list[Observation] = []
    left = list(history.observations)
    while left:
        known = replace(history, observations=tuple(seen))
        seen.append(left.pop(_CHOICES[context.policy.name](context, known, left)))
    return seen


def _steps(recorded: Sequence[Observation], order: Sequence[Observation]) -> tuple[ReplayStep, ...]:
    best, recorded_best = (
        np.maximum.accumulate([one.utility for one in each]) if each else np.zeros(0)
        for each in (order, recorded)
    )
    return tuple(
        ReplayStep(place + 1, one.trial, one.utility, float(best[place]), float(recorded_best[place]))
        for place, one in enumerate(order)
    )


def _by_default(context: SearchContext, known: History, left: Sequence[Observation]) -> int:
    full = [place for place, one in enumerate(left) if not one.recipe.steps]
    if context.policy.full_pool and full and not known.observations:
        return full[0]
    observed = observed_subsets(known, context.signals)
    candidates = _features(context, known, left)
    if len(observed) < max(2, context.policy.full_pool + context.policy.warmup):
        seen = context.describe_subsets([one.subset for one in observed])
        return farthest(range(len(left)), candidates, seen, context)[0]
    fitted = fit_model(context, observed, transferred_observations(known, context.signals))
    seed = seed_for("replay", context.seed, len(known.observations))
    return int(np.argmax(Improvement.over(fitted.surrogate, fitted.features, seed).log_value(candidates)))


def _by_published(context: SearchContext, known: History, left: Sequence[Observation]) -> int:
    if len(known.observations) < len(ZONES):
        low, high = list(ZONES.values())[len(known.observations)]
        pool = pool_rows(context.signals)
        shares = [context.signals.size_of(one.subset.rows) / pool for one in _realise(context, known, left)]
        return next((place for place, share in enumerate(shares) if low <= share < high), 0)
    means, deviations = posterior_over_programs(context, known, [one.recipe for one in left])
    return int(np.argmax(means + context.policy.exploration * deviations))


def _at_random(context: SearchContext, known: History, left: Sequence[Observation]) -> int:
    return seed_for("replay", context.seed, len(known.observations)) % len(left)


def _features(context: SearchContext, known: History, left: Sequence[Observation]) -> Features:
    return context.describe_subsets([one.subset for one in _realise(context, known, left)])


def _realise(context: SearchContext, known: History, left: Sequence[Observation]) -> list[ObservedSubset]:
    by_name = {
        one.name: one for one in observed_subsets(replace(known, observations=tuple(left)), context.signals)
    }
    return [by_name[one.subset] for one in left]


_CHOICES: Mapping[str, _Choose] = {
    DEFAULT: _by_default,
    RANDOM: _at_random,
    PUBLISHED: _by_published,
}
"""Choice among recorded evaluations, by policy."""
