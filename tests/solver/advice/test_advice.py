"""A search that asks a language model, whatever the model says."""

import json
from dataclasses import fields, replace
from functools import cache

import pytest

from autoselection_core.errors.recipe import SettingError
from autoselection_core.history.values import FailedTrial, History, Observation, Pending
from autoselection_core.identity import canonical_json
from autoselection_core.solver import Candidate, Policy, Solver
from autoselection_core.solver.advice.consultation import Adviser
from autoselection_core.solver.advice.endpoint import Endpoint
from autoselection_core.solver.advice.exchange import AdviserQuestion, Recorded, Silent, exchanges_of
from autoselection_core.solver.advice.reading import Grammar, differing_steps, steps_in
from autoselection_core.solver.advice.settings import AdviserRole, AdviserSettings
from autoselection_core.solver.proposal import Proposal
from tests.solver.advice.speaking import NEW_ANCHOR, STEP, Facts, Model, Speaks, role_of, sensible, speaking
from tests.solver.worlds import SMALL, entropy_of, searched, solver

PUBLISHED = SMALL.with_settings(name="published", patience=2)


def advised(model: Model, policy: Policy = PUBLISHED, **settings: object) -> Solver:
    chosen = replace(AdviserSettings(model.url, "tiny"), **settings)  # type: ignore[arg-type] # fields differ in type
    return replace(
        solver(policy), adviser=Adviser(chosen, Endpoint(chosen.url, chosen.timeout_s), "accuracy in share")
    )


@cache
def measured(policy: Policy = PUBLISHED, budget: int = 5) -> History:
    """A search without a model whose utility fell from trial to trial, so that it needs a new anchor."""
    falling = iter(range(100, 0, -1))
    return searched(solver(policy), lambda _: float(next(falling)), budget)


def problems(candidate: Candidate) -> dict[str, str]:
    """The last problem of each role that was asked."""
    return {one.role: one.problem for one in candidate.proposal.advice}


def test_all_four_roles_are_asked_and_what_they_say_is_chosen_and_recorded() -> None:
    with speaking() as model:
        (candidate,) = advised(model).ask(measured())

    assert model.asked[:3] == ["reseeder", "summariser", "proposer"]
    assert set(model.asked[3:]) == {"ranker"}
    assert candidate.proposal.origin in ("proposed", "reseed")
    exchanges = candidate.proposal.advice
    assert [one.role for one in exchanges] == model.asked
    assert all(one.answer and not one.problem and one.version == "1" for one in exchanges)
    assert exchanges[0].answer == json.dumps({"steps": NEW_ANCHOR})
    assert exchanges[0].tokens_read == 7
    recorded = candidate.proposal.to_json()
    assert Proposal.from_json(json.loads(canonical_json(recorded))) == candidate.proposal


def wrong_types(role: str, _: Facts) -> str:
    return {
        "summariser": '{"findings": [1, 2, 3]}',
        "proposer": '{"recipes": [[{"keep_top": {"signal": 3, "order": [], "fraction": "half"}}], 5]}',
        "ranker": '{"ranking": ["0", "1", true, 3, 4], "confidence": 0.5, "reason": ""}',
        "reseeder": '{"steps": {"keep_top": {}}}',
    }[role]


def out_of_range(role: str, facts: Facts) -> str:
    settings = {"signal": "ifd", "order": "highest", "fraction": 1.5}
    return {
        "summariser": json.dumps({"findings": ["1. one"] * 9}),
        "proposer": json.dumps({"recipes": [[*facts.get("anchor", {}).get("steps", []), STEP] * 4]}),
        "ranker": json.dumps({"ranking": [5, 4, 3, 2, 1], "confidence": 0.5, "reason": ""}),
        "reseeder": json.dumps({"steps": [{"keep_top": settings}]}),
    }[role]


def repeated_indices(role: str, facts: Facts) -> str:
    ranking = {"ranking": [0] * len(facts.get("candidates", [])), "confidence": 0.5, "reason": ""}
    return json.dumps(ranking) if role == "ranker" else "{}"


def prose(role: str, facts: Facts) -> str:
    return f"Sure! Here is what you asked for: {sensible(role, facts)} I hope that this helps."


