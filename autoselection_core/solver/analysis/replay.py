"""Another policy over the evaluations that a search recorded: free, because nothing is trained.

The policy chooses among what was measured and is told the measured utility. So a replay says how soon the
policy would have found the best of what the search tried, and not what else it would have tried.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from autoselection_core.history.values import History, Observation
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.candidates.warmup import ZONES, farthest
from autoselection_core.solver.context import Arena, arena_of, seed_for
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.evidence.fitted import belief_of
from autoselection_core.solver.evidence.observations import Tried, lessons_of, tried_in
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.policies.published import posterior_over_programs
from autoselection_core.solver.solver import Solver

_Choose: TypeAlias = Callable[[Arena, History, Sequence[Observation]], int]


@dataclass(frozen=True)
class Step:
    """One evaluation of a replay beside the one that the search made at that point.

    Attributes:
        number: How many evaluations there were, from 1.
        trial: The recorded trial that the policy asked for.
        utility: What it had measured.
        best: Highest utility measured so far in the replay.
        recorded_best: Highest utility that the search had measured by then.
    """

    number: int
    trial: int
    utility: float
    best: float
    recorded_best: float


def replay(solver: Solver, history: History) -> tuple[Step, ...]:
    """Let a solver choose among recorded evaluations until none is left.

    Args:
        solver: Whose policy chooses.
        history: The recorded search; pending and failed trials are left out.
    """
    with one_thread():
        arena = arena_of(solver.signals, tuple(solver.templates), solver.policy, history.seed)
        return _steps(history.observations, _order(arena, replace(history, pending=(), failures=())))


def _order(arena: Arena, history: History) -> list[Observation]:
    seen: list[Observation] = []
    left = list(history.observations)
    while left:
        known = replace(history, observations=tuple(seen))
        seen.append(left.pop(_CHOICES[arena.policy.name](arena, known, left)))
    return seen


def _steps(recorded: Sequence[Observation], order: Sequence[Observation]) -> tuple[Step, ...]:
    best, recorded_best = (
        np.maximum.accumulate([one.utility for one in each]) if each else np.zeros(0)
        for each in (order, recorded)
    )
    return tuple(
        Step(place + 1, one.trial, one.utility, float(best[place]), float(recorded_best[place]))
        for place, one in enumerate(order)
    )


def _by_default(arena: Arena, known: History, left: Sequence[Observation]) -> int:
    full = [place for place, one in enumerate(left) if not one.recipe.steps]
    if arena.policy.full_pool and full and not known.observations:
        return full[0]
    tried = tried_in(known, arena.signals)
    candidates = _features(arena, known, left)
    if len(tried) < max(2, arena.policy.full_pool + arena.policy.warmup):
        seen = arena.describe_subsets([one.subset for one in tried])
        return farthest(range(len(left)), candidates, seen, arena)[0]
    belief = belief_of(arena, tried, lessons_of(known, arena.signals))
    seed = seed_for("replay", arena.seed, len(known.observations))
    return int(np.argmax(Improvement.over(belief.surrogate, belief.features, seed).log_value(candidates)))


def _by_published(arena: Arena, known: History, left: Sequence[Observation]) -> int:
    if len(known.observations) < len(ZONES):
        low, high = list(ZONES.values())[len(known.observations)]
        shares = [len(one.subset.rows) / len(arena.signals) for one in _realised(arena, known, left)]
        return next((place for place, share in enumerate(shares) if low <= share < high), 0)
    means, deviations = posterior_over_programs(arena, known, [one.recipe for one in left])
    return int(np.argmax(means + arena.policy.exploration * deviations))


def _at_random(arena: Arena, known: History, left: Sequence[Observation]) -> int:
    return seed_for("replay", arena.seed, len(known.observations)) % len(left)


def _features(arena: Arena, known: History, left: Sequence[Observation]) -> Features:
    return arena.describe_subsets([one.subset for one in _realised(arena, known, left)])


def _realised(arena: Arena, known: History, left: Sequence[Observation]) -> list[Tried]:
    by_name = {one.name: one for one in tried_in(replace(known, observations=tuple(left)), arena.signals)}
    return [by_name[one.subset] for one in left]


_CHOICES: Mapping[str, _Choose] = {
    "default": _by_default,
    "random": _at_random,
    "autoselection": _by_published,
}
"""How each policy chooses among recorded evaluations."""
