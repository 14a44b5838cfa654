"""Later versions of the default policy: plain filters first, finalists last, nothing untrainable, pairs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.values import FailedTrial, History
from autoselection_core.operators.catalogue import WeightTemplate, catalogue, with_weights
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Policy, Proposal, Solver
from autoselection_core.solver.candidates.local_search import pairs_of
from autoselection_core.solver.candidates.tilts import group_slopes, tilted_mixtures
from autoselection_core.solver.candidates.warmup import plain_filters, plain_intersections, usual_quarters
from autoselection_core.solver.context import context_for
from autoselection_core.solver.evidence.constraints import Success
from autoselection_core.solver.evidence.fitted import fit_model
from autoselection_core.solver.evidence.observations import observed_subsets
from autoselection_core.solver.features.composition import TOPICS, composition_of
from autoselection_core.solver.policy import GROUPS_ONLY
from autoselection_core.solver.programs.fresh import single_recipes
from autoselection_core.solver.programs.limits import MAX_PASSES, TOO_REPEATED, read_tokens, trainable_rows
from autoselection_core.subset import realise
from tests.solver.worlds import SMALL, Utility, entropy_of, observed, pool, searched, solver

FIRST, SECOND, THIRD, FOURTH, FIFTH = (
    SMALL.with_settings(version=version, finals=1) for version in (1, 2, 3, 4, 5)
)


def origins(history: History) -> list[object]:
    return [one.proposal["origin"] for one in history.observations]


def with_topics(rows: int = 200) -> SignalTable:
    """A pool with two sources and embeddings in four directions."""
    rng = np.random.default_rng(4)
    vectors = np.eye(8, dtype=np.float32)[rng.integers(4, size=rows)] + 0.1 * rng.normal(size=(rows, 8))
    labels = {"source": rng.integers(2, size=rows).astype(np.int32)}
    return replace(pool(rows), vectors={"embedding": vectors.astype(np.float32)}, labels=labels)


def test_the_first_trials_are_the_full_pool_and_plain_filters() -> None:
    asker = solver(SECOND)
    history = searched(asker, entropy_of(asker.signals), 4)

    assert origins(history) == ["full_pool", "plain", "plain", "plain"]
    assert all(len(one.recipe) == 1 for one in history.observations[1:])


def test_the_third_version_tries_the_full_pool_a_plain_filter_and_programs_of_other_sizes() -> None:
    asker = solver(THIRD)
    history = searched(asker, entropy_of(asker.signals), 4)

    assert origins(history) == ["full_pool", "plain", "warmup_low", "warmup_middle"]


def test_the_fourth_version_tries_the_quarter_that_a_person_would_try_first() -> None:
    asker = solver(FOURTH)
    history = searched(asker, entropy_of(asker.signals), 3)

    assert origins(history) == ["full_pool", "plain", "warmup_low"]
    (step,) = history.observations[1].recipe.steps
    assert (step.label, step.settings["fraction"]) == ("keep_top[ifd]", 0.25)


def test_the_fourth_version_tries_the_better_quarter_of_each_score_of_one_s_own_first() -> None:
    asker = solver(FOURTH.with_settings(plain_scores={"word_entropy": "highest", "tokens": "lowest"}))
    history = searched(asker, entropy_of(asker.signals), 4)

    assert origins(history) == ["full_pool", "plain", "plain", "warmup_low"]
    steps = [one.recipe.steps[0] for one in history.observations[1:3]]
    assert {step.label for step in steps} == {"keep_top[word_entropy]", "keep_top[tokens,lowest]"}
    assert {step.settings["fraction"] for step in steps} == {0.25}


def test_a_usual_quarter_is_the_highest_by_relevance_or_ifd() -> None:
    signals = replace(pool(), columns={**pool().columns, "relevance/gsm8k": pool()["tokens"]})

    found = usual_quarters(plain_filters(catalogue(signals), 0))

    assert {each.steps[0].label for each in found} == {
        "keep_relevant",
        "keep_top[ifd]",
        "keep_top[relevance/gsm8k]",
    }
    assert {each.steps[0].settings["fraction"] for each in found} == {0.25}


def test_plain_filters_are_crossed_in_pairs_over_different_signals() -> None:
    filters = plain_filters(catalogue(pool()), 0)

    found = plain_intersections(filters, max_steps=6)

    pairs = [tuple(sorted(step.label for step in each.steps)) for each in found]
    assert set(pairs) == {
        ("keep_top[ifd]", "keep_top[response_tokens]"),
        ("keep_top[ifd]", "keep_top[tokens]"),
        ("keep_top[response_tokens]", "keep_top[tokens]"),
    }
    assert len(found) == len(set(found)) == 3 * 4, "each of two shares with each of two"
    assert {step.settings["fraction"] for each in found for step in each.steps} == {0.25, 0.5}
    assert plain_intersections(filters, max_steps=1) == ()


def test_intersections_of_plain_filters_are_candidates_from_the_fourth_version_on() -> None:
    def considered(version: int) -> int:
        asker = solver(SMALL.with_settings(version=version, composition=0, fresh=8, edits=0))
        history = searched(asker, entropy_of(asker.signals), 4)
        (chosen,) = asker.ask(history)
        left_out = sum(chosen.proposal.screened.values())
        return chosen.proposal.candidates_considered + left_out

    assert considered(4) - considered(3) == 12


def test_the_composition_is_seen_from_the_fourth_version_on_unless_it_is_set() -> None:
    versions = [SMALL.with_settings(version=version) for version in (1, 2, 3, 4)]

    assert [each.composition_seen for each in versions] == [0, 0, 0, GROUPS_ONLY]
    assert all(each.with_settings(composition=1).composition_seen == 1 for each in versions)
    assert all(each.with_settings(composition=0).composition_seen == 0 for each in versions)


def test_a_plain_filter_keeps_the_highest_scores_of_a_usual_signal() -> None:
    labels = {recipe.steps[0].label for recipe in plain_filters(catalogue(pool()), 0)}

    assert labels == {"keep_top[ifd]", "keep_top[response_tokens]", "keep_top[tokens]"}


@pytest.mark.parametrize(("end", "label"), [("highest", ""), ("lowest", ",lowest"), ("either", "")])
@pytest.mark.parametrize("policy", [SECOND, THIRD])
def test_the_better_quarter_by_a_score_of_one_s_own_is_the_first_plain_filter(
    policy: Policy, end: str, label: str
) -> None:
    asker = solver(policy.with_settings(plain_scores={"word_entropy": end}))
    history = searched(asker, entropy_of(asker.signals), 3)

    assert origins(history)[:2] == ["full_pool", "plain"]
    (step,) = history.observations[1].recipe.steps
    assert (step.label, step.settings["fraction"]) == (f"keep_top[word_entropy{label}]", 0.25)


def test_both_ends_of_a_score_are_plain_filters_only_where_nothing_says_which_is_better() -> None:
    def labels(end: str) -> set[str]:
        found = plain_filters(catalogue(pool()), 0, [("word_entropy", end)])
        return {each.steps[0].label for each in found if "word_entropy" in each.steps[0].label}

    assert labels("highest") == {"keep_top[word_entropy]"}
    assert labels("lowest") == {"keep_top[word_entropy,lowest]"}
    assert labels("either") == {"keep_top[word_entropy]", "keep_top[word_entropy,lowest]"}


def test_a_measured_filter_by_a_score_of_one_s_own_is_the_best_plain_filter() -> None:
    asker = solver(THIRD.with_settings(plain_scores={"word_entropy": "either"}))
    history = searched(asker, lambda subset: float(len(subset)), 2)

    best = asker.recommend(history)

    assert len(best.recipe) == 0
    assert best.plain_filter == history.observations[1].recipe


def test_an_end_that_no_score_has_is_refused() -> None:
    with pytest.raises(SettingError, match="plain_scores"):
        Policy(plain_scores=(("rm_score", "best"),))


def test_the_last_evaluation_goes_to_a_finalist_again() -> None:
    asker = solver(SECOND)
    history = searched(asker, entropy_of(asker.signals), 8)

    assert history.observations[-1].proposal["origin"] == "replicate"
    assert history.observations[-1].subset in {one.subset for one in history.observations[:-1]}


def test_a_search_that_was_registered_without_a_version_keeps_the_first_one() -> None:
    assert Policy.of_search("default", {"draws": 4}, 6).version == 1
    assert Policy.of_search("default", {"draws": 4, "version": 2}, 6).version == 2


@pytest.mark.parametrize("limit", [None, 30])
def test_what_has_no_answer_within_the_length_limit_is_no_candidate(limit: int | None) -> None:
    signals = pool()
    rng = np.random.default_rng(0)
    prompt = np.where(np.arange(len(signals)) < 100, 50, 10)
    answers = rng.integers(1, 20, len(signals))
    columns = {**signals.columns, "tokens": (prompt + answers).astype(np.float32)}
    columns["response_tokens"] = answers.astype(np.float32)
    signals = replace(signals, columns=columns)
    asker = Solver(signals, catalogue(signals), SECOND, max_tokens=limit)
    readable = trainable_rows(signals, limit)

    assert readable.sum() == (len(signals) if limit is None else 100)
    history = History("search", 0, 20)
    for _ in range(6):
        (candidate,) = asker.ask(history)
        assert readable[candidate.subset.rows].any()
        history = observed(history, candidate, float(len(candidate.subset.rows)))


def counted(rows: int = 200) -> SignalTable:
    """A pool whose samples have 30 to 50 tokens, of which 20 are an answer's."""
    signals = pool(rows)
    tokens = np.random.default_rng(1).integers(30, 50, rows).astype(np.float32)
    columns = {**signals.columns, "tokens": tokens, "response_tokens": np.full(rows, 20, np.float32)}
    return replace(signals, columns=columns)