def nested_too_deep(_role: str, _facts: Facts) -> str:
    return "[" * 100_000


@pytest.mark.parametrize(
    "speaks", [wrong_types, out_of_range, repeated_indices, prose, nested_too_deep, lambda *_: "null"]
)
def test_a_useless_answer_of_any_role_ends_in_a_recorded_fallback_to_the_numbers(speaks: Speaks) -> None:
    (numbers,) = solver(PUBLISHED).ask(measured())

    with speaking(speaks) as model:
        (candidate,) = advised(model).ask(measured())

    assert candidate.recipe == numbers.recipe
    assert candidate.proposal.runner_up == numbers.proposal.runner_up
    assert set(problems(candidate)) == set(AdviserRole)
    assert all(problems(candidate).values())
    assert all(one.answer is not None for one in candidate.proposal.advice)


@pytest.mark.parametrize(
    ("serving", "problem"),
    [
        ({"status": 500}, "the endpoint answered with status 500"),
        ({"status": 302}, "the endpoint answered with status 302"),
        ({"delay_s": 0.02}, "no answer within 0.3 s"),
    ],
    ids=["an HTTP 500", "a redirection", "a hang"],
)
def test_an_endpoint_that_fails_costs_one_question_and_ends_in_a_recorded_fallback(
    serving: dict[str, int], problem: str
) -> None:
    (numbers,) = solver(PUBLISHED).ask(measured())

    with speaking(**serving) as model:  # type: ignore[arg-type] # a status or a delay
        (candidate,) = advised(model, timeout_s=0.3).ask(measured())

    first, *others = candidate.proposal.advice
    assert candidate.recipe == numbers.recipe
    assert first.problem == problem
    assert len(others) > 2
    assert all(one.problem.startswith("not asked") for one in others)
    assert model.asked == ["reseeder"]


def test_an_endpoint_that_is_not_there_ends_in_a_recorded_fallback() -> None:
    with speaking() as model:
        pass

    (candidate,) = advised(model).ask(measured())

    assert candidate.proposal.advice[0].problem == "the request failed: ConnectionError"


def test_an_answer_that_is_no_chat_completion_is_said_to_be_none() -> None:
    with speaking(lambda *_: None) as model:  # type: ignore[arg-type] # null
        (candidate,) = advised(model).ask(measured())

    assert candidate.proposal.advice[0].problem == "the endpoint's answer has no text"


def test_good_recipes_beside_bad_ones_are_tried_and_the_bad_ones_are_recorded() -> None:
    def half(role: str, facts: Facts) -> str:
        if role != "proposer":
            return sensible(role, facts)
        return json.dumps({"recipes": [[{"keep_all": {}}], [*facts["anchor"]["steps"], STEP]]})

    with speaking(half) as model:
        (candidate,) = advised(model, roles=("proposer",)).ask(measured(budget=3))

    (exchange,) = candidate.proposal.advice
    assert "recipe 1 has a step outside the catalogue" in exchange.problem
    assert "recipe 2" not in exchange.problem


def test_the_same_search_is_had_again_from_its_record_without_the_model() -> None:
    with speaking() as model:
        asker = advised(model)
        history = searched(asker, entropy_of(asker.signals), 9)
    assert asker.adviser is not None
    recorded = replace(asker, adviser=replace(asker.adviser, answers=Recorded(exchanges_of(history))))

    again = searched(recorded, entropy_of(asker.signals), 9)

    assert [one.recipe for one in again.observations] == [one.recipe for one in history.observations]
    assert [one.proposal for one in again.observations] == [one.proposal for one in history.observations]
    assert model.asked.count("reseeder") > 0


def test_what_a_fallback_decided_is_had_again_from_its_record_too() -> None:
    with speaking(status=500) as model:
        asker = advised(model)
        history = searched(asker, entropy_of(asker.signals), 6)
    assert asker.adviser is not None
    recorded = replace(asker, adviser=replace(asker.adviser, answers=Recorded(exchanges_of(history))))

    again = searched(recorded, entropy_of(asker.signals), 6)

    assert [one.proposal for one in again.observations] == [one.proposal for one in history.observations]


