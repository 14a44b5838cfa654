"""Default policy: probes, then the local-search candidate with the highest noisy expected improvement."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from autoselection_core.errors.search import NoCandidatesError, NotWorthwhileError
from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe
from autoselection_core.solver.acquisition.expected_improvement import (
    AcquisitionTerm,
    SumOfTerms,
    deviation_without,
    repeats,
)
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.advice.consultation import Consultation
from autoselection_core.solver.advice.roles import Anchor, propose, summarise
from autoselection_core.solver.advice.settings import AdviserRole
from autoselection_core.solver.candidates.local_search import ScoredCandidates, search_locally
from autoselection_core.solver.candidates.phase import phase_of
from autoselection_core.solver.candidates.warmup import (
    best_quarters,
    farthest,
    in_zone,
    plain_filters,
    usual_quarters,
    zone_of,
)
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.constraints import Success, keeps_to
from autoselection_core.solver.evidence.fitted import FittedModel, fit_model
from autoselection_core.solver.evidence.observations import (
    ObservedSubset,
    failed_recipes,
    low_fidelity_observations,
    observed_subsets,
    transferred_observations,
)
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.policies.fidelity_choice import (
    choose_fidelity,
    next_pair,
    offers_of,
    plans_of,
    weigh_fidelities,
)
from autoselection_core.solver.programs.limits import BEYOND_LIMITS
from autoselection_core.solver.programs.realise import Draft, Realised
from autoselection_core.solver.proposal import LEVELS, Candidate, Proposal, RunnerUp
from autoselection_core.subset import realise

_FINALISTS = 2
"""Subsets with the highest posterior means, which the last evaluations go to."""

_MIN_BUDGET_WITH_FINALS = 8
"""Evaluations of a search below which none of them is kept for finalists."""

_MIN_MEASUREMENTS = 2
"""Measurements without which there is nothing to standardise, and probing goes on."""


_OF_DRAFT = ""
"""Origin of a proposal that is still to take the origin of its draft."""


def choose(
    context: SearchContext, history: History, consultation: Consultation, prices: Mapping[str, float]
) -> Candidate:
    """The next candidate, and the fidelity that it is evaluated at.

    An adviser's proposals are compared with all others by their expected improvement.

    Args:
        context: Context of the search.
        history: History of the search.
        consultation: Whom it asks.
        prices: Price of an evaluation at each lower fidelity, in full trainings.

    Raises:
        NoCandidatesError: Every candidate was invalid or tried.
        NotWorthwhileError: No candidate is expected to gain as much as the policy asks of a training.
    """
    observed = observed_subsets(history, context.signals)
    known = known_subsets(context, history, observed)
    full = context.realise([Draft(Recipe((), context.seed), "full_pool")], known)
    if context.policy.full_pool and len(full):
        probe = _candidate(context, full, 0, Proposal("full_pool", candidates_considered=1))
        if probe is not None:
            return probe
    transferred = transferred_observations(history, context.signals)
    probes = context.policy.full_pool + max(0, context.policy.warmup - len(transferred))
    if len(known) < max(probes, 1) or not _is_enough(history, len(transferred)):
        number = len(known) - context.policy.full_pool
        # Below 0 where the limits leave out the full pool.
        is_plain = max(0, number) < context.policy.plain_probes
        plain = _plain_probe(context, observed, known) if is_plain else None
        return plain or _probe(
            context, history, observed, known, zone_of(number - context.policy.before_zones)
        )
    low_fidelity = low_fidelity_observations(history, context.signals)
    pair = next_pair(history, observed, low_fidelity, offers_of(history, prices), context.pool)
    if pair is not None:
        return pair
    fitted = fit_model(context, observed, transferred, low_fidelity)
    return (
        _final(context, history, fitted)
        or _replicate(context, fitted)
        or _choose_informed(context, history, fitted, known, consultation=consultation, prices=prices)
    )


def _is_enough(history: History, transferred: int) -> bool:
    """Whether a surrogate can be fitted: from two measurements, one of them of this search."""
    own = len(history.observations)
    return own > 0 and own + transferred >= _MIN_MEASUREMENTS


def known_subsets(
    context: SearchContext, history: History, observed: Sequence[ObservedSubset]
) -> frozenset[str]:
    """Hashes of all subsets that were evaluated, are being evaluated, or failed."""
    failed = context.realise([Draft(recipe, "failed") for recipe in failed_recipes(history)], frozenset())
    return frozenset(
        (*(one.subset.fingerprint for one in observed), *(one.fingerprint for one in failed.subsets))
    )


def _probe(
    context: SearchContext,
    history: History,
    observed: Sequence[ObservedSubset],
    known: frozenset[str],
    zone: str,
) -> Candidate:
    places = [place for place, one in enumerate(context.fresh.subsets) if one.fingerprint not in known]
    if not places:
        raise NoCandidatesError(history.next_trial, context.fresh.reasons)
    inside = set(in_zone(context.fresh, zone, context.signals))
    here = [place for place in places if place in inside] or places
    features = context.describe_subsets([one.subset for one in observed])
    while here:
        place, gap = farthest(here, context.features, features, context)
        proposal = Proposal(
            zone,
            candidates_considered=len(here),
            screened=dict(context.fresh.reasons),
            distance=gap if observed else None,
        )
        candidate = _candidate(context, context.fresh, place, proposal)
        if candidate is not None:
            return candidate
        here.remove(place)
    raise NoCandidatesError(history.next_trial, {BEYOND_LIMITS: len(places)})


def _plain_probe(
    context: SearchContext, observed: Sequence[ObservedSubset], known: frozenset[str]
) -> Candidate | None:
    """A plain filter, the better quarters by scores of the user's own first; None where all were tried."""
    scores = context.policy.plain_scores
    filters = plain_filters(context.templates, context.seed, scores)
    own = [best_quarters(filters, scores)] if scores else []
    usual = [usual_quarters(filters)] if context.policy.tries_usual_filters else []
    turns = (*own, *usual, filters)
    probes = (_farthest_filter(each, context, observed, known) for each in turns)
    return next(filter(None, probes), None)