@pytest.mark.parametrize("length", [2_000.0, 20_000.0])
def test_no_candidate_of_the_third_version_is_read_more_than_four_times(length: float) -> None:
    signals = counted()
    asker = Solver(signals, catalogue(signals), THIRD, max_tokens=40, train_tokens=length)
    read = read_tokens(signals, 40)
    history = History("search", 0, 20)

    for _ in range(7):
        (candidate,) = asker.ask(history)
        # A training of 20,000 tokens reads the whole pool more than twice: no filter alone is too small.
        assert read[candidate.subset.rows].sum() >= min(length / MAX_PASSES, 0.05 * read.sum())
        history = observed(history, candidate, -float(len(candidate.subset.rows)))

    reasons = [one.proposal["screened"] for one in history.observations]
    assert any(isinstance(each, dict) and each.get(TOO_REPEATED) for each in reasons)


def test_small_subsets_are_candidates_where_a_training_reads_little() -> None:
    signals = counted(2_000)

    def min_rows(policy: Policy, length: float | None = 400.0) -> int:
        asker = Solver(signals, catalogue(signals), policy, max_tokens=40, train_tokens=length)
        return asker.context(0).reading.min_rows(policy)

    assert min_rows(FIRST) == min_rows(SECOND) == min_rows(THIRD, None) == 20
    assert min_rows(THIRD) == 1
    assert min_rows(THIRD.with_settings(min_share=0.1)) == 200