@pytest.mark.parametrize("state", ["measured", "pending", "failed"])
def test_an_anchor_that_a_model_wrote_stays_while_its_phase_lasts(state: str) -> None:
    history = measured()
    with speaking() as model:
        asker = advised(model, roles=("reseeder",))
        (candidate,) = asker.ask(history)
    proposal, number = candidate.proposal.to_json(), history.next_trial
    name, recipe = candidate.subset.fingerprint, candidate.recipe
    later = {
        "measured": replace(
            history,
            observations=(
                *history.observations,
                Observation(number, recipe, name, 0, 0.0, {}, None, 1.0, 1, proposal),
            ),
        ),
        "pending": replace(history, pending=(Pending(number, recipe, name, 0, proposal),)),
        "failed": replace(history, failures=(FailedTrial(number, recipe, "it diverged", proposal),)),
    }[state]
    assert asker.adviser is not None
    silent = replace(asker, adviser=replace(asker.adviser, answers=Silent("gone")))

    following, numbers = silent.ask(later, k=3), solver(PUBLISHED).ask(later, k=3)
    anchor = steps_in(NEW_ANCHOR, Grammar(asker.templates, {}, 3, seed=0))

    assert {one.proposal.origin for one in following} == {"reseed"}
    assert {one.proposal.advice for one in following} == {()}
    # A crossover may leave nothing of its anchor; not all three are crossovers.
    assert min(differing_steps(one.recipe, anchor) for one in following) == 1
    assert min(differing_steps(one.recipe, anchor) for one in numbers) > 1


def test_the_second_of_two_slots_reads_what_the_first_was_told() -> None:
    with speaking() as model:
        first, second = advised(model).ask(measured(), k=2)

    assert first.subset.fingerprint != second.subset.fingerprint
    assert model.asked.count("reseeder") == 1
    assert model.asked.count("summariser") == 1


def test_rankings_are_repeated_until_their_mean_order_stands_still() -> None:
    def first_is_best(role: str, facts: Facts) -> str:
        if role != "ranker":
            return sensible(role, facts)
        ranking = list(range(len(facts["candidates"])))
        return json.dumps({"ranking": ranking, "confidence": 1.0, "reason": "it comes first"})

    with speaking() as steady, speaking(first_is_best) as swayed:
        advised(steady, roles=("ranker",)).ask(measured())
        advised(swayed, roles=("ranker",), rankings=5, agreeing=5).ask(measured())

    assert steady.asked == ["ranker"] * 2
    assert swayed.asked == ["ranker"] * 5
    shown = [json.loads(each["messages"][1]["content"])["candidates"] for each in swayed.requests]
    assert len({json.dumps([one["steps"] for one in candidates]) for candidates in shown}) > 2


def test_what_a_ranker_likes_against_the_numbers_is_chosen_with_its_true_rank() -> None:
    def worst_first(role: str, facts: Facts) -> str:
        assert role == "ranker"
        order = sorted(facts["candidates"], key=lambda one: one["mean"] + 2 * one["deviation"])
        return json.dumps({"ranking": [one["index"] for one in order], "confidence": 1.0, "reason": ""})

    with speaking(worst_first) as model:
        (candidate,) = advised(model, roles=("ranker",)).ask(measured())

    assert candidate.proposal.rank == PUBLISHED.round_size
    assert candidate.proposal.runner_up is not None
    assert candidate.proposal.acquisition is not None
    assert candidate.proposal.acquisition <= candidate.proposal.runner_up.acquisition


def test_the_default_policy_compares_proposals_with_its_own_candidates() -> None:
    history = measured(SMALL)
    (numbers,) = solver().ask(history)

    with speaking() as model:
        (candidate,) = advised(model, SMALL).ask(history)

    assert model.asked == ["summariser", "proposer"]
    considered = candidate.proposal.candidates_considered
    assert considered > numbers.proposal.candidates_considered - SMALL.edits // 2
    assert candidate.proposal.advice[1].problem == ""


