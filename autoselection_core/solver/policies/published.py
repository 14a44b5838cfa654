"""The published policy: five edits of a fixed anchor a round, ranked by a GP over program flags.

From arXiv 2605.12944. What its surrogate sees of a program is which operators it has and with which
parameters, not their order and not what they select. With an adviser, a language model summarises what was
tried, proposes the edits, ranks the candidates by prediction and realised state, and writes new anchors;
whatever it does not answer, and everything without an adviser, is decided by the numbers that it was given.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.errors.search import NoCandidatesError
from autoselection_core.history.values import History, Observation
from autoselection_core.recipe import Recipe
from autoselection_core.solver.advice.consultation import Consultation
from autoselection_core.solver.advice.roles import (
    Anchor,
    Predicted,
    propose,
    rank,
    reseed,
    summarise,
)
from autoselection_core.solver.advice.settings import AdviserRole
from autoselection_core.solver.candidates.warmup import ZONES, in_zone
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.observations import entries_of, observed_subsets
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.programs.credit import credit_of
from autoselection_core.solver.programs.edits import Workbench, draw_anchor, edit_recipe
from autoselection_core.solver.programs.fresh import has_union
from autoselection_core.solver.programs.limits import BEYOND_LIMITS
from autoselection_core.solver.programs.realise import Draft, Realised
from autoselection_core.solver.proposal import Candidate, Proposal, RunnerUp
from autoselection_core.solver.surrogate.gp import Fitting, Numbers, fit
from autoselection_core.subset import Subset

_DRAWS_FOR_EACH = 20
"""Edits drawn for each candidate of a round before the round goes on with fewer."""


@dataclass(frozen=True)
class Anchored:
    """State of the published policy after some evaluations.

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


def choose(context: SearchContext, history: History, consultation: Consultation) -> Candidate:
    """The next candidate: three probes by realised retention, then edits around the anchor.

    Raises:
        NoCandidatesError: Every candidate was invalid or tried.
    """
    tried = observed_subsets(history, context.signals)
    known = frozenset((*(one.name for one in tried), *(one.subset.fingerprint for one in tried)))
    probes = len(entries_of(history))
    if probes < len(ZONES) or not history.observations:
        return _probe(context, history, known)
    state = replay_anchors(context, history.observations, lambda seen: _reseed(context, seen, consultation))
    findings = summarise(context, consultation) if consultation.has(AdviserRole.SUMMARISER) else ()
    advised: Sequence[Draft] = ()
    if consultation.has(AdviserRole.PROPOSER):
        advised = propose(context, consultation, _told(history, state), findings)
    realised = _round(context, history, state, known, advised)
    if not len(realised):
        raise NoCandidatesError(history.next_trial, realised.reasons)
    return _rank(context, consultation, state, realised, findings)


def replay_anchors(
    context: SearchContext,
    observations: Sequence[Observation],
    reseed: Callable[[Sequence[Observation]], Recipe],
) -> Anchored:
    """Replay the anchors: the best probe, then a new one after `patience` evaluations without a gain."""
    probes, rest = observations[: len(ZONES)], observations[len(ZONES) :]
    best = max(probes, key=lambda probe: probe.utility)
    state, highest = Anchored(best.recipe, best.trial, 0), best.utility
    for seen, observation in enumerate(rest, start=len(ZONES) + 1):
        improved = observation.utility > highest
        highest = max(highest, observation.utility)
        state = Anchored(state.anchor, state.trial, 0 if improved else state.stagnation + 1, state.is_new)
        if state.stagnation >= context.policy.patience:
            state = Anchored(reseed(observations[:seen]), None, 0, is_new=True)
    return state


def program_flags(encoder: ProgramEncoder, recipes: Sequence[Recipe]) -> Features:
    """The published encoding: a flag and the parameters of each operator, no order."""
    places, start = [], 0
    for template in encoder.templates:
        places.append(start + 1)
        start += 2 + len(template.axes)
    return np.delete(encoder.encode(recipes), [*places, start + 1], axis=1)


def _probe(context: SearchContext, history: History, known: frozenset[str]) -> Candidate:
    zone = list(ZONES)[len(entries_of(history)) % len(ZONES)]
    fresh = context.fresh.without(known)
    if not len(fresh):
        raise NoCandidatesError(history.next_trial, fresh.reasons)
    place, subset = _first_exact(context, history, fresh, in_zone(fresh, zone, context.signals))
    proposal = Proposal(zone, candidates_considered=place + 1, screened=dict(fresh.reasons))
    return Candidate(fresh.drafts[place].recipe, subset, proposal)