def test_no_candidate_is_below_the_least_share_and_registered_searches_round_as_they_began() -> None:
    assert [Policy(version=each, min_share=0.3).min_rows(81) for each in range(1, 6)] == [24, 24, 24, 24, 25]
    assert Policy(min_share=0.07).min_rows(100) == 7
    assert Policy().min_rows(10) == 1


def test_the_best_filters_are_intersected_and_united_in_pairs() -> None:
    asker = solver(THIRD)
    context, history = asker.context(0), History("search", 0, 9)
    for recipe in single_recipes(asker.templates, 0)[:4]:
        candidate = Candidate(recipe, realise(recipe, asker.signals), Proposal("single"))
        history = observed(history, candidate, entropy_of(asker.signals)(candidate.subset))
    fitted = fit_model(context, observed_subsets(history, asker.signals))
    best, second = (fitted.observed[place] for place in fitted.ranked[:2])

    drafts = [draft for draft in pairs_of(fitted, context) if draft.parent == best.trial]
    found = {draft.edit: set(realise(draft.recipe, asker.signals).rows) for draft in drafts}

    assert found[f"intersect with trial {second.trial}"] <= set(best.subset.rows)
    assert found[f"unite with trial {second.trial}"] == {*best.subset.rows, *second.subset.rows}


def test_what_fails_lowers_the_chance_of_its_like() -> None:
    context = solver(SECOND).context(0)
    near, far = context.features[:1], context.features[-1:]
    chance = Success(far, near, context.describer.layout)

    failed, measured = chance.log_value(np.concatenate([near, far]))

    assert failed < measured <= 0


def test_a_failed_subset_is_not_asked_for_again() -> None:
    asker = solver(SECOND)
    history = searched(asker, entropy_of(asker.signals), 5)
    history = replace(history, budget=20)
    (first,) = asker.ask(history)
    failed = FailedTrial(6, first.recipe, "no score")

    (second,) = asker.ask(replace(history, failures=(failed,)))

    assert second.subset.fingerprint != first.subset.fingerprint


def test_shares_of_sources_and_topics_are_groups_of_the_composition() -> None:
    signals = with_topics()
    found = composition_of(signals)

    assert [name for name in found.names if name not in signals.columns] == [
        "source",
        *(f"cluster/{count}" for count in TOPICS),
        "mean embedding",
    ]
    assert composition_of(signals, ()).names == found.names[len(signals.columns) :]
    scaled = found.rescale([np.arange(20), np.arange(50, 120), np.arange(200)])
    place = found.places[found.names.index("source")]
    shares = scaled.features([np.arange(40)])[0, place] * scaled.scales[found.names.index("source")]
    ones = np.bincount(signals.label("source")[:40] + 1, minlength=3) / 40

    np.testing.assert_allclose(shares, ones, atol=1e-6)


