"""Choice of the next trial's fidelity: by expected gain per cost, within a limit on what may be risked.

Low-fidelity scores only advise. The first few go to recipes that were measured at full fidelity, so that
there are pairs to rank by; a fidelity that ranks them otherwise is not bought any more. After that a cheap
score is bought where a plan with it gains more per full training than the full training alone
(`acquisition/knowledge_gradient.py`). At most the price of one full training goes to them before the next
full one.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.history.values import FULL, History
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.acquisition.knowledge_gradient import Lookahead, look_ahead
from autoselection_core.solver.candidates.local_search import ScoredCandidates
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.evidence.low_fidelity import agreement
from autoselection_core.solver.evidence.observations import (
    LowFidelityObservation,
    ObservedSubset,
    realise_once,
)
from autoselection_core.solver.proposal import Candidate, FidelityAssessment, Proposal

_COMPARED = 48
"""Candidates with the highest expected improvement that a plan chooses among."""

_RIVALS = 8
"""Tried subsets with the highest means, one of which is the best so far."""

_NOT_WORTH = 1.01
"""A plan with cheap scores must beat the full training alone by this factor; the rest is rounding."""

_MAX_ON_PAIRS = 0.2
"""Share of what is left of the budget that may go to finding out what a fidelity is worth."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Offer:
    """A lower fidelity that the next trial may have.

    Attributes:
        fidelity: Its name.
        cost: Price of one score, in full trainings.
        max_scores: Maximum number of scores that may be bought before the next full training.
        left: Rest of the budget, in full trainings.
    """

    fidelity: str
    cost: float
    max_scores: int
    left: float

    def price(self, scores: int) -> float:
        """Price of so many scores and one full training; what no full training could be had for is free."""
        rest = self.left - scores * self.cost
        is_left_over = math.floor(rest + _ROUNDING) == math.floor(self.left + _ROUNDING)
        return 1.0 if is_left_over else 1.0 + scores * self.cost


@dataclass(frozen=True)
class Plan:
    """The best plan with scores at one fidelity, or without any.

    Attributes:
        fidelity: Name of the fidelity; empty for a full training alone.
        cost: Price of one score.
        scores: Number of scores that are bought first.
        gain: Expected gain per full training, in utility.
        place: The candidate that is scored first.
    """

    fidelity: str
    cost: float
    scores: int
    gain: float
    place: int


def offers_of(history: History, prices: Mapping[str, float]) -> tuple[Offer, ...]:
    """Scores that each lower fidelity may sell without touching the price of the next full training."""
    full = [one.trial for one in history.observations] + [one.trial for one in history.pending]
    since = max(full, default=0)
    held = len(history.pending) + sum(one.cost for one in history.cheap if one.utility is None)
    left = history.budget - history.spent - held
    spent_low = sum(one.cost for one in history.cheap if one.trial > since)
    free = min(1.0 - spent_low, left - 1.0) + _ROUNDING
    return tuple(Offer(name, cost, max(0, math.floor(free / cost)), left) for name, cost in prices.items())


def next_pair(
    history: History,
    observed: Sequence[ObservedSubset],
    low_fidelity: Sequence[LowFidelityObservation],
    offers: Sequence[Offer],
    pool: SignalTable,
) -> Candidate | None:
    """A measured recipe that is still to be scored cheaply; None once there are enough pairs."""
    for offer in (offer for offer in offers if offer.max_scores):
        known = _scored(history, offer.fidelity)
        failed = [
            one.recipe
            for one in history.failures
            if Proposal.from_json(one.proposal).fidelity == offer.fidelity
        ]
        measured = [one for one in observed if one.utilities and one.recipe not in failed]
        lacking = [one for one in measured if one.name not in known]
        missing = agreement(low_fidelity, observed, offer.fidelity).required_pairs - (
            len(measured) - len(lacking)
        )
        if lacking and missing > 0 and missing * offer.cost <= _MAX_ON_PAIRS * offer.left:
            return _pair(lacking[0], offer, len(measured) - len(lacking), pool)
    return None


