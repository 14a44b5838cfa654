"""Properties of a whole search."""

import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.search import (
    NoCandidatesError,
    NoTemplatesError,
    NothingToRecommendError,
    NotWorthwhileError,
)
from autoselection_core.history.search_settings import FIRST_SETTINGS, merge_settings
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import FailedTrial, History
from autoselection_core.identity import canonical_json
from autoselection_core.solver import POLICIES, Policy, Solver
from autoselection_core.solver.proposal import Proposal
from autoselection_core.subset import realise
from tests.solver.worlds import SMALL, entropy_of, observed, pool, searched, solver, with_sources

VALUES = {"min_share": 0.2, "max_share": 0.5, "max_tokens": 7, "max_sampled": 9, "tail_threshold": 2.0}


def test_the_published_policy_is_read_under_its_first_name() -> None:
    assert Policy(name="autoselection") == Policy(name="published")


@pytest.mark.parametrize(("name", "first"), FIRST_SETTINGS.items())
def test_a_setting_is_read_under_its_first_name(name: str, first: str) -> None:
    assert Policy().with_settings(**{first: VALUES[name]}) == Policy().with_settings(**{name: VALUES[name]})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises((TypeError, SettingError)):
        Policy().with_settings(least_share=0.1)


def test_a_search_has_one_identity_under_either_spelling() -> None:
    first = SearchSpec(campaign="shop", policy="autoselection", policy_settings={"smallest_share": 0.1})
    now = SearchSpec(campaign="shop", policy="published", policy_settings={"min_share": 0.1})

    assert first.identity == now.identity != SearchSpec(campaign="shop", policy="published").identity


def test_what_is_asked_for_replaces_a_campaigns_setting_under_its_other_name() -> None:
    assert merge_settings({"smallest_share": 0.1}, {"min_share": 0.3}) == {"min_share": 0.3}
    assert merge_settings({"min_share": 0.1}, {"smallest_share": 0.3}) == {"smallest_share": 0.3}


HERE = Path(__file__).parent

_ASK = """
import sys
sys.path.insert(0, {here!r})
import torch
torch.set_num_threads({threads})
from solver.worlds import SMALL, entropy_of, searched, solver
asker = solver(SMALL.with_settings(name={name!r}))
history = searched(asker, entropy_of(asker.signals), 7)
print([observation.subset for observation in history.observations])
"""


def _in_a_fresh_process(name: str, hash_seed: int, threads: int) -> str:
    code = _ASK.format(here=str(HERE.parent), name=name, threads=threads)
    environment = {"PYTHONHASHSEED": str(hash_seed), "PYTHONPATH": str(HERE.parents[1]), "PATH": ""}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout


def test_a_fresh_process_with_other_threads_and_hash_seeds_asks_for_the_same() -> None:
    with ThreadPoolExecutor(2) as both:
        one, other = both.map(_in_a_fresh_process, ("default", "default"), (1, 2), (1, 2))

    assert one == other


def test_questions_from_two_threads_at_once_have_the_answers_of_one() -> None:
    asker = solver()
    history = searched(asker, entropy_of(asker.signals), 6)
    alone = asker.ask(history)[0].proposal

    with ThreadPoolExecutor(2) as threads:
        asked = list(threads.map(asker.ask, [history] * 6))

    assert [candidate.proposal for (candidate,) in asked] == [alone] * 6


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_history_and_seed_have_the_same_answer(name: str) -> None:
    asker = solver(SMALL.with_settings(name=name))
    history = searched(asker, entropy_of(asker.signals), 6)

    first, second = (solver(SMALL.with_settings(name=name)).ask(history)[0] for _ in range(2))

    assert first.recipe == second.recipe
    assert first.proposal == second.proposal


@pytest.mark.parametrize("name", POLICIES)
def test_a_candidate_is_what_its_recipe_realises(name: str) -> None:
    asker = solver(SMALL.with_settings(name=name))

    for observation in searched(asker, entropy_of(asker.signals), 8).observations:
        assert realise(observation.recipe, asker.signals).fingerprint == observation.subset