def weighed(rows: int = 400, groups: int = 6) -> SignalTable:
    """A pool whose sources have names, and so weights."""
    rng = np.random.default_rng(7)
    labels = {"source": rng.integers(groups, size=rows).astype(np.int32)}
    names = {"source": tuple(f"source {number}" for number in range(groups))}
    return replace(pool(rows), labels=labels, label_names=names)


def of_sources(signals: SignalTable, worth: Sequence[float]) -> Utility:
    """Mean worth of the sources that a subset's rows come from."""
    each = np.asarray(worth)[signals.label("source")]
    return lambda subset: float(each[subset.rows].mean())


def after_mixtures(signals: SignalTable, asker: Solver, worth: Sequence[float]) -> History:
    """A history of random mixtures of sources, each measured."""
    history, utility = History("search", 0, 40), of_sources(signals, worth)
    rng = np.random.default_rng(3)
    (template,) = (each for each in asker.templates if isinstance(each, WeightTemplate))
    for _ in range(16):
        recipe = Recipe((template.sample(rng),), 0)
        tried = Candidate(recipe, realise(recipe, signals), Proposal("fresh"))
        history = observed(history, tried, utility(tried.subset))
    return history


@pytest.mark.parametrize("best", range(3))
def test_slopes_along_sources_order_them_by_what_their_samples_are_worth(best: int) -> None:
    worth = np.roll([3.0, 1.0, 0.5, 0.0, -0.5, -1.0], best)
    signals = weighed()
    asker = Solver(signals, with_weights(catalogue(signals), signals), FIFTH)
    history = after_mixtures(signals, asker, worth.tolist())
    context = context_for(signals, tuple(asker.templates), FIFTH, 0)
    fitted = fit_model(context, observed_subsets(history, signals))

    tried = fitted.observed[fitted.incumbent]
    shares, slopes = group_slopes(context, fitted, tried, "source", 6)

    labels = signals.label("source")[tried.subset.rows]
    np.testing.assert_allclose(shares, np.bincount(labels, minlength=6) / len(labels))
    assert int(slopes.argmax()) == best
    assert abs(np.average(slopes, weights=shares)) < 0.2


def test_a_tilted_mixture_has_more_of_the_sources_that_are_worth_more() -> None:
    signals = weighed()
    asker = Solver(signals, with_weights(catalogue(signals), signals), FIFTH)
    history = after_mixtures(signals, asker, [3.0, 1.0, 0.5, 0.0, -0.5, -1.0])
    context = context_for(signals, tuple(asker.templates), FIFTH, 0)
    fitted = fit_model(context, observed_subsets(history, signals))

    drafts = tilted_mixtures(context, fitted, fitted.ranked[:3])
    utility = of_sources(signals, [3.0, 1.0, 0.5, 0.0, -0.5, -1.0])
    made = context.realise(drafts, frozenset())

    assert max(map(utility, made.subsets)) > utility(fitted.observed[fitted.incumbent].subset)
    assert {draft.edit for draft in drafts} == {"tilt source"}
    assert all(draft.parent in {one.trial for one in history.observations} for draft in drafts)


def test_tilted_mixtures_are_candidates_from_the_fifth_version_on() -> None:
    signals = weighed()
    utility = of_sources(signals, [3.0, 1.0, 0.5, 0.0, -0.5, -1.0])
    edits = {}
    for policy in (FOURTH, FIFTH):
        asker = Solver(signals, with_weights(catalogue(signals), signals), policy)
        history = searched(asker, utility, 8)
        edits[policy.version] = [str(one.proposal.get("edit", "")) for one in history.observations]

    assert not any("tilt" in edit for edit in edits[4])
    assert any("tilt source" in edit for edit in edits[5])


def test_a_subset_of_one_source_has_no_slopes() -> None:
    signals = replace(weighed(), labels={"source": np.zeros(400, np.int32)})
    asker = Solver(signals, with_weights(catalogue(signals), signals), FIFTH)
    history = searched(asker, entropy_of(signals), 4)
    context = context_for(signals, tuple(asker.templates), FIFTH, 0)
    fitted = fit_model(context, observed_subsets(history, signals))

    assert tilted_mixtures(context, fitted, fitted.ranked[:1]) == []
