"""The default policy: probe, then let a surrogate over what recipes do choose among thousands of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoselection_core.errors.solver import NoCandidatesError
from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.acquisition import log_expected_improvement
from autoselection_core.solver.arena import Arena, seed_for
from autoselection_core.solver.belief import Belief, belief_of
from autoselection_core.solver.descriptors import distances
from autoselection_core.solver.layout import Features
from autoselection_core.solver.neighbourhood import neighbours
from autoselection_core.solver.phase import phase_of
from autoselection_core.solver.proposal import Candidate, Proposal, RunnerUp
from autoselection_core.solver.realised import Draft, Realised
from autoselection_core.solver.replicates import deviation_without, repeats
from autoselection_core.solver.surrogate import Numbers
from autoselection_core.solver.tried import Tried, failed_in, tried_in
from autoselection_core.solver.warmup import farthest, in_zone, zone_of
from autoselection_core.subset import materialize

_ENOUGH = 2
"""Measurements without which there is nothing to standardise, and probing goes on."""


def choose(arena: Arena, history: History) -> Candidate:
    """The next candidate.

    Raises:
        NoCandidatesError: Every candidate was invalid or tried.
    """
    tried = tried_in(history, arena.signals)
    known = known_subsets(arena, history, tried)
    full = arena.realise([Draft(Recipe((), arena.seed), "full_pool")], known)
    if arena.policy.full_pool and len(full):
        return _candidate(full, 0, Proposal("full_pool", candidates_considered=1))
    if len(known) < arena.policy.full_pool + arena.policy.warmup or len(history.observations) < _ENOUGH:
        return _probe(arena, history, tried, known)
    belief = belief_of(arena, tried)
    return _replicate(arena, belief) or _informed(arena, history, belief, known)


def known_subsets(arena: Arena, history: History, tried: Sequence[Tried]) -> frozenset[str]:
    """Hashes of all subsets that were evaluated, are being evaluated, or failed."""
    failed = arena.realise([Draft(recipe, "failed") for recipe in failed_in(history)], frozenset())
    return frozenset(
        (*(one.subset.fingerprint for one in tried), *(one.fingerprint for one in failed.subsets))
    )


def _probe(arena: Arena, history: History, tried: Sequence[Tried], known: frozenset[str]) -> Candidate:
    zone = zone_of(len(known) - arena.policy.full_pool)
    places = [place for place, one in enumerate(arena.fresh.subsets) if one.fingerprint not in known]
    if not places:
        raise NoCandidatesError(history.next_trial, arena.fresh.reasons)
    inside = set(in_zone(arena.fresh, zone, len(arena.signals)))
    here = [place for place in places if place in inside] or places
    features = arena.describe_subsets([one.subset for one in tried])
    place, gap = farthest(here, arena.features, features, arena)
    proposal = Proposal(
        zone,
        candidates_considered=len(here),
        screened=dict(arena.fresh.reasons),
        distance=gap if tried else None,
    )
    return _candidate(arena.fresh, place, proposal)


def _replicate(arena: Arena, belief: Belief) -> Candidate | None:
    """Measure the incumbent again if it deserves it and no measurement of it is under way."""
    best = belief.incumbent
    one = belief.tried[best]
    others = [row for row, place in enumerate(belief.places) if place != best]
    if len(others) < _ENOUGH or one.evaluations > len(one.utilities):
        return None
    deviation = deviation_without(belief.surrogate, belief.features[[best]], others)
    if one.evaluations >= repeats(belief.surrogate.noise, deviation, arena.policy.tolerance):
        return None
    subset = materialize(one.recipe, arena.signals)
    return Candidate(
        one.recipe,
        subset,
        Proposal(
            "replicate",
            parent=one.trial,
            mean=float(belief.means[best]),
            deviation=float(belief.deviations[best]),
            noise=belief.surrogate.noise,
            distance=0.0,
        ),
    )


@dataclass(frozen=True, eq=False)
class _Round:
    """The candidates of one choice, fresh ones first."""

    realised: Realised
    features: Features


def _informed(arena: Arena, history: History, belief: Belief, known: frozenset[str]) -> Candidate:
    phase = phase_of(arena, history, belief)
    edits = arena.realise(neighbours(arena, belief, phase, history.next_trial), known)
    candidates = _round(arena, edits, known)
    if not len(candidates.realised):
        raise NoCandidatesError(history.next_trial, candidates.realised.reasons)
    seed = seed_for("acquisition", arena.seed, history.next_trial)
    gains = log_expected_improvement(belief.surrogate, candidates.features, belief.features, seed)
    proposal = _explained(candidates, gains, belief)
    place = int(np.argmax(gains))
    anchors = tuple(belief.tried[anchor].trial for anchor in phase.anchors)
    nearest = distances(candidates.features[[place]], belief.features, arena.describer.layout).min()
    return _candidate(
        candidates.realised,
        place,
        replace(proposal, anchors=anchors, stagnation=phase.stagnation, distance=float(nearest)),
    )


def _round(arena: Arena, edits: Realised, known: frozenset[str]) -> _Round:
    """Fresh programs and edits together; an edit that realises a fresh program's subset is dropped."""
    fresh = [place for place, one in enumerate(arena.fresh.subsets) if one.fingerprint not in known]
    names = {arena.fresh.subsets[place].fingerprint for place in fresh}
    new = edits.without(frozenset(names))
    realised = Realised(
        (*(arena.fresh.drafts[place] for place in fresh), *new.drafts),
        (*(arena.fresh.subsets[place] for place in fresh), *new.subsets),
        new.reasons,
    )
    return _Round(realised, np.concatenate([arena.features[fresh], arena.describe(new)]))


def _explained(candidates: _Round, gains: Numbers, belief: Belief) -> Proposal:
    order = np.argsort(-gains, kind="stable")[:2]
    means, deviations = belief.surrogate.posterior(candidates.features[order])
    second = None
    if len(order) > 1:
        recipe = candidates.realised.drafts[order[1]].recipe.label
        second = RunnerUp(recipe, float(means[1]), float(deviations[1]), float(np.exp(gains[order[1]])))
    return Proposal(
        "fresh",
        mean=float(means[0]),
        deviation=float(deviations[0]),
        acquisition=float(np.exp(gains[order[0]])),
        rank=1,
        runner_up=second,
        noise=belief.surrogate.noise,
        candidates_considered=len(candidates.realised),
        screened=dict(candidates.realised.reasons),
    )


def _candidate(realised: Realised, place: int, proposal: Proposal) -> Candidate:
    draft, subset = realised.drafts[place], realised.subsets[place]
    is_probe = proposal.origin != "fresh"
    named = replace(
        proposal, origin=proposal.origin if is_probe else draft.origin, parent=draft.parent, edit=draft.edit
    )
    return Candidate(draft.recipe, subset, named)
