"""Programs, their edits, and what is made of them."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe, Union
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.describer import bend
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.features.state_axes import BINS, blocks_of, describe
from autoselection_core.solver.programs.credit import Credit, changes, credit_of
from autoselection_core.solver.programs.edits import EDITS, Workbench, draw_anchor, edit_recipe
from autoselection_core.solver.programs.fresh import has_union, latin_recipes, random_recipe
from autoselection_core.solver.programs.realise import (
    INVALID,
    REPEATED,
    TOO_SMALL,
    TRIED,
    Draft,
    realise_drafts,
)
from autoselection_core.subset import realise
from tests.solver.worlds import pool

SIGNALS = pool()
TEMPLATES = catalogue(SIGNALS)

TOP = KeepTop(signal="ifd", fraction=0.5)
HIGHER = KeepTop(signal="ifd", fraction=0.6)
LONG = KeepTop(signal="tokens", fraction=0.5)
SOME = KeepRandom(fraction=0.5)


def test_a_latin_hypercube_gives_every_length_its_share() -> None:
    lengths = Counter(len(recipe) for recipe in latin_recipes(TEMPLATES, 60, 6, seed=3))

    assert lengths == dict.fromkeys(range(1, 7), 10)


@given(st.integers(0, 2**32))
def test_random_programs_have_one_to_six_steps_from_the_catalogue(seed: int) -> None:
    recipe = random_recipe(TEMPLATES, np.random.default_rng(seed), 6, 0)

    assert 1 <= len(recipe) <= 6
    assert all(any(template.matches(step) for template in TEMPLATES) for step in recipe.steps)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_an_edit_never_leaves_the_longest_program(seed: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    mates = [random_recipe(TEMPLATES, rng, longest, 0) for _ in range(3)]
    bench = Workbench(TEMPLATES, mates, longest)

    recipe, name = edit_recipe(mates[0], bench, rng)

    assert name in EDITS
    assert len(recipe) <= longest
    assert Recipe.from_json(recipe.to_json()) == recipe


def test_all_edits_happen() -> None:
    rng = np.random.default_rng(0)
    bench = Workbench(TEMPLATES, [Recipe((TOP, LONG)), Recipe((SOME,))], 6)

    names = {edit_recipe(Recipe((TOP, LONG)), bench, rng)[1] for _ in range(200)}

    assert names == set(EDITS)


def test_the_full_pool_can_be_edited() -> None:
    recipe, name = edit_recipe(Recipe(()), Workbench(TEMPLATES, [], 6), np.random.default_rng(0))

    assert (len(recipe), name) == (1, "insert")


def test_an_encoded_program_knows_its_order() -> None:
    encoder = ProgramEncoder(TEMPLATES)

    one, other = encoder.encode([Recipe((TOP, SOME)), Recipe((SOME, TOP))])

    assert (one != other).any()
    assert one.sum() == other.sum()


def test_credit_goes_to_what_a_child_added_retuned_and_removed() -> None:
    assert changes(Recipe((TOP, LONG)), Recipe((HIGHER, SOME))) == (("keep_random", TOP.label), (LONG.label,))

    credit = credit_of([(Recipe((TOP, LONG)), Recipe((HIGHER, SOME)), 3.0)])

    assert credit.operators == {"keep_random": 1.0, TOP.label: 1.0, LONG.label: -1.0}
    assert credit.pairs == {("keep_random", TOP.label): 3.0}


def test_a_new_anchor_is_made_of_operators_with_credit() -> None:
    credit = Credit({TOP.label: 1.0, LONG.label: 0.5, SOME.label: -2.0}, {})

    anchors = [draw_anchor(credit, TEMPLATES, np.random.default_rng(seed), 0) for seed in range(30)]

    assert {step.label for anchor in anchors for step in anchor.steps} == {TOP.label, LONG.label}


def test_every_draft_is_kept_or_counted() -> None:
    observed = realise(Recipe((SOME,)), SIGNALS).fingerprint
    empty = (KeepTop(signal="ifd", fraction=0.05),) * 3
    drafts = [
        Draft(Recipe(steps), "fresh")
        for steps in ((TOP,), (TOP, TOP.__class__(signal="ifd", fraction=1.0)), (SOME,), empty)
    ]
    drafts.append(Draft(Recipe((KeepTop(signal="never", fraction=0.5),)), "fresh"))

    realised = realise_drafts(drafts, SIGNALS, 5, [observed])

    assert len(realised) == 1
    assert realised.reasons == {REPEATED: 1, TRIED: 1, TOO_SMALL: 1, INVALID: 1}


def test_a_description_counts_exactly() -> None:
    blocks = blocks_of(SIGNALS)
    full = np.arange(len(SIGNALS))
    best = realise(Recipe((KeepTop(signal="tokens", fraction=0.25),)), SIGNALS).rows

    raw = describe([full, best], blocks)

    names = sorted(SIGNALS.columns)
    tokens = 1 + names.index("tokens")
    assert raw.axes[0, 0] == 0
    assert raw.axes[1, 0] == np.log(0.25)
    assert raw.axes[1, tokens] > 0.8 > raw.axes[0, tokens]
    marginal = raw.marginals[1].reshape(len(names), BINS)[tokens - 1] * BINS**0.5
    assert marginal[BINS * 3 // 4 - 1] == 0
    assert marginal[-1] == 1


def test_a_recipe_with_a_union_is_not_united_with() -> None:
    assert has_union(Recipe((TOP, Union(Recipe((SOME,))))))
    assert not has_union(Recipe((TOP,)))


@given(arrays(np.float64, (12, 2), elements=st.floats(-1e6, 1e6)))
def test_bent_axes_keep_order_and_sign_and_what_is_near_stays_as_it_is(axes: Features) -> None:
    made = bend(axes)
    near = np.abs(axes) <= 2

    assert np.array_equal(made[near], axes[near])
    assert np.array_equal(np.sign(made), np.sign(axes))
    assert np.abs(made).max() < 2 + np.log1p(1e6)
    for column, before in zip(made.T, axes.T, strict=True):
        assert (np.diff(column[np.argsort(before, kind="stable")]) >= 0).all()