@pytest.mark.parametrize("name", POLICIES)
def test_candidates_asked_for_at_once_differ_and_differ_from_all_tried(name: str) -> None:
    asker = solver(SMALL.with_settings(name=name, tolerance=1.0))
    history = searched(asker, entropy_of(asker.signals), 6)

    asked = asker.ask(history, 3)

    names = [candidate.subset.fingerprint for candidate in asked]
    assert len({*names, *(observation.subset for observation in history.observations)}) == 9


def test_a_batch_starts_with_the_single_answer() -> None:
    asker = solver()
    history = searched(asker, entropy_of(asker.signals), 5)

    assert asker.ask(history, 2)[0].recipe == asker.ask(history)[0].recipe


def test_eight_slots_are_filled_before_anything_is_measured() -> None:
    asked = solver().ask(History("search", 0, 20), 8)

    assert len({candidate.subset.fingerprint for candidate in asked}) == 8


def test_the_first_trials_of_version_one_are_the_full_pool_and_the_zones() -> None:
    asker = solver(SMALL.with_settings(version=1))

    history = searched(asker, entropy_of(asker.signals), 4)

    shares = [observation.tokens / len(asker.signals) for observation in history.observations]
    assert shares[0] == 1
    assert [observation.proposal["origin"] for observation in history.observations] == [
        "full_pool",
        "warmup_low",
        "warmup_middle",
        "warmup_high",
    ]
    assert 0.05 <= shares[1] < 0.2
    assert 0.3 <= shares[2] < 0.55
    assert 0.6 <= shares[3] < 0.95


def test_a_failed_recipe_is_not_asked_for_again() -> None:
    asker = solver()
    history = searched(asker, entropy_of(asker.signals), 6)
    (failing,) = asker.ask(history)
    failure = FailedTrial(history.next_trial, failing.recipe, "diverged")

    (other,) = asker.ask(replace(history, failures=(failure,)))

    assert other.subset.fingerprint != failing.subset.fingerprint


def test_a_search_finds_what_a_single_signal_says() -> None:
    asker = solver(SMALL.with_settings(fresh=200))
    utility = entropy_of(asker.signals)

    history = searched(asker, utility, 12)

    best = max(utility(subset) for subset in (realise(o.recipe, asker.signals) for o in history.observations))
    assert asker.recommend(history).mean > 1.0
    assert best > 1.2


def test_the_recommendation_is_not_fooled_by_one_lucky_run() -> None:
    asker = solver(SMALL.with_settings(noise_prior=1.0, noise_spread=0.1))
    history = searched(asker, lambda _: 0.0, 2)
    (steady,) = asker.ask(history)
    for utility in (1.0, 1.2, 1.1, 0.9):
        history = observed(history, steady, utility)
    (lucky,) = asker.ask(history)
    history = observed(history, lucky, 1.3)

    recommendation = asker.recommend(history)

    assert recommendation.subset == steady.subset.fingerprint
    assert recommendation.best_observed == history.observations[-1].trial
    assert recommendation.evaluations == 4


def test_an_edit_is_recorded_with_every_program_between_and_a_measured_trial_to_compare_with() -> None:
    asker = solver(SMALL.with_settings(edits=120, generations=4))
    history = searched(asker, entropy_of(asker.signals), 10)

    informed = [(one, Proposal.from_json(one.proposal)) for one in history.observations[4:]]
    edits = [(one, reasons) for one, reasons in informed if reasons.origin == "edit"]
    assert edits, "no edit was chosen: the test shows nothing"
    for one, reasons in informed:
        if reasons.origin != "replicate":
            assert reasons.anchor is not None
            assert reasons.anchor < one.trial
    for one, reasons in edits:
        assert reasons.chain[-1][1] == one.recipe.label
        assert (reasons.chain[0][0] == f"trial {reasons.parent}") is (reasons.parent is not None)
    assert Proposal.from_json(edits[0][1].to_json()) == edits[0][1]
    old = Proposal("fresh").to_json()
    assert "chain" not in old
    assert "nearest" not in old


def test_a_proposal_explains_itself_in_json() -> None:
    asker = solver()
    history = searched(asker, entropy_of(asker.signals), 6)

    (candidate,) = asker.ask(history)

    recorded = candidate.proposal.to_json()
    assert canonical_json(recorded)
    assert {"mean", "deviation", "acquisition", "rank", "parent", "edit", "runner_up"} <= set(recorded)
    assert candidate.proposal.runner_up is not None
    assert candidate.proposal.acquisition is not None
    assert candidate.proposal.acquisition >= candidate.proposal.runner_up.acquisition