def _pair(one: ObservedSubset, offer: Offer, pairs: int, pool: SignalTable) -> Candidate:
    weighed = (FidelityAssessment(offer.fidelity, offer.cost, pairs=pairs),)
    proposal = Proposal("pair", parent=one.trial, fidelity=offer.fidelity, weighed=weighed)
    return Candidate(one.recipe, realise_once(one.recipe, pool), proposal)


def plans_of(
    context: SearchContext,
    history: History,
    fitted: FittedModel,
    found: ScoredCandidates,
    offers: Sequence[Offer],
) -> tuple[Plan, ...]:
    """The best plan of every fidelity that is trusted; first of all the full training alone."""
    seed = seed_for("acquisition", context.seed, history.next_trial)
    best = np.argsort(-found.gains, kind="stable")[:_COMPARED]
    rivals = fitted.features[np.argsort(-fitted.means, kind="stable")[:_RIVALS]]
    plans: list[Plan] = []
    for offer in (offer for offer in offers if offer.fidelity in fitted.trust):
        number = list(fitted.trust).index(offer.fidelity)
        ahead = look_ahead(fitted.surrogate, rivals, found.features[best], number, seed)
        if not plans:
            plans.append(Plan("", 1.0, 0, ahead.gain(()), int(best[0])))
        known = _scored(history, offer.fidelity) | _scored_here(history, offer.fidelity, context.signals)
        unknown = [
            at for at, place in enumerate(best) if found.realised.subsets[place].fingerprint not in known
        ]
        if unknown and offer.max_scores:
            plans.append(_plan(ahead, offer, ahead.order(unknown), best.tolist()))
    return tuple(plans)


def _plan(ahead: Lookahead, offer: Offer, order: Sequence[int], places: Sequence[int]) -> Plan:
    counts = list(_doubling(min(offer.max_scores, len(order))))
    gains = [ahead.gain(order[:count]) / offer.price(count) for count in counts]
    most = int(np.argmax(gains))
    return Plan(offer.fidelity, offer.cost, counts[most], gains[most], places[order[0]])


def _doubling(most: int) -> Iterator[int]:
    """1, 2, 4, ... and the most."""
    count = 1
    while count < most:
        yield count
        count *= 2
    yield most


def choose_fidelity(plans: Sequence[Plan]) -> Plan | None:
    """The lower fidelity that is worth it; None where the full training is."""
    if not plans:
        return None
    full, best = plans[0], max(plans, key=lambda plan: plan.gain)
    return best if best.fidelity and best.gain > _NOT_WORTH * full.gain else None


def weigh_fidelities(
    plans: Sequence[Plan], fitted: FittedModel, offers: Sequence[Offer]
) -> tuple[FidelityAssessment, ...]:
    """Record of each fidelity's expected gain and learned correlation."""
    gains = {plan.fidelity: plan for plan in plans}
    full = tuple(FidelityAssessment(FULL, 1.0, gain=plan.gain) for plan in plans[:1])
    return (*full, *(_weigh(offer, gains.get(offer.fidelity), fitted) for offer in offers))


def _weigh(offer: Offer, plan: Plan | None, fitted: FittedModel) -> FidelityAssessment:
    shown = agreement(fitted.low_fidelity, fitted.observed, offer.fidelity)
    names, trust = list(fitted.trust), None
    if offer.fidelity in names:
        trust = fitted.surrogate.correlations[names.index(offer.fidelity)]
    return FidelityAssessment(
        offer.fidelity,
        offer.cost,
        0 if plan is None else plan.scores,
        None if plan is None else plan.gain,
        trust,
        shown.pairs,
        shown.rank_correlation,
    )


def _scored(history: History, fidelity: str) -> frozenset[str]:
    """Subsets that were scored at a fidelity, or are being scored."""
    return frozenset(one.subset for one in history.cheap if one.fidelity == fidelity)


def _scored_here(history: History, fidelity: str, signals: SignalTable) -> frozenset[str]:
    """The same subsets by their rows in the table that candidates are compared on."""
    recipes = [one.recipe for one in history.cheap if one.fidelity == fidelity]
    return frozenset(realise_once(recipe, signals).fingerprint for recipe in recipes)