def _farthest_filter(
    filters: Sequence[Recipe],
    context: SearchContext,
    observed: Sequence[ObservedSubset],
    known: frozenset[str],
) -> Candidate | None:
    """The filter farthest from everything tried; None where all of them were tried."""
    realised = context.realise([Draft(recipe, "plain") for recipe in filters], known)
    if not len(realised):
        return None
    features, left = context.describe_subsets([one.subset for one in observed]), list(range(len(realised)))
    while left:
        place, gap = farthest(left, context.describe(realised), features, context)
        proposal = Proposal(
            "plain",
            candidates_considered=len(realised),
            screened=dict(realised.reasons),
            distance=gap if observed else None,
        )
        candidate = _candidate(context, realised, place, proposal)
        if candidate is not None:
            return candidate
        left.remove(place)
    return None


def _final(context: SearchContext, history: History, fitted: FittedModel) -> Candidate | None:
    """One of the two finalists again, the one with fewer evaluations, when little budget is left."""
    held = len(history.pending) + sum(one.cost for one in history.cheap if one.utility is None)
    left = history.budget - history.spent - held
    is_last = 0 < left <= context.policy.finals and history.budget >= _MIN_BUDGET_WITH_FINALS
    if context.policy.version == 1 or not is_last:
        return None
    finalists = [
        place
        for place in fitted.ranked[:_FINALISTS]
        if fitted.observed[place].evaluations == len(fitted.observed[place].utilities)
    ]
    if not finalists:
        return None
    return _again(context, fitted, min(finalists, key=lambda place: fitted.observed[place].evaluations))


def _replicate(context: SearchContext, fitted: FittedModel) -> Candidate | None:
    """Measure the incumbent again if it deserves it and no measurement of it is under way."""
    best = fitted.incumbent
    one = fitted.observed[best]
    others = fitted.rows_without(best)
    if len(others) < _MIN_MEASUREMENTS or one.evaluations > len(one.utilities):
        return None
    deviation = deviation_without(fitted.surrogate, fitted.features[[best]], others)
    if one.evaluations >= repeats(fitted.surrogate.noise, deviation, context.policy.tolerance):
        return None
    return _again(context, fitted, best)


def _again(context: SearchContext, fitted: FittedModel, place: int) -> Candidate:
    """Another evaluation of a tried subset."""
    one = fitted.observed[place]
    subset = realise(one.recipe, context.pool)
    return Candidate(
        one.recipe,
        subset,
        Proposal(
            "replicate",
            parent=one.trial,
            mean=float(fitted.means[place]),
            deviation=float(fitted.deviations[place]),
            noise=fitted.surrogate.noise,
            distance=0.0,
        ),
    )


