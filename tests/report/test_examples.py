from autoselection_core.operators.definitions.duplicates import DropExactDuplicates
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe, Union
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.examples import examples_of
from autoselection_core.report.lineage.sentences import why_sentence
from autoselection_core.subset import materialize
from autoselection_core.subset.explain import explain

BOTH = Recipe((DropExactDuplicates(), KeepTop("word_entropy", fraction=0.5)))


def test_each_step_shows_rows_that_it_dropped_and_why(facts: SearchFacts) -> None:
    duplicate, another, judged, _, *kept = examples_of(BOTH, facts.pool, facts.signals)

    assert duplicate.fate == another.fate == f"dropped by step 1, {BOTH.steps[0].label}"
    assert duplicate.sample != another.sample
    assert duplicate.like is not None
    assert duplicate.like.lower() == duplicate.text.lower()
    assert "stands for it" in duplicate.reason
    assert judged.fate == f"dropped by step 2, {BOTH.steps[1].label}"
    assert "word_entropy" in judged.reason
    assert "rank" in judged.reason
    assert "cut-off" in judged.reason
    assert [example.fate for example in kept] == ["kept"] * 3
    assert len({example.sample for example in kept}) == 3
    assert all(example.reason.startswith("kept by every step") for example in kept)


def test_examples_are_what_the_recipe_really_did(facts: SearchFacts) -> None:
    rows = {facts.pool.sample(int(row)).id for row in materialize(BOTH, facts.signals).rows}

    for example in examples_of(BOTH, facts.pool, facts.signals):
        assert (example.fate == "kept") == (example.sample in rows)


def test_a_recipe_that_drops_no_duplicates_shows_none(facts: SearchFacts) -> None:
    recipe = Recipe((KeepTop("word_entropy", fraction=0.5),))

    assert not any("duplicate" in example.fate for example in examples_of(recipe, facts.pool, facts.signals))


def test_a_row_that_a_union_brings_back_is_no_example_of_a_dropped_one(facts: SearchFacts) -> None:
    recipe = Recipe((KeepTop("word_entropy", fraction=0.5), Union(Recipe())))

    assert {example.fate for example in examples_of(recipe, facts.pool, facts.signals)} == {"kept"}


def test_the_full_pool_keeps_every_row_and_says_so(facts: SearchFacts) -> None:
    sentence = why_sentence(explain(Recipe(), facts.signals, 0), facts.pool)

    assert sentence == "kept: the recipe is the full pool"
