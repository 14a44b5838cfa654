"""Answers of a language model: those that are read, and those that are refused."""

import json

import pytest

from autoselection_core.errors.search import UnusableAnswerError
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe, Union
from autoselection_core.solver.advice.consultation import prompt_of
from autoselection_core.solver.advice.reading import (
    Grammar,
    differing_steps,
    json_in,
    ranking_in,
    recipes_in,
    steps_in,
)
from autoselection_core.solver.advice.settings import AdviserRole
from tests.solver.worlds import pool

FIRST = Recipe((KeepTop("ifd", fraction=0.5),))
GRAMMAR = Grammar(catalogue(pool()), {2: FIRST}, 4, seed=7)

IFD = {"keep_top": {"signal": "ifd", "order": "highest", "fraction": 0.5}}
RANDOM = {"keep_random": {"fraction": 0.5}}


@pytest.mark.parametrize(
    "text", ['{"a": 1}', ' {"a": 1}\n', '```json\n{"a": 1}\n```', '<think>perhaps {} or []</think>\n{"a": 1}']
)
def test_json_is_read_alone_in_a_fence_and_after_thoughts(text: str) -> None:
    assert json_in(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "Here: {}", "{} that is it", "{'a': 1}", '{"a": 1} {"a": 2}', "{"])
def test_text_that_is_more_or_less_than_json_is_refused(text: str) -> None:
    with pytest.raises(UnusableAnswerError, match="is not JSON alone"):
        json_in(text)


def test_steps_become_a_recipe_with_the_seed_of_the_search() -> None:
    recipe = steps_in([IFD, RANDOM, {"union": {"trial": 2}}], GRAMMAR)

    assert recipe == Recipe((FIRST.steps[0], KeepRandom(fraction=0.5), Union(FIRST)), 7)


def test_every_step_that_the_catalogue_can_make_can_be_proposed() -> None:
    for template in GRAMMAR.templates:
        settings = dict(template.fixed) | {axis.name: axis.space.decode(1.0) for axis in template.axes}
        (step,) = steps_in(json.loads(json.dumps([{template.operator.name: settings}])), GRAMMAR).steps
        assert template.matches(step)


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "must have 1 to 4 steps"),
        ([RANDOM] * 5, "must have 1 to 4 steps"),
        ("keep_random", "no list"),
        ([["keep_random"]], "not one operator"),
        ([{**IFD, **RANDOM}], "not one operator"),
        ([{"keep_random": 0.5}], "no mapping"),
        ([{"keep_best": {}}], "outside the catalogue"),
        ([{"keep_top": {"signal": "loss", "order": "highest", "fraction": 0.5}}], "outside the catalogue"),
        ([{"keep_random": {"count": 5}}], "outside the catalogue"),
        ([{"keep_random": {"fraction": 0.0}}], "out of range"),
        ([{"keep_random": {"fraction": 1.01}}], "out of range"),
        ([{"keep_random": {"fraction": "0.5"}}], "out of range"),
        ([{"keep_random": {"fraction": True}}], "out of range"),
        ([{"keep_random": {"fraction": float("nan")}}], "out of range"),
        ([{"union": {"trial": 3}}], "something else than trials"),
        ([{"union": {"trial": True}}], "names no trial"),
        ([{"union": {"process": []}}], "names no trial"),
    ],
)
def test_a_recipe_outside_of_what_a_search_may_write_is_refused(steps: object, problem: str) -> None:
    with pytest.raises(UnusableAnswerError, match=problem):
        steps_in(steps, GRAMMAR)


def test_a_proposal_changes_one_step_of_the_anchor_or_two() -> None:
    recipes, problem = recipes_in(
        {"recipes": [[IFD], [IFD, RANDOM], [RANDOM, IFD], [RANDOM, RANDOM, RANDOM, IFD]]}, GRAMMAR, FIRST
    )

    assert [len(recipe) for recipe in recipes] == [2, 2]
    assert problem.startswith("recipe 1 changes 0 steps of the anchor")
    assert "recipe 4 changes 3 steps" in problem


def test_steps_that_change_places_count_once() -> None:
    a, b, c = KeepRandom(fraction=0.1), KeepRandom(fraction=0.2), KeepRandom(fraction=0.3)

    assert differing_steps(Recipe((a, b, c)), Recipe((b, a, c))) == 1
    assert differing_steps(Recipe((a, b, c)), Recipe((a, c))) == 1
    assert differing_steps(Recipe((a, b, c)), Recipe((c, a, b))) == 2
    assert differing_steps(Recipe(), Recipe((a, b, c))) == 3


@pytest.mark.parametrize(
    "answer",
    [
        {"ranking": [0, 1]},
        {"ranking": [0, 0, 1], "confidence": 1, "reason": ""},
        {"ranking": [1, 2, 3], "confidence": 1, "reason": ""},
        {"ranking": [0, 1, 2, 2], "confidence": 1, "reason": ""},
        {"ranking": [0, 1, 2.0], "confidence": 1, "reason": ""},
        {"ranking": [0, 1, 2], "confidence": 1.5, "reason": ""},
        {"ranking": [0, 1, 2], "confidence": float("nan"), "reason": ""},
        {"ranking": [0, 1, 2], "confidence": 1, "reason": None},
        [0, 1, 2],
    ],
)
def test_a_ranking_holds_every_index_once_with_confidence_and_reason(answer: object) -> None:
    with pytest.raises(UnusableAnswerError):
        ranking_in(answer, 3)


@pytest.mark.parametrize("role", list(AdviserRole))
def test_every_role_has_a_prompt_with_a_version_and_the_form_of_its_answer(role: AdviserRole) -> None:
    version, text = prompt_of(role)

    assert version == "1"
    assert "Answer with one JSON object and nothing else:" in text
