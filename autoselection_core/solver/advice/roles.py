"""The four roles of the published method: the facts in each one's prompt, and the form of its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.history.values import History, Observation
from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe
from autoselection_core.solver.advice.consultation import Consultation
from autoselection_core.solver.advice.prompt_facts import (
    catalogue_json,
    credit_json,
    history_json,
    recipe_json,
    recipes_by_trial,
    state_json,
)
from autoselection_core.solver.advice.reading import (
    Grammar,
    anchor_in,
    findings_in,
    ranking_in,
    recipes_in,
)
from autoselection_core.solver.advice.settings import AdviserRole
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.programs.credit import Credit
from autoselection_core.solver.programs.realise import Draft, Realised
from autoselection_core.subset import realise

_MAX_ANCHOR_STEPS = 3
"""Maximum number of steps of a new anchor, as published."""

_MAX_MISSES = 2
"""Rankings without use after which the numbers decide."""


@dataclass(frozen=True)
class Anchor:
    """Anchor that proposals are edits of.

    Attributes:
        recipe: The program.
        trial: The trial that evaluated it; None if none did.
        utility: Its utility, as far as is known.
    """

    recipe: Recipe
    trial: int | None
    utility: float | None


@dataclass(frozen=True)
class Predicted:
    """Surrogate's predictions of the candidates of a round.

    Attributes:
        means: Posterior means. Shape (m,).
        deviations: Posterior standard deviations. Shape (m,).
        order: Places, the best first.
    """

    means: Sequence[float]
    deviations: Sequence[float]
    order: Sequence[int]


def summarise(context: SearchContext, consultation: Consultation) -> tuple[str, ...]:
    """Three to five findings about what was tried; none where no adviser states some."""
    facts = _common(context, consultation, consultation.history.observations)
    return consultation.consult(AdviserRole.SUMMARISER, facts, findings_in) or ()


def propose(
    context: SearchContext, consultation: Consultation, anchor: Anchor, findings: Sequence[str]
) -> tuple[Draft, ...]:
    """Local edits of an anchor that the proposer wants tried, within the operators' ranges."""
    observations = consultation.history.observations
    known = recipes_by_trial(observations)
    grammar = Grammar(context.templates, known, context.policy.max_steps, context.seed)
    facts: dict[str, Json] = {
        **_common(context, consultation, observations),
        "catalogue": catalogue_json(context.templates),
        "anchor": {
            "steps": recipe_json(anchor.recipe, known),
            "utility": anchor.utility,
            "state": state_json(realise(anchor.recipe, context.pool), context.pool),
        },
        "findings": list(findings),
        "unions": list[Json](sorted(known)),
        "longest": context.policy.max_steps,
        "wanted": context.policy.round_size,
    }
    recipes = consultation.consult(
        AdviserRole.PROPOSER, facts, lambda value: recipes_in(value, grammar, anchor.recipe)
    )
    return tuple(
        Draft(recipe, "proposed", anchor.trial, f"of {anchor.recipe.label}") for recipe in recipes or ()
    )


def reseed(
    context: SearchContext, consultation: Consultation, observations: Sequence[Observation], credit: Credit
) -> Recipe | None:
    """A new anchor by the reseeder, from the first observations; None where the numbers draw it."""
    grammar = Grammar(context.templates, {}, min(_MAX_ANCHOR_STEPS, context.policy.max_steps), context.seed)
    facts: dict[str, Json] = {
        **_common(context, consultation, observations),
        "catalogue": catalogue_json(context.templates),
        "credits": credit_json(credit),
    }
    return consultation.consult(AdviserRole.RESEEDER, facts, lambda value: anchor_in(value, grammar))


def rank(
    context: SearchContext,
    consultation: Consultation,
    realised: Realised,
    predicted: Predicted,
    findings: Sequence[str],
) -> tuple[int, ...] | None:
    """Places of the candidates, the best first, by shuffled rankings; None where the numbers rank.

    Models favour places of a list, so every ranking sees another order, and mean places count (SiftRank,
    Gross 2025); equal ones go by the numbers. Rankings end once the order by mean places no longer changes.
    """
    if not consultation.has(AdviserRole.RANKER) or consultation.adviser is None:
        return None
    settings, count = consultation.adviser.settings, len(realised)
    rng = np.random.default_rng(seed_for("rankings", context.seed, consultation.history.next_trial))
    by_numbers = np.argsort(np.asarray(predicted.order))
    total, orders, misses = np.zeros(count), list[tuple[int, ...]](), 0
    while len(orders) + misses < settings.rankings and misses < _MAX_MISSES:
        shown = rng.permutation(count)
        facts: dict[str, Json] = {
            **_common(context, consultation, consultation.history.observations),
            "findings": list(findings),
            "candidates": _candidates_json(context, consultation.history, realised, predicted, shown),
        }
        ranking = consultation.consult(AdviserRole.RANKER, facts, lambda value: ranking_in(value, count))
        if ranking is None:
            misses += 1
            continue
        total[shown[list(ranking.order)]] += np.arange(count)
        orders.append(tuple(int(place) for place in np.lexsort((by_numbers, total))))
        if len(orders) >= settings.agreeing and len(set(orders[-settings.agreeing :])) == 1:
            break
    return orders[-1] if orders else None


def _common(
    context: SearchContext, consultation: Consultation, observations: Sequence[Observation]
) -> dict[str, Json]:
    unit = "" if consultation.adviser is None else consultation.adviser.unit
    return {
        "unit": f"{unit or 'utility'}; higher utilities are better",
        "history": history_json(observations, context.pool),
    }


def _candidates_json(
    context: SearchContext, history: History, realised: Realised, predicted: Predicted, shown: Rows
) -> Json:
    known = recipes_by_trial(history.observations)
    return [
        {
            "index": index,
            "steps": recipe_json(realised.drafts[place].recipe, known),
            "mean": float(predicted.means[place]),
            "deviation": float(predicted.deviations[place]),
            "state": _candidate_told(context, realised, int(place)),
        }
        for index, place in enumerate(shown)
    ]


def _candidate_told(context: SearchContext, realised: Realised, place: int) -> Json:
    """State of a candidate; that of its sampled rows where its rows of the pool break a limit."""
    exact = context.exact(realised, place)
    if exact is None:
        return state_json(realised.subsets[place], context.signals)
    return state_json(exact, context.pool)
