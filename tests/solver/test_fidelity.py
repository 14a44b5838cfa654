"""Cheaper evaluations in one search: bought by gain per cost, trusted as far as measured."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autoselection_core.history.values import CheapTrial, EarlierObservation, History
from autoselection_core.solver import Candidate, Solver
from autoselection_core.solver.acquisition.knowledge_gradient import look_ahead
from autoselection_core.solver.context import context_for
from autoselection_core.solver.evidence.fitted import FittedModel, fit_model
from autoselection_core.solver.evidence.low_fidelity import FidelityAgreement, agreement, align_levels
from autoselection_core.solver.evidence.observations import (
    LowFidelityObservation,
    low_fidelity_observations,
    observed_subsets,
)
from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.policies.fidelity_choice import offers_of
from autoselection_core.solver.policy import SURROGATES
from autoselection_core.solver.surrogate.kernel import correlations, covariance, variance
from autoselection_core.solver.surrogate.priors import LogNormalPrior as Median
from autoselection_core.solver.surrogate.priors import hyper_prior
from autoselection_core.subset import Subset
from tests.solver.worlds import SMALL, Utility, entropy_of, observed, searched, solver

ASKER = solver()
FULL = entropy_of(ASKER.signals)
SHORT = {"short": 0.1}


def noisy(subset: Subset) -> float:
    """A cheap score in another unit, at another level, somewhat off."""
    off = np.random.default_rng(len(subset)).normal(0, 0.02)
    return 50 + 10 * (FULL(subset) + float(off))


def reversed_(subset: Subset) -> float:
    return -FULL(subset)


def with_low_fidelity(history: History, candidate: Candidate, utility: float | None, cost: float) -> History:
    proposal = candidate.proposal
    cheap = CheapTrial(
        history.next_trial,
        proposal.fidelity,
        candidate.recipe,
        candidate.subset.fingerprint,
        utility,
        cost,
        proposal.to_json(),
    )
    return replace(history, cheap=(*history.cheap, cheap))


def at_fidelities(asker: Solver, cheap: Mapping[str, Utility], budget: int = 9, seed: int = 0) -> History:
    history = History("search", seed, budget)
    while history.spent + 1 <= budget + 1e-9:
        (candidate,) = asker.ask(history)
        if name := candidate.proposal.fidelity:
            history = with_low_fidelity(history, candidate, cheap[name](candidate.subset), asker.prices[name])
        else:
            history = observed(history, candidate, FULL(candidate.subset))
    return history


@pytest.fixture(scope="module")
def told() -> History:
    return at_fidelities(replace(ASKER, prices=SHORT), {"short": noisy})


@pytest.fixture(scope="module")
def misled() -> History:
    return at_fidelities(replace(ASKER, prices=SHORT), {"short": reversed_})


def learned(history: History, *, heeds: bool = True) -> FittedModel:
    context = context_for(ASKER.signals, tuple(ASKER.templates), ASKER.policy, history.seed)
    low_fidelity = low_fidelity_observations(history, ASKER.signals) if heeds else ()
    return fit_model(context, observed_subsets(history, ASKER.signals), low_fidelity=low_fidelity)


def test_a_search_with_a_cheaper_fidelity_buys_pairs_then_hints_and_stays_within_its_budget(
    told: History,
) -> None:
    origins = [one.proposal["origin"] for one in told.cheap]

    assert origins[:4] == ["pair"] * 4
    assert len(origins) > 4
    assert "pair" not in origins[4:]
    assert told.spent == pytest.approx(len(told.observations) + 0.1 * len(told.cheap))
    assert told.spent <= 9
    numbers = {one.trial for one in told.observations} | {one.trial for one in told.cheap}
    assert numbers == set(range(1, told.next_trial))


def test_every_choice_says_what_each_fidelity_promised_and_how_far_it_is_trusted(told: History) -> None:
    weighed: Any = told.observations[-1].proposal["weighed"]
    full, short = weighed

    assert (full["fidelity"], full["cost"]) == ("full", 1.0)
    assert short["trust"] <= short["rank_correlation"]
    assert short["pairs"] >= 4


def test_a_recipe_that_looked_good_cheaply_is_promoted_to_a_full_training(told: History) -> None:
    cheap = {one.subset: one.trial for one in told.cheap if one.proposal["origin"] != "pair"}

    promoted = [one for one in told.observations if one.subset in cheap]

    assert promoted
    assert all(cheap[one.subset] < one.trial for one in promoted)


def test_asking_is_pure(told: History) -> None:
    asker = replace(ASKER, prices=SHORT)
    early = replace(told, observations=told.observations[:6], cheap=told.cheap[:8])

    asked = [
        asker.ask(early)
        for asker in (asker, replace(asker), Solver(ASKER.signals, ASKER.templates, SMALL, prices=SHORT))
    ]

    assert asked[0][0].recipe == asked[1][0].recipe == asked[2][0].recipe
    assert asked[0][0].proposal == asked[1][0].proposal == asked[2][0].proposal


def test_only_full_scores_are_recommended_or_beaten(told: History) -> None:
    best = max(told.cheap, key=lambda one: one.utility or 0.0)
    boasting = replace(told, cheap=(*told.cheap, replace(best, trial=99, subset="no such", utility=1e6)))

    assert ASKER.recommend(boasting).trial in {one.trial for one in told.observations}
    assert len(learned(told).means) == len({one.subset for one in told.observations})


def test_a_misleading_fidelity_costs_four_scores_and_teaches_nothing(misled: History) -> None:
    heeding, alone = learned(misled), learned(misled, heeds=False)

    assert len(misled.cheap) == 4
    assert len(misled.observations) == 8
    assert heeding.trust == {}
    assert np.array_equal(heeding.means, alone.means)
    assert heeding.surrogate.standard == alone.surrogate.standard


def test_trust_goes_no_further_than_the_measured_rank_correlation(told: History) -> None:
    fitted = learned(told)
    measured = agreement(fitted.low_fidelity, fitted.observed, "short")

    assert measured.rank_correlation is not None
    assert fitted.trust["short"] == min(measured.rank_correlation, 0.99)
    assert 0.5 < fitted.surrogate.correlations[0] <= fitted.trust["short"]


def test_hints_narrow_what_is_believed_of_the_candidates_that_they_are_of(told: History) -> None:
    ahead, alone = learned(told), learned(told, heeds=False)
    context = context_for(ASKER.signals, tuple(ASKER.templates), ASKER.policy, 0)
    measured = {one.subset for one in told.observations}
    low_fidelity = [cheap for cheap in ahead.low_fidelity if cheap.subset.fingerprint not in measured]
    features = context.describe_subsets([cheap.subset for cheap in low_fidelity])
    truths = np.array([FULL(cheap.subset) for cheap in low_fidelity])

    errors = [np.abs(fitted.surrogate.posterior(features)[0] - truths).mean() for fitted in (ahead, alone)]

    assert errors[0] < errors[1]


def test_without_fidelities_no_word_of_them_is_recorded() -> None:
    plain = searched(ASKER, FULL, 6)

    assert at_fidelities(replace(ASKER, prices={}), {}, budget=6) == plain
    assert not any({"weighed", "fidelity"} & set(one.proposal) for one in plain.observations)


def test_a_fidelity_that_costs_too_much_to_be_tried_out_changes_no_choice() -> None:
    plain = searched(ASKER, FULL, 7)

    dear = at_fidelities(replace(ASKER, prices={"short": 0.9}), {"short": noisy}, budget=7)

    assert [one.recipe for one in dear.observations] == [one.recipe for one in plain.observations]


@pytest.mark.parametrize("name", ["random", "published"])
def test_other_policies_train_in_full(name: str) -> None:
    policy = SMALL.with_settings(name=name)
    history = at_fidelities(replace(ASKER, policy=policy, prices=SHORT), {"short": noisy}, budget=6)

    assert not history.cheap


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_every_surrogate_learns_from_cheap_scores(surrogate: str) -> None:
    policy = SMALL.with_settings(surrogate=surrogate, draws=2)

    history = at_fidelities(replace(ASKER, policy=policy, prices=SHORT), {"short": noisy}, budget=7)

    assert len(history.cheap) > 4
    assert history.spent <= 7


def test_a_warm_search_has_cheaper_evaluations_too(told: History) -> None:
    earlier = tuple(
        EarlierObservation("old", one.trial, one.recipe, one.utility, 0.9) for one in told.observations
    )
    asker = replace(ASKER, prices=SHORT, earlier=earlier)

    history = at_fidelities(asker, {"short": noisy}, budget=7)

    last: Any = history.observations[-1].proposal
    assert last["earlier"] == len(earlier)
    assert last["trust"] is not None
    assert history.cheap


def test_the_price_decides_what_is_bought(told: History) -> None:
    before = min(one.trial for one in told.cheap if one.proposal["origin"] != "pair")
    known = replace(
        told,
        observations=tuple(one for one in told.observations if one.trial < before),
        cheap=tuple(one for one in told.cheap if one.trial < before),
    )

    asked = [replace(ASKER, prices={"short": price}).ask(known)[0] for price in (0.1, 0.99)]

    assert [one.proposal.fidelity for one in asked] == ["short", ""]


def test_slots_that_fill_at_once_never_score_a_recipe_twice(told: History) -> None:
    known = replace(told, observations=told.observations[:5], cheap=told.cheap[:5], budget=30)

    asked = replace(ASKER, prices=SHORT).ask(known, 4)

    scored = [(one.subset.fingerprint, one.proposal.fidelity) for one in asked]
    assert len(set(scored)) == 4
    assert not set(scored) & {(one.subset, one.fidelity) for one in known.cheap}


def test_hints_before_a_full_training_cost_no_more_than_one() -> None:
    history = searched(ASKER, FULL, 2)
    history = replace(history, budget=5)
    (candidate,) = ASKER.ask(history)
    cheap = replace(candidate, proposal=replace(candidate.proposal, fidelity="short"))

    for scores in range(4):
        (offer,) = offers_of(history, {"short": 0.25})
        assert offer.max_scores == 4 - scores
        history = with_low_fidelity(history, cheap, None if scores % 2 else 1.0, 0.25)

    assert offers_of(history, {"short": 0.25})[0].max_scores == 0
    assert offers_of(observed(history, candidate, 1.0), {"short": 0.25})[0].max_scores == 0


@pytest.mark.parametrize(
    ("correlation", "pairs", "limit", "wanted"),
    [
        (0.9, 4, 0.9, 4),
        (1.0, 4, 0.99, 4),
        (0.9, 3, 0.0, 4),
        (-0.9, 4, 0.0, 4),
        (0.4, 4, 0.0, 8),
        (None, 4, 0.0, 4),
    ],
)
def test_a_fidelity_is_heeded_from_a_few_pairs_that_rank_alike(
    correlation: float | None, pairs: int, limit: float, wanted: int
) -> None:
    shown = FidelityAgreement(pairs, correlation)

    assert (shown.limit, shown.required_pairs) == (limit, wanted)


def test_agreement_is_spearman_s_over_recipes_measured_at_both(told: History) -> None:
    observed, low_fidelity = (
        observed_subsets(told, ASKER.signals),
        low_fidelity_observations(told, ASKER.signals),
    )
    first = [one for one in low_fidelity if one.entry.proposal["origin"] == "pair"]
    swapped = [
        replace(cheap, utility=float(rank)) for cheap, rank in zip(_ordered(first), (0, 1, 3, 2), strict=True)
    ]

    assert agreement(swapped, observed, "short").pairs == 4
    assert agreement(swapped, observed, "short").rank_correlation == pytest.approx(0.8)
    assert agreement(swapped[:2], observed, "short") == FidelityAgreement(2, None)
    assert agreement(swapped, observed, "other") == FidelityAgreement(0, None)


def _ordered(low_fidelity: list[LowFidelityObservation]) -> list[LowFidelityObservation]:
    return sorted(low_fidelity, key=lambda cheap: FULL(cheap.subset))


def test_cheap_scores_are_brought_to_level_and_spread_of_full_ones(told: History) -> None:
    low_fidelity = [
        one
        for one in low_fidelity_observations(told, ASKER.signals)
        if one.entry.proposal["origin"] == "pair"
    ]
    full = {cheap.subset.fingerprint: cheap.utility / 10 - 5 for cheap in low_fidelity}

    assert np.allclose(align_levels(low_fidelity, full, 1e6), list(full.values()))


def _layout(trust: tuple[float, ...]) -> Layout:
    return Layout(3, 4, 2, measures=1, trust=trust)


def _points(layout: Layout, count: int) -> np.ndarray:
    points = np.zeros((count, layout.size))
    rng = np.random.default_rng(0)
    points[:, : layout.program_columns.stop] = rng.normal(size=(count, layout.program_columns.stop))
    for row in range(0, count, 3):
        points[row, layout.fidelity_columns.start + row % 2] = 1.0
        points[row, layout.fidelity_columns.stop] = row
    for row in range(1, count, 3):
        points[row, layout.origin_columns] = (1.0, 0.3, row)
    return points


def test_covariances_between_fidelities_are_those_of_some_joint_distribution() -> None:
    import torch

    layout = _layout((0.9, 0.6))
    points = torch.from_numpy(_points(layout, 20))
    hyper = torch.from_numpy(hyper_prior(layout, Median(0.3, 0.5)).mean)[None].repeat(2, 1)

    found = covariance(hyper, points, points, layout)

    assert torch.allclose(found, found.mT)
    assert torch.linalg.eigvalsh(found).min() > -1e-9
    assert torch.allclose(torch.diagonal(found, dim1=-2, dim2=-1), variance(hyper, points, layout))


@pytest.mark.parametrize(("limit", "correlation"), [(0.99, 0.8), (0.5, 0.5)])
def test_the_learned_correlation_is_held_below_the_measured_one(limit: float, correlation: float) -> None:
    import torch

    layout = _layout((limit,))
    hyper = torch.from_numpy(hyper_prior(layout, Median(0.3, 0.5)).mean)[None]

    assert correlations(hyper, layout).item() == pytest.approx(correlation)


def test_scores_buy_more_the_better_the_fidelity_ranks(told: History) -> None:
    fitted = learned(told)
    context = context_for(ASKER.signals, tuple(ASKER.templates), ASKER.policy, 0)
    candidates = context.features[:20]

    def gain(trust: float, scored: int) -> float:
        layout = replace(fitted.surrogate.layout, trust=(trust,))
        surrogate = replace(fitted.surrogate, layout=layout)
        return look_ahead(surrogate, fitted.features, candidates, 0, 7).gain(range(scored))

    assert gain(1e-6, 10) == pytest.approx(gain(1e-6, 0), rel=1e-3)
    assert gain(0.5, 10) - gain(0.5, 0) < gain(0.9, 10) - gain(0.9, 0)
    assert gain(0.9, 0) < gain(0.9, 3) < gain(0.9, 20)