def _choose_informed(
    context: SearchContext,
    history: History,
    fitted: FittedModel,
    known: frozenset[str],
    *,
    consultation: Consultation,
    prices: Mapping[str, float],
) -> Candidate:
    phase = phase_of(context, history, fitted)
    seed = seed_for("acquisition", context.seed, history.next_trial)
    # What breaks a floor is no rival: the gain is over the best that keeps to all of them, if anything does.
    rivals = keeps_to(fitted.floors, fitted.features)
    gain = Improvement.over(fitted.surrogate, fitted.features[rivals if rivals.any() else slice(None)], seed)
    factors: tuple[AcquisitionTerm, ...] = (*fitted.floors, *_success(context, history, fitted))
    wanted = SumOfTerms((gain, *factors)) if factors else gain
    advised = _propose(context, fitted, consultation)
    found = search_locally(
        context, fitted, phase, wanted, known=known, trial=history.next_trial, proposed=advised
    )
    offers = offers_of(history, prices)
    while len(found.realised):
        place = int(np.argmax(found.gains))
        expected, min_gain = float(np.exp(found.gains[place])), context.policy.stop_gain
        if min_gain is not None and expected < min_gain:
            raise NotWorthwhileError(history.next_trial, expected, min_gain)
        plans = plans_of(context, history, fitted, found, offers)
        cheap = choose_fidelity(plans)
        place = place if cheap is None else cheap.place
        gaps = distances(found.features[[place]], fitted.features, context.describer.layout)[0]
        proposal = replace(
            _explain(found, fitted, place),
            anchors=tuple(fitted.observed[anchor].trial for anchor in phase.anchors),
            stagnation=phase.stagnation,
            distance=float(gaps.min()),
            nearest=fitted.observed[min(fitted.ranked, key=lambda tried: gaps[tried])].trial,
            fidelity="" if cheap is None else cheap.fidelity,
            weighed=weigh_fidelities(plans, fitted, offers),
        )
        candidate = _candidate(context, found.realised, place, proposal)
        if candidate is not None:
            return candidate
        found = found.without(place, BEYOND_LIMITS)
    raise NoCandidatesError(history.next_trial, found.realised.reasons)


def _success(context: SearchContext, history: History, fitted: FittedModel) -> tuple[Success, ...]:
    """Probability of success, where a trial of a subset failed."""
    if context.policy.version == 1:
        return ()
    failed = context.realise([Draft(recipe, "failed") for recipe in failed_recipes(history)], frozenset())
    if not len(failed):
        return ()
    measured = fitted.features[fitted.ranked]
    return (Success(measured, context.describe(failed), context.describer.layout),)


def _propose(context: SearchContext, fitted: FittedModel, consultation: Consultation) -> tuple[Draft, ...]:
    """Edits of the incumbent that an adviser proposes."""
    if not consultation.has(AdviserRole.PROPOSER):
        return ()
    best = fitted.observed[fitted.incumbent]
    anchor = Anchor(best.recipe, best.trial, float(fitted.means[fitted.incumbent]))
    return propose(context, consultation, anchor, summarise(context, consultation))


def _explain(found: ScoredCandidates, fitted: FittedModel, place: int) -> Proposal:
    """The chosen candidate with its rank, and the best of the others."""
    ranked = np.argsort(-found.gains, kind="stable")
    rank = int(np.flatnonzero(ranked == place)[0])
    order = [place, *(other for other in ranked[:2] if other != place)][:2]
    means, deviations = fitted.surrogate.posterior(found.features[order])
    quantiles = fitted.surrogate.quantiles(found.features[order[:1]], LEVELS)[:, 0]
    expected = np.exp(found.gains[order])
    second = None
    if len(order) > 1:
        recipe = found.realised.drafts[order[1]].recipe.label
        second = RunnerUp(recipe, float(means[1]), float(deviations[1]), float(expected[1]))
    return Proposal(
        _OF_DRAFT,
        mean=float(means[0]),
        deviation=float(deviations[0]),
        interval=tuple(float(value) for value in quantiles),
        acquisition=float(expected[0]),
        rank=1 + rank,
        runner_up=second,
        noise=fitted.surrogate.noise,
        earlier=len(fitted.transferred),
        trust=fitted.surrogate.trust,
        candidates_considered=len(found.realised),
        screened=dict(found.realised.reasons),
    )


def _candidate(
    context: SearchContext, realised: Realised, place: int, proposal: Proposal
) -> Candidate | None:
    """A compared candidate with its rows of the pool; None where these break a limit."""
    draft, subset = realised.drafts[place], context.exact(realised, place)
    if subset is None:
        return None
    named = replace(
        proposal,
        origin=draft.origin if proposal.origin == _OF_DRAFT else proposal.origin,
        parent=draft.parent,
        edit=draft.edit,
        chain=tuple((edit, program.label) for edit, program in draft.chain),
        sampling_error=context.sampling_error(subset),
    )
    return Candidate(draft.recipe, subset, named)
