"""The published numerical policy: five edits of a fixed anchor a round, ranked by a GP over program flags.

From arXiv 2605.12944 with its language-model roles replaced by the numbers they were given. What it sees of
a program is which operators it has and with which parameters, not their order and not what they select.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.errors.solver import NoCandidatesError
from autoselection_core.history.values import History, Observation
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.arena import Arena, arena_of, seed_for
from autoselection_core.solver.credit import credit_of
from autoselection_core.solver.edits import Workbench, edited
from autoselection_core.solver.encode import ProgramEncoder
from autoselection_core.solver.layout import Features, Layout
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs import has_union
from autoselection_core.solver.proposal import Candidate, Proposal
from autoselection_core.solver.realised import Draft, Realised
from autoselection_core.solver.reseed import new_anchor
from autoselection_core.solver.surrogate import Fitting, Numbers, fit
from autoselection_core.solver.tried import entries_of
from autoselection_core.solver.warmup import ZONES, in_zone

_DRAWS_FOR_EACH = 20
"""Edits drawn for each candidate of a round before the round goes on with fewer."""


@dataclass(frozen=True)
class Anchored:
    """Where the published policy stands after some evaluations.

    Attributes:
        anchor: What edits start from.
        trial: The trial that evaluated the anchor; None if none did.
        stagnation: Evaluations since the last improvement or new anchor.
        is_new: Whether the reseeder drew the anchor.
    """

    anchor: Recipe
    trial: int | None
    stagnation: int
    is_new: bool = False


def choose(
    signals: SignalTable, templates: tuple[Template, ...], policy: Policy, history: History
) -> Candidate:
    """The next candidate: three probes by realised retention, then edits around the anchor.

    Raises:
        NoCandidatesError: Every candidate was invalid or tried.
    """
    arena = arena_of(signals, templates, policy, history.seed)
    known = frozenset(entry.subset for entry in entries_of(history))
    probes = len(entries_of(history))
    if probes < len(ZONES) or not history.observations:
        return _probe(arena, history, known)
    state = state_after(arena, history.observations)
    realised = _round(arena, history, state, known)
    if not len(realised):
        raise NoCandidatesError(history.next_trial, realised.reasons)
    return _ranked(arena, history, state, realised)


def state_after(arena: Arena, observations: Sequence[Observation]) -> Anchored:
    """Replay the anchors: the best probe, then a new one after `patience` evaluations without a gain."""
    probes, rest = observations[: len(ZONES)], observations[len(ZONES) :]
    best = max(probes, key=lambda probe: probe.utility)
    state, highest = Anchored(best.recipe, best.trial, 0), best.utility
    for seen, observation in enumerate(rest, start=len(ZONES) + 1):
        improved = observation.utility > highest
        highest = max(highest, observation.utility)
        state = Anchored(state.anchor, state.trial, 0 if improved else state.stagnation + 1, state.is_new)
        if state.stagnation >= arena.policy.patience:
            state = Anchored(_reseeded(arena, observations[:seen]), None, 0, is_new=True)
    return state


def program_flags(encoder: ProgramEncoder, recipes: Sequence[Recipe]) -> Features:
    """The published encoding: a flag and the parameters of each operator, no order."""
    places, start = [], 0
    for template in encoder.templates:
        places.append(start + 1)
        start += 2 + len(template.axes)
    return np.delete(encoder.encode(recipes), [*places, start + 1], axis=1)


def _probe(arena: Arena, history: History, known: frozenset[str]) -> Candidate:
    zone = list(ZONES)[len(entries_of(history)) % len(ZONES)]
    fresh = arena.fresh.without(known)
    if not len(fresh):
        raise NoCandidatesError(history.next_trial, fresh.reasons)
    place = in_zone(fresh, zone, len(arena.signals))[0]
    proposal = Proposal(zone, candidates_considered=place + 1, screened=dict(fresh.reasons))
    return Candidate(fresh.drafts[place].recipe, fresh.subsets[place], proposal)


def _reseeded(arena: Arena, observations: Sequence[Observation]) -> Recipe:
    by_trial = {observation.trial: observation for observation in observations}
    families = [
        (by_trial[parent].recipe, child.recipe, child.utility - by_trial[parent].utility)
        for child in observations
        if isinstance(parent := child.proposal.get("parent"), int) and parent in by_trial
    ]
    rng = np.random.default_rng(seed_for("published reseed", arena.seed, len(observations)))
    return new_anchor(credit_of(families), arena.templates, rng, arena.seed)


def _round(arena: Arena, history: History, state: Anchored, known: frozenset[str]) -> Realised:
    rng = np.random.default_rng(seed_for("published edits", arena.seed, history.next_trial))
    mates = [entry.recipe for entry in history.observations if not has_union(entry.recipe)]
    bench = Workbench(arena.templates, mates, arena.policy.max_steps)
    origin = "reseed" if state.is_new else "edit"
    drafts = []
    for _ in range(arena.policy.round_size * _DRAWS_FOR_EACH):
        recipe, name = edited(state.anchor, bench, rng)
        drafts.append(Draft(Recipe(recipe.steps, arena.seed), origin, state.trial, name))
    realised = arena.realise(drafts, known)
    size = arena.policy.round_size
    return Realised(realised.drafts[:size], realised.subsets[:size], realised.reasons)


def _ranked(arena: Arena, history: History, state: Anchored, realised: Realised) -> Candidate:
    means, deviations = posterior_over_programs(arena, history, [draft.recipe for draft in realised.drafts])
    bounds = means + arena.policy.exploration * deviations
    place = int(np.argmax(bounds))
    draft = realised.drafts[place]
    proposal = Proposal(
        draft.origin,
        parent=draft.parent,
        edit=draft.edit,
        mean=float(means[place]),
        deviation=float(deviations[place]),
        acquisition=float(bounds[place]),
        rank=1,
        candidates_considered=len(realised),
        screened=dict(realised.reasons),
        anchors=() if state.trial is None else (state.trial,),
        stagnation=state.stagnation,
    )
    return Candidate(draft.recipe, realised.subsets[place], proposal)


def posterior_over_programs(
    arena: Arena, history: History, recipes: Sequence[Recipe]
) -> tuple[Numbers, Numbers]:
    """Mean and deviation by an isotropic GP over program flags; one distance, one length scale."""
    observed = program_flags(arena.describer.encoder, [one.recipe for one in history.observations])
    candidates = program_flags(arena.describer.encoder, recipes)
    utilities = np.array([observation.utility for observation in history.observations])
    policy = arena.policy
    seed = seed_for("published surrogate", arena.seed, len(utilities))
    fitting = Fitting(policy.draws, policy.most_sampled, policy.noise_prior, policy.noise_spread, seed)
    surrogate = fit(observed, utilities, Layout(0, observed.shape[1], 0), fitting)
    return surrogate.posterior(candidates)