def _first_exact(
    context: SearchContext, history: History, realised: Realised, places: Sequence[int]
) -> tuple[int, Subset]:
    """The first place whose rows of the pool keep to the limits, too, and these rows."""
    for place in places:
        subset = context.exact(realised, place)
        if subset is not None:
            return place, subset
    raise NoCandidatesError(history.next_trial, {BEYOND_LIMITS: len(places)})


def _told(history: History, state: Anchored) -> Anchor:
    """The anchor with its measured utility."""
    utility = next((one.utility for one in history.observations if one.trial == state.trial), None)
    return Anchor(state.anchor, state.trial, utility)


def _reseed(
    context: SearchContext, observations: Sequence[Observation], consultation: Consultation
) -> Recipe:
    by_trial = {observation.trial: observation for observation in observations}
    families = [
        (by_trial[parent].recipe, child.recipe, child.utility - by_trial[parent].utility)
        for child in observations
        if (parent := Proposal.from_json(child.proposal).parent) in by_trial and parent is not None
    ]
    credit = credit_of(families)
    if advised := reseed(context, consultation, observations, credit):
        return advised
    rng = np.random.default_rng(seed_for("published reseed", context.seed, len(observations)))
    return draw_anchor(credit, context.templates, rng, context.seed)


def _round(
    context: SearchContext, history: History, state: Anchored, known: frozenset[str], advised: Sequence[Draft]
) -> Realised:
    """Candidates of a round: those proposed, filled up with drawn edits."""
    rng = np.random.default_rng(seed_for("published edits", context.seed, history.next_trial))
    mates = [entry.recipe for entry in history.observations if not has_union(entry.recipe)]
    bench = Workbench(context.templates, mates, context.policy.max_steps)
    origin = "reseed" if state.is_new else "edit"
    drafts = list(advised)
    for _ in range(context.policy.round_size * _DRAWS_FOR_EACH):
        recipe, name = edit_recipe(state.anchor, bench, rng)
        drafts.append(Draft(Recipe(recipe.steps, context.seed), origin, state.trial, name))
    realised = context.realise(drafts, known)
    size = context.policy.round_size
    return Realised(realised.drafts[:size], realised.subsets[:size], realised.reasons)


def _rank(
    context: SearchContext,
    consultation: Consultation,
    state: Anchored,
    realised: Realised,
    findings: Sequence[str],
) -> Candidate:
    recipes = [draft.recipe for draft in realised.drafts]
    means, deviations = posterior_over_programs(context, consultation.history, recipes)
    bounds = means + context.policy.exploration * deviations
    by_bound = [int(place) for place in np.argsort(-bounds, kind="stable")]
    predicted = Predicted(means.tolist(), deviations.tolist(), by_bound)
    order = rank(context, consultation, realised, predicted, findings) or by_bound
    place, subset = _first_exact(context, consultation.history, realised, order)
    others = [other for other in order if other != place]
    draft = realised.drafts[place]
    second = [
        RunnerUp(recipes[other].label, float(means[other]), float(deviations[other]), float(bounds[other]))
        for other in others[:1]
    ]
    proposal = Proposal(
        draft.origin,
        parent=draft.parent,
        edit=draft.edit,
        mean=float(means[place]),
        deviation=float(deviations[place]),
        acquisition=float(bounds[place]),
        rank=1 + by_bound.index(place),
        runner_up=second[0] if second else None,
        candidates_considered=len(realised),
        screened=dict(realised.reasons),
        anchors=() if state.trial is None else (state.trial,),
        stagnation=state.stagnation,
    )
    return Candidate(draft.recipe, subset, proposal)


def posterior_over_programs(
    context: SearchContext, history: History, recipes: Sequence[Recipe]
) -> tuple[Numbers, Numbers]:
    """Mean and deviation by an isotropic GP over program flags; one distance, one length scale."""
    observed = program_flags(context.describer.encoder, [one.recipe for one in history.observations])
    candidates = program_flags(context.describer.encoder, recipes)
    utilities = np.array([observation.utility for observation in history.observations])
    policy = context.policy
    seed = seed_for("published surrogate", context.seed, len(utilities))
    fitting = Fitting(policy.draws, policy.max_sampled, policy.noise_prior, policy.noise_spread, seed)
    surrogate = fit(observed, utilities, Layout(0, observed.shape[1], 0), fitting)
    return surrogate.posterior(candidates)