def test_what_a_solver_was_asked_before_changes_no_answer() -> None:
    asker = solver()
    late = searched(asker, entropy_of(asker.signals), 5)
    early = replace(late, observations=late.observations[:3])

    answers = [asker.recommend(history) for history in (late, early, late)]

    assert answers == [solver().recommend(history) for history in (late, early, late)]
    assert answers[0] != answers[1]


def test_nothing_measured_means_nothing_to_recommend() -> None:
    with pytest.raises(NothingToRecommendError, match="no measured trial"):
        solver().recommend(History("search", 0, 5))


def test_a_solver_without_templates_says_what_to_do() -> None:
    with pytest.raises(NoTemplatesError, match="score at least one signal"):
        Solver(pool(), (), Policy())


DEFAULT_CHANGES: Mapping[str, object] = {
    "name": "published",
    "version": 1,
    "plain_scores": {"word_entropy": "highest"},
    "finals": 0,
    "composition": 1,
    "full_pool": 0,
    "warmup": 1,
    "max_steps": 1,
    "fresh": 30,
    "edits": 0,
    "generations": 1,
    "anchors": 1,
    "patience": 1,
    "noise_prior": 5.0,
    "noise_spread": 2.0,
    "tail_threshold": 0.1,
    "tolerance": 10.0,
    "surrogate": "student_t",
    "draws": 1,
    "max_sampled": 2,
    "min_share": 0.5,
    "max_share": 0.5,
    "max_tokens": 5,
    "trust_radius": 0.5,
    "floors": (("kept", 0.9),),
    "shares": (("source/first", 0.0, 0.4),),
    "stop_gain": 100.0,
    "sample_rows": 64,
}
PUBLISHED_CHANGES: Mapping[str, object] = {"round_size": 1, "exploration": 0.0, "patience": 1}
RANDOM_CHANGES: Mapping[str, object] = {
    "max_steps": 1,
    "min_share": 0.5,
    "max_share": 0.5,
}


def test_no_setting_of_a_policy_is_without_a_case() -> None:
    known = {field.name for field in fields(Policy)}

    assert known == {*DEFAULT_CHANGES, *PUBLISHED_CHANGES}


@pytest.mark.parametrize("name", DEFAULT_CHANGES)
def test_every_setting_of_the_default_policy_matters(name: str) -> None:
    second = SMALL.with_settings(version=2, finals=1)

    assert _decisions(second) != _decisions(second.with_settings(**{name: DEFAULT_CHANGES[name]}))


@pytest.mark.parametrize("name", PUBLISHED_CHANGES)
def test_every_setting_of_the_published_policy_matters(name: str) -> None:
    published = SMALL.with_settings(name="published")

    assert _decisions(published) != _decisions(published.with_settings(**{name: PUBLISHED_CHANGES[name]}))


@pytest.mark.parametrize("name", RANDOM_CHANGES)
def test_every_limit_of_a_random_search_matters(name: str) -> None:
    drawn = SMALL.with_settings(name="random")

    assert _decisions(drawn) != _decisions(drawn.with_settings(**{name: RANDOM_CHANGES[name]}))


@cache
def _decisions(policy: Policy) -> list[object]:
    """Reasons of each of nine trials, or why the search ended before."""
    plain = solver(policy)
    asker, noise = (
        replace(plain, signals=with_sources(plain.signals)),
        np.random.default_rng(0).normal(0, 0.5, 9),
    )
    mean, history = entropy_of(asker.signals), History("search", 0, 9)
    for number in range(9):
        try:
            (candidate,) = asker.ask(history)
        except (NoCandidatesError, NotWorthwhileError) as error:
            return [*(one.proposal for one in history.observations), type(error)]
        history = observed(history, candidate, mean(candidate.subset) + noise[number])
        scores = {"kept": len(candidate.subset) / len(asker.signals)}
        newest = replace(history.observations[-1], scores=scores)
        history = replace(history, observations=(*history.observations[:-1], newest))
    return [one.proposal for one in history.observations]
