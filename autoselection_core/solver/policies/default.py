"""The default policy: probe, then let a surrogate over what recipes do choose among thousands of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from autoselection_core.errors.solver import NoCandidatesError, NotWorthwhileError
from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.acquisition.protocol import SumOfTerms
from autoselection_core.solver.acquisition.replicates import deviation_without, repeats
from autoselection_core.solver.advice.consultation import Consultation
from autoselection_core.solver.advice.roles import Anchor, proposed, summarised
from autoselection_core.solver.advice.settings import Role
from autoselection_core.solver.candidates.local_search import Round, climbed
from autoselection_core.solver.candidates.phase import phase_of
from autoselection_core.solver.candidates.warmup import farthest, in_zone, zone_of
from autoselection_core.solver.context import Arena, seed_for
from autoselection_core.solver.evidence.constraints import keeps_to
from autoselection_core.solver.evidence.fitted import HINT, Belief, belief_of
from autoselection_core.solver.evidence.observations import Tried, failed_in, hints_of, lessons_of, tried_in
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.policies.fidelity_choice import chosen, next_pair, offers_of, plans_of, weighed
from autoselection_core.solver.programs.realise import Draft, Realised
from autoselection_core.solver.proposal import LEVELS, Candidate, Proposal, RunnerUp
from autoselection_core.subset import materialize

_ENOUGH = 2
"""Measurements without which there is nothing to standardise, and probing goes on."""


def choose(
    arena: Arena, history: History, consultation: Consultation, prices: Mapping[str, float]
) -> Candidate:
    """The next candidate, and the fidelity that it is evaluated at.

    An adviser's proposals are compared with all others by their expected improvement.

    Args:
        arena: Where the search takes place.
        history: What it knows.
        consultation: Whom it asks.
        prices: Price of an evaluation at each cheaper fidelity, in full trainings.

    Raises:
        NoCandidatesError: Every candidate was invalid or tried.
        NotWorthwhileError: No candidate is expected to gain as much as the policy asks of a training.
    """
    tried = tried_in(history, arena.signals)
    known = known_subsets(arena, history, tried)
    full = arena.realise([Draft(Recipe((), arena.seed), "full_pool")], known)
    if arena.policy.full_pool and len(full):
        return _candidate(full, 0, Proposal("full_pool", candidates_considered=1))
    lessons = lessons_of(history, arena.signals)
    probes = arena.policy.full_pool + max(0, arena.policy.warmup - len(lessons))
    if len(known) < max(probes, 1) or not _is_enough(history, len(lessons)):
        return _probe(arena, history, tried, known)
    hints = hints_of(history, arena.signals)
    if (pair := next_pair(history, tried, hints, offers_of(history, prices))) is not None:
        return pair
    belief = belief_of(arena, tried, lessons, hints)
    return _replicate(arena, belief) or _informed(
        arena, history, belief, known, consultation=consultation, prices=prices
    )


def _is_enough(history: History, lessons: int) -> bool:
    """Whether a surrogate can be learned: from two measurements, one of them of this search."""
    own = len(history.observations)
    return own > 0 and own + lessons >= _ENOUGH


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
    others = [row for row, place in enumerate(belief.places) if place not in (best, HINT)]
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


def _informed(
    arena: Arena,
    history: History,
    belief: Belief,
    known: frozenset[str],
    *,
    consultation: Consultation,
    prices: Mapping[str, float],
) -> Candidate:
    phase = phase_of(arena, history, belief)
    seed = seed_for("acquisition", arena.seed, history.next_trial)
    # What breaks a floor is no rival: the gain is over the best that keeps to all of them, if anything does.
    rivals = keeps_to(belief.floors, belief.features)
    gain = Improvement.over(belief.surrogate, belief.features[rivals if rivals.any() else slice(None)], seed)
    wanted = SumOfTerms((gain, *belief.floors)) if belief.floors else gain
    advised = _proposed(arena, belief, consultation)
    found = climbed(arena, belief, phase, wanted, known=known, trial=history.next_trial, proposed=advised)
    if not len(found.realised):
        raise NoCandidatesError(history.next_trial, found.realised.reasons)
    place = int(np.argmax(found.gains))
    expected, least = float(np.exp(found.gains[place])), arena.policy.stop_gain
    if least is not None and expected < least:
        raise NotWorthwhileError(history.next_trial, expected, least)
    offers = offers_of(history, prices)
    plans = plans_of(belief, found, history, offers, seed)
    cheap = chosen(plans)
    place = place if cheap is None else cheap.place
    anchors = tuple(belief.tried[anchor].trial for anchor in phase.anchors)
    nearest = distances(found.features[[place]], belief.features, arena.describer.layout).min()
    proposal = replace(
        _explained(found, belief, place),
        anchors=anchors,
        stagnation=phase.stagnation,
        distance=float(nearest),
        fidelity="" if cheap is None else cheap.fidelity,
        weighed=weighed(plans, belief, offers),
    )
    return _candidate(found.realised, place, proposal)


def _proposed(arena: Arena, belief: Belief, consultation: Consultation) -> tuple[Draft, ...]:
    """Edits of the incumbent that an adviser proposes."""
    if not consultation.has(Role.PROPOSER):
        return ()
    best = belief.tried[belief.incumbent]
    anchor = Anchor(best.recipe, best.trial, float(belief.means[belief.incumbent]))
    return proposed(arena, consultation, anchor, summarised(arena, consultation))


def _explained(found: Round, belief: Belief, place: int) -> Proposal:
    """The chosen candidate with its rank, and the best of the others."""
    ranked = np.argsort(-found.gains, kind="stable")
    rank = int(np.flatnonzero(ranked == place)[0])
    order = [place, *(other for other in ranked[:2] if other != place)][:2]
    means, deviations = belief.surrogate.posterior(found.features[order])
    quantiles = belief.surrogate.quantiles(found.features[order[:1]], LEVELS)[:, 0]
    expected = np.exp(found.gains[order])
    second = None
    if len(order) > 1:
        recipe = found.realised.drafts[order[1]].recipe.label
        second = RunnerUp(recipe, float(means[1]), float(deviations[1]), float(expected[1]))
    return Proposal(
        "fresh",
        mean=float(means[0]),
        deviation=float(deviations[0]),
        interval=tuple(float(value) for value in quantiles),
        acquisition=float(expected[0]),
        rank=1 + rank,
        runner_up=second,
        noise=belief.surrogate.noise,
        earlier=len(belief.lessons),
        trust=belief.surrogate.trust,
        candidates_considered=len(found.realised),
        screened=dict(found.realised.reasons),
    )


def _candidate(realised: Realised, place: int, proposal: Proposal) -> Candidate:
    draft, subset = realised.drafts[place], realised.subsets[place]
    is_probe = proposal.origin != "fresh"
    named = replace(
        proposal, origin=proposal.origin if is_probe else draft.origin, parent=draft.parent, edit=draft.edit
    )
    return Candidate(draft.recipe, subset, named)