def test_a_random_search_and_the_probes_ask_nobody() -> None:
    with speaking() as model:
        advised(model, SMALL.with_settings(name="random")).ask(measured())
        advised(model).ask(History("search", 0, 5))

    assert model.asked == []


def test_prompts_hold_recipes_scores_and_states_and_say_their_unit() -> None:
    with speaking() as model:
        advised(model).ask(measured())

    told = [json.loads(request["messages"][1]["content"]) for request in model.requests]
    assert {role_of(facts) for facts in told} == set(AdviserRole)
    assert all(facts["unit"] == "accuracy in share; higher utilities are better" for facts in told)
    assert all(len(facts["history"]) == 5 for facts in told)
    assert "retention" in told[-1]["candidates"][0]["state"]


def test_a_key_is_read_from_the_environment_and_lands_in_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking() as model:
        advised(model, roles=("summariser",)).ask(measured())
        monkeypatch.setenv("AUTOSELECTION_ADVISER_KEY", "a-secret")
        (candidate,) = advised(model, roles=("summariser",)).ask(measured())

    assert model.keys == [None, "Bearer a-secret"]
    assert "a-secret" not in canonical_json(candidate.proposal.to_json())


CHANGES: dict[str, object] = {
    "url": "http://127.0.0.1:9/v1",
    "model": "other",
    "roles": ("ranker",),
    "timeout_s": 0.1,
    "temperature": 0.5,
    "max_tokens": 100,
    "rankings": 1,
    "agreeing": 4,
}


@pytest.mark.parametrize("name", [field.name for field in fields(AdviserSettings)])
def test_every_setting_of_an_adviser_matters(name: str) -> None:
    with speaking(delay_s=0.002 if name == "timeout_s" else 0.0) as model:
        usual = AdviserSettings(model.url, "tiny", roles=("ranker", "summariser"))
        before = _heard(usual, model)
        after = _heard(replace(usual, **{name: CHANGES[name]}), model)  # type: ignore[arg-type] # fields differ in type

    assert before != after


def _heard(settings: AdviserSettings, model: Model) -> tuple[object, object]:
    """Text that the model gets beside the facts, and whether its answers are used."""
    adviser, heard = Adviser(settings, Endpoint(settings.url, settings.timeout_s)), len(model.requests)
    (candidate,) = replace(solver(PUBLISHED), adviser=adviser).ask(measured())
    requests = [{**each, "messages": None} for each in model.requests[heard:]]
    return requests, [one.problem for one in candidate.proposal.advice]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"url": "ftp://host"}, "http"),
        (
            {"url": "http://user:password@host/v1"},
            r"^url is 'http://\*\*\*@host/v1', .*without user and password",
        ),
        ({"url": "http//user:pass@word@host/v1"}, r"^url is '\*\*\*@host/v1'"),
        ({"model": ""}, "name of a model"),
        ({"roles": ("proposr",)}, "Did you mean 'proposer'"),
        ({"timeout_s": 0.0}, "timeout_s"),
        ({"rankings": 0}, "rankings"),
    ],
)
def test_settings_that_no_adviser_can_have_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        AdviserSettings(**{"url": "http://127.0.0.1/v1", "model": "tiny", **settings})  # type: ignore[arg-type] # wrong on purpose


def test_a_search_pins_its_model_and_not_where_it_is_reached() -> None:
    one = AdviserSettings("http://127.0.0.1:1/v1", "tiny", roles=("ranker",), timeout_s=1.0)
    other = replace(one, url="https://elsewhere/v1", timeout_s=9.0)

    assert one.identity == other.identity
    assert AdviserSettings.of_search(one.identity).identity == one.identity
    assert AdviserSettings.of_search(one.identity).roles == ("ranker",)


def test_a_renamed_setting_changes_no_question_and_no_pinned_adviser() -> None:
    question = AdviserQuestion("ranker", "1", "tiny", "You rank.", "{}", 0.0, 4096)
    settings = AdviserSettings("http://127.0.0.1:1/v1", "tiny", roles=("ranker",), max_tokens=100)

    assert question.fingerprint == "1e79ab7a4635e1b590cfeb25f2d833b4"
    assert settings.identity["most_tokens"] == 100
    assert "max_tokens" not in settings.identity
