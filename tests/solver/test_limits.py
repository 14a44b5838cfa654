"""Limits of candidates."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm

from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.search import NotWorthwhileError
from autoselection_core.errors.signals import MissingSignalError
from autoselection_core.history.values import History
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe, Union
from autoselection_core.solver import POLICIES, Policy, Solver
from autoselection_core.solver.candidates.phase import CLIPPED, TOO_FAR, TrustRadius
from autoselection_core.solver.context import context_for
from autoselection_core.solver.evidence.fitted import fit_model
from autoselection_core.solver.evidence.observations import compress_tail, observed_subsets
from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.programs.fresh import single_recipes
from autoselection_core.solver.programs.limits import OUTSIDE_SHARES, TOO_LARGE, TOO_MANY_TOKENS
from autoselection_core.solver.surrogate.gp import Fitting, fit
from autoselection_core.solver.surrogate.mixture import quantiles
from autoselection_core.subset import realise
from tests.solver.worlds import SMALL, entropy_of, observed, pool, searched, solver, with_sources


def test_utilities_near_the_median_and_above_it_stay_as_they_are() -> None:
    utilities = np.array([3.0, -2.0, 1.0, 0.5, 0.0, 2.5])

    assert np.array_equal(compress_tail(utilities, 3.0), utilities)


def test_the_tail_keeps_its_order_and_joins_without_a_step() -> None:
    utilities = np.array([1.0, 0.0, -1.0, -3.0, -3.001, -30.0, 2.0, 1.5, 1.2, 0.5])

    compressed = compress_tail(utilities, 1.0)

    assert np.array_equal(np.argsort(compressed), np.argsort(utilities))
    assert compressed.min() > -10
    assert abs(compressed[3] - compressed[4]) < 0.001


def test_equal_utilities_and_a_single_one_are_left_alone() -> None:
    for utilities in (np.ones(4), np.array([2.0])):
        assert np.array_equal(compress_tail(utilities, 1.0), utilities)


def test_differences_below_a_known_noise_pull_nothing_in() -> None:
    utilities = np.array([1.0, 1.01, 0.8])

    assert np.array_equal(compress_tail(utilities, 1.0, min_spread=0.5), utilities)
    assert not np.array_equal(compress_tail(utilities, 1.0), utilities)


def test_terrible_subsets_no_longer_inflate_the_noise_nor_hide_who_is_good() -> None:
    layout, rng = Layout(2, 0, 0), np.random.default_rng(0)
    features = rng.normal(size=(16, 2))
    utilities = 0.1 * features[:, 0] + 0.02 * rng.normal(size=16)
    features[:4, 1] -= 4.0
    utilities[:4] -= [2.0, 1.4, 1.8, 1.1]
    asked = np.column_stack([np.linspace(-1, 1, 9), np.zeros(9)])

    plain, compressed = (fit(features, values, layout, Fitting(16)) for values in
                     (utilities, compress_tail(utilities, 3.0)))  # fmt: skip
    errors = [np.mean(np.abs(one.posterior(asked)[0] - 0.1 * asked[:, 0])) for one in (plain, compressed)]

    assert compressed.noise < 0.5 * plain.noise
    assert errors[1] < errors[0]


def test_quantiles_of_a_mixture_hold_their_share_of_each_part() -> None:
    means, deviations = torch.tensor([[0.0, 1.0], [4.0, 1.0]]), torch.tensor([[1.0, 2.0], [0.5, 2.0]])

    found = quantiles(means.double(), deviations.double(), (0.25, 0.5, 0.9)).numpy()

    for level, values in zip((0.25, 0.5, 0.9), found, strict=True):
        assert np.allclose(np.mean(norm.cdf(values, means, deviations), axis=0), level)
    assert np.allclose(found[:, 1], norm.ppf([0.25, 0.5, 0.9], 1.0, 2.0))


def test_quantiles_of_one_vector_are_those_of_its_normal() -> None:
    layout, rng = Layout(2, 0, 0), np.random.default_rng(1)
    features = rng.normal(size=(12, 2))
    surrogate = fit(features, features[:, 0] * 5 + 3, layout, Fitting(1))

    mean, deviation = surrogate.posterior(features[:3])

    assert np.allclose(
        surrogate.quantiles(features[:3], (0.05, 0.95)), norm.ppf([[0.05], [0.95]], mean, deviation)
    )


def test_every_operator_alone_is_a_candidate_at_the_usual_shares() -> None:
    asker = solver()
    labels = {template.label for template in catalogue(pool())}

    recipes = single_recipes(asker.templates, 7)

    assert {step.label for recipe in recipes for step in recipe.steps} == labels
    for fraction in (0.1, 0.25, 0.5, 0.75):
        wanted = Recipe((KeepTop("word_entropy", fraction=fraction),), 7)
        assert wanted in recipes


def test_a_single_operator_is_chosen_where_no_program_does_what_it_does() -> None:
    asker = solver(SMALL.with_settings(fresh=8, edits=0))

    history = searched(asker, entropy_of(asker.signals), 8)

    alone = [one for one in history.observations if one.proposal["origin"] == "single"]
    best = max(alone, key=lambda one: one.utility)
    assert best.recipe.steps[0].label == "keep_top[word_entropy]"
    assert best.utility > max(one.utility for one in history.observations[:4]), "the probes"


def said(history: History) -> list[Mapping[str, Any]]:
    """Reasons of each trial."""
    return [observation.proposal for observation in history.observations]


def with_scores(history: History, scores: Mapping[str, float]) -> History:
    newest = replace(history.observations[-1], scores=scores)
    return replace(history, observations=(*history.observations[:-1], newest))


def scored(asker: Solver, budget: int) -> History:
    """A search whose utility is the mean entropy of the rows, and whose benchmark is what share stays."""
    history, mean = History("search", 0, budget), entropy_of(asker.signals)
    for _ in range(budget):
        (candidate,) = asker.ask(history)
        share = len(candidate.subset) / len(asker.signals)
        history = with_scores(observed(history, candidate, mean(candidate.subset)), {"kept": share})
    return history


def test_no_candidate_is_larger_than_allowed_and_the_full_pool_is_none() -> None:
    asker = solver(SMALL.with_settings(max_share=0.4, finals=0))

    history = searched(asker, entropy_of(asker.signals), 8)

    assert max(observation.tokens for observation in history.observations) <= 0.4 * len(asker.signals)
    assert said(history)[-1]["screened"][TOO_LARGE] > 0


@pytest.mark.parametrize("name", POLICIES)
def test_no_candidate_of_any_policy_has_more_tokens_than_allowed(name: str) -> None:
    bare = solver()
    tokens = np.abs(bare.signals["tokens"]) * 100
    signals = replace(bare.signals, columns={**bare.signals.columns, "tokens": tokens})
    asker = replace(bare, signals=signals, policy=SMALL.with_settings(name=name, max_tokens=5000))

    history = searched(asker, entropy_of(signals), 7)

    subsets = [realise(one.recipe, signals) for one in history.observations]
    assert max(tokens[subset.rows].sum() for subset in subsets) <= 5000
    assert sum(one["screened"].get(TOO_MANY_TOKENS, 0) for one in said(history)) > 0


@pytest.mark.parametrize("name", POLICIES)
def test_no_candidate_of_any_policy_has_a_share_of_a_group_out_of_its_bounds(name: str) -> None:
    bare = solver()
    signals, policy = with_sources(bare.signals), SMALL.with_settings(name=name)
    bounded = policy.with_settings(shares={"source/first": [0.1, 0.48]})
    history = searched(replace(bare, signals=signals, policy=bounded), entropy_of(signals), 7)

    kept = [signals.label("source")[realise(one.recipe, signals).rows] for one in history.observations]

    assert all(0.1 <= (rows == 0).mean() <= 0.48 for rows in kept)
    assert sum(one["screened"].get(OUTSIDE_SHARES, 0) for one in said(history)) > 0


@pytest.mark.parametrize("wrong", [[0.5], [0.6, 0.5], [-0.1, 1.0], "half"])
def test_bounds_of_a_share_that_cannot_be_are_refused(wrong: object) -> None:
    with pytest.raises(SettingError, match="a least and a largest share from 0 to 1"):
        SMALL.with_settings(shares={"source/first": wrong})


def test_bounds_of_a_group_that_the_pool_has_not_are_refused_by_name() -> None:
    bare = solver(SMALL.with_settings(shares={"source/frist": [0.1, 0.5]}))

    with pytest.raises(MissingSignalError, match="Did you mean 'first'"):
        replace(bare, signals=with_sources(bare.signals)).ask(History("search", 0, 3))


def test_shares_have_one_spelling() -> None:
    assert Policy(shares={"b": [0, 1], "a": [0.1, 0.5]}) == Policy(shares=(("a", 0.1, 0.5), ("b", 0.0, 1.0)))  # type: ignore[arg-type]


def test_the_trust_radius_keeps_candidates_near_what_was_tried() -> None:
    asker = solver(SMALL.with_settings(trust_radius=0.6))

    history = searched(asker, entropy_of(asker.signals), 8)

    chosen = [proposal for proposal in said(history)[4:] if proposal["origin"] != "replicate"]
    assert all(proposal["distance"] <= 0.6 for proposal in chosen)
    assert chosen[-1]["screened"][TOO_FAR] > 0


def test_what_is_too_far_is_clipped_by_a_union_with_the_nearest_tried_subset() -> None:
    asker = solver(SMALL)
    history = searched(asker, entropy_of(asker.signals), 6)
    context = context_for(asker.signals, tuple(asker.templates), asker.policy, history.seed)
    fitted = fit_model(context, observed_subsets(history, asker.signals))
    gaps = distances(context.features, fitted.features, context.describer.layout).min(axis=1)
    most = float(np.quantile(gaps, 0.3))

    found, features = TrustRadius(context, fitted, most).within(context.fresh, context.features, frozenset())

    is_clipped = np.array(["clipped" in draft.edit for draft in found.drafts])
    beyond = int((gaps > most).sum())
    assert 0 < is_clipped.sum() == found.reasons[CLIPPED] < beyond
    assert found.reasons[CLIPPED] + found.reasons[TOO_FAR] - context.fresh.reasons.get(TOO_FAR, 0) == beyond
    assert distances(features, fitted.features, context.describer.layout).min(axis=1).max() <= most
    assert all(
        isinstance(draft.recipe.steps[-1], Union)
        for draft, clipped in zip(found.drafts, is_clipped, strict=True)
        if clipped
    )
    assert len({subset.fingerprint for subset in found.subsets}) == len(found)


def test_a_floor_under_a_benchmark_changes_what_is_asked_for_and_recommended() -> None:
    free, bound = solver(), solver(SMALL.with_settings(floors={"kept": 0.5}))

    loose, kept = scored(free, 12), scored(bound, 12)

    best = bound.recommend(kept)
    assert free.recommend(loose).mean > best.mean
    assert kept.observations[best.trial - 1].scores["kept"] >= 0.5
    shares = [np.mean([one.scores["kept"] for one in each.observations[4:]]) for each in (loose, kept)]
    assert shares[1] > shares[0] + 0.15


def test_a_search_ends_when_nothing_is_expected_to_gain_enough() -> None:
    asker = solver(SMALL.with_settings(stop_gain=100.0))
    history = searched(asker, entropy_of(asker.signals), 4)

    with pytest.raises(NotWorthwhileError, match="less than the 100") as raised:
        asker.ask(history)

    assert 0 < raised.value.expected < 100


def test_a_search_goes_on_while_gains_are_large_enough() -> None:
    asker = solver(SMALL.with_settings(stop_gain=1e-9, tolerance=1.0))

    assert len(searched(asker, entropy_of(asker.signals), 6).observations) == 6


@pytest.mark.parametrize("name", ["stop_gain", "trust_radius", "max_tokens"])
def test_a_limit_that_nothing_can_keep_to_is_refused(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        Policy().with_settings(**{name: 0})


def test_floors_have_one_spelling() -> None:
    assert Policy(floors={"b": 1, "a": 2.0}) == Policy(floors=(("a", 2.0), ("b", 1.0)))  # type: ignore[arg-type]  # as a campaign file says it
