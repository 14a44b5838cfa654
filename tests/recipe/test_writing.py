"""Writing and reading of recipes, and the errors of one that is wrong."""

import pickle

import pytest
from hypothesis import given

from autoselection_core.errors.recipe import RecipeFormatError, UnknownFieldError, UnknownOperatorError
from autoselection_core.operators.catalogue import DEFAULT_OPERATORS
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.mixing import MixSources
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.recipe import Recipe, Union
from autoselection_core.testing.worlds import recipes

WRITTEN = """\
process:
- keep_top:
    signal: ifd
    fraction: 0.5
    order: highest
- union:
    process:
    - keep_band:
        signal: ifd
        high: 1.0
    seed: 3
- mix_sources:
    fraction: 0.5
    evenness: 0.5
    groups: source
    quotas:
      alpaca: 1.0
      gsm8k: 2.0
seed: 7
"""


@given(recipes(DEFAULT_OPERATORS))
def test_a_recipe_is_written_and_read_unchanged(recipe: Recipe) -> None:
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe.from_yaml(recipe.to_yaml()).to_yaml() == recipe.to_yaml()
    assert Recipe.from_json(recipe.to_json()).fingerprint == recipe.fingerprint


def test_a_text_in_the_canonical_spelling_is_written_back_letter_by_letter() -> None:
    assert Recipe.from_yaml(WRITTEN).to_yaml() == WRITTEN


def test_a_recipe_by_hand_may_be_short() -> None:
    expected = Recipe((KeepRandom(), KeepTop("ifd", fraction=0.2)))

    assert Recipe.from_yaml("process: [keep_random, keep_top: {signal: ifd, fraction: 0.2}]") == expected
    assert Recipe.from_yaml("- keep_random:\n- keep_top: {signal: ifd, fraction: 0.2}") == expected
    assert Recipe.from_yaml("process: []") == Recipe()


def test_quotas_have_one_order() -> None:
    written = (("b", 2.0), ("a", 1.0))

    assert MixSources(quotas=written) == MixSources(quotas=written[::-1])


def test_a_fingerprint_is_the_same_in_every_version_of_this_code() -> None:
    # It stands in ledgers: when this changes, every history is orphaned.
    assert Recipe().fingerprint == "70e321a5b3679a714df7bb3cdfb60834"
    assert Recipe.from_yaml(WRITTEN).fingerprint == "46e206cf8c68fff46a2a49a3237c0a8c"


def test_order_settings_seed_and_what_is_united_name_a_recipe() -> None:
    first, second = KeepTop("ifd"), KeepRandom()
    different = [
        Recipe((first, second)),
        Recipe((second, first)),
        Recipe((first, second), seed=1),
        Recipe((KeepTop("ifd", fraction=0.4), second)),
        Recipe((first, Union(Recipe((second,))))),
        Recipe((first, Union(Recipe((second,), seed=1)))),
    ]

    assert len({recipe.fingerprint for recipe in different}) == len(different)


def test_labels_and_signals_of_a_recipe() -> None:
    recipe = Recipe((KeepTop("ifd"), Union(Recipe((KeepBand("tokens", high=9.0),)))))

    assert recipe.label == "keep_top[ifd] > union"
    assert recipe.reads == ("ifd", "tokens")
    assert Recipe().label == "full pool"


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("- keep_tpo: {signal: ifd}", UnknownOperatorError, r"step 1: .*Did you mean 'keep_top'\?"),
        (
            "- keep_top: {signal: ifd, fractoin: 1}",
            UnknownFieldError,
            r"step 1 \(keep_top\) has no field 'fractoin'",
        ),
        ("- keep_random\n- keep_top", RecipeFormatError, r"step 2 \(keep_top\): needs the field 'signal'"),
        (
            "- keep_top: {signal: ifd, fraction: 2}",
            RecipeFormatError,
            r"step 1 \(keep_top\): fraction is 2.0",
        ),
        ("- keep_top: [ifd]", RecipeFormatError, r"step 1 \(keep_top\): settings must be a mapping"),
        ("- {keep_top: {}, keep_random: {}}", RecipeFormatError, "step 1: must be one operator"),
        (
            "- union: {process: [keep_top]}",
            RecipeFormatError,
            r"step 1 \(union\), step 1 \(keep",
        ),
        ("- union: keep_top", RecipeFormatError, r"step 1 \(union\): must be a mapping with `process:`"),
        ("proces: []", UnknownFieldError, r"recipe has no field 'proces' .*Did you mean 'process'\?"),
        ("process: keep_top", RecipeFormatError, "must be a list of steps"),
        ("process: []\nseed: x", RecipeFormatError, "`seed:` must be a whole number"),
        ("keep_top", RecipeFormatError, "must be a mapping"),
        ("process: [", RecipeFormatError, "line 1"),
    ],
)
def test_a_wrong_recipe_says_where_and_what(text: str, error: type[RecipeFormatError], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        Recipe.from_yaml(text)

    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301  # our own bytes


def test_a_recipe_cannot_run_code() -> None:
    with pytest.raises(RecipeFormatError, match="only plain data"):
        Recipe.from_yaml("process: !!python/object/apply:os.system ['true']")


def test_a_step_that_is_no_step_is_refused() -> None:
    with pytest.raises(RecipeFormatError, match="step 1"):
        Recipe(("keep_top",))  # type: ignore[arg-type]  # what a caller without types may do
