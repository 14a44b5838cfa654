from autoselection_core.operators.duplicates import DropExactDuplicates
from autoselection_core.operators.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.examples import three_examples
from autoselection_core.report.lineage.sentences import why_sentence
from autoselection_core.subset import materialize
from autoselection_core.subset.explain import explain

BOTH = Recipe((DropExactDuplicates(), KeepTop("word_entropy", fraction=0.5)))


def test_three_rows_show_a_duplicate_a_judgement_and_a_kept_sample(facts: SearchFacts) -> None:
    duplicate, judged, kept = three_examples(facts.pool, facts.signals, [BOTH])

    assert (duplicate.fate, judged.fate, kept.fate) == (
        "dropped as a duplicate",
        "dropped for what it says",
        "kept",
    )
    assert duplicate.like is not None
    assert duplicate.like.lower() == duplicate.text.lower()
    assert "stands for it" in duplicate.reason
    assert "word_entropy" in judged.reason
    assert "rank" in judged.reason
    assert "cut-off" in judged.reason
    assert kept.reason.startswith("kept by every step")


def test_examples_are_what_the_recipe_really_did(facts: SearchFacts) -> None:
    rows = {facts.pool.sample(int(row)).id for row in materialize(BOTH, facts.signals).rows}

    fates = {
        example.sample in rows: example.fate for example in three_examples(facts.pool, facts.signals, [BOTH])
    }

    assert fates[True] == "kept"
    assert fates[False].startswith("dropped")


def test_where_no_recipe_drops_duplicates_a_single_operator_shows_it_and_says_so(facts: SearchFacts) -> None:
    recipe = Recipe((KeepTop("word_entropy", fraction=0.5),))

    duplicate = three_examples(facts.pool, facts.signals, [recipe])[0]

    assert duplicate.fate == "dropped as a duplicate"
    assert duplicate.recipe.startswith("drop_")


def test_a_pool_without_a_judging_recipe_shows_what_there_is(facts: SearchFacts) -> None:
    fates = [example.fate for example in three_examples(facts.pool, facts.signals, [])]

    assert fates == ["dropped as a duplicate", "kept"]


def test_the_full_pool_keeps_every_row_and_says_so(facts: SearchFacts) -> None:
    sentence = why_sentence(explain(Recipe(), facts.signals, 0), facts.pool)

    assert sentence == "kept: the recipe is the full pool"
