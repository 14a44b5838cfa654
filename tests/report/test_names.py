"""Names, examples and pairs in a report."""

import json
from dataclasses import replace
from html import unescape

import numpy as np
import pytest

from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.records import TrialState
from autoselection_core.identity import Json
from autoselection_core.operators.definitions.duplicates import DropExactDuplicates
from autoselection_core.operators.definitions.mixing import MixSources
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.pool.sources import Source
from autoselection_core.recipe import Recipe, Union
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.examples import examples_of, step_sentence, why_sentence
from autoselection_core.report.lineage.pairing import pairing_table
from autoselection_core.report.rendering.figure import short_label
from autoselection_core.report.rendering.page import Lead, Section, to_html, to_markdown
from autoselection_core.report.rendering.table import Table
from autoselection_core.report.sections.landscape import mix_plot
from autoselection_core.report.sections.plots import (
    OperatorCredit,
    credit_plot,
    histogram_plot,
    retention_plot,
)
from autoselection_core.report.sections.protocol import training_sentence
from autoselection_core.signals.table import SOURCE, SignalTable
from autoselection_core.subset import Subset, realise
from autoselection_core.subset.explain import explain
from tests.report.conftest import workspace_in


def test_two_models_are_compared_item_by_item_with_intervals_and_p_values(facts: SearchFacts) -> None:
    first, second = (
        trial.trial for trial in facts.trials if trial.state is TrialState.DONE and trial.trial < 3
    )

    table, turned = pairing_table(facts, first, second), pairing_table(facts, second, first)

    assert table is not None
    assert turned is not None
    whole, *benchmarks = table.rows
    assert whole[3] == pytest.approx(float(whole[1] or 0) - float(whole[2] or 0))
    assert float(whole[4] or 0) <= float(whole[3] or 0) <= float(whole[5] or 0)
    assert whole[3] == pytest.approx(-float(turned.rows[0][3] or 0))
    assert benchmarks
    assert all(0.0 < float(row[6] or 0) <= 1.0 for row in benchmarks)


def test_a_model_does_not_differ_from_itself(facts: SearchFacts) -> None:
    table = pairing_table(facts, 1, 1)

    assert table is not None
    assert {row[3:6] for row in table.rows} == {(0.0, 0.0, 0.0)}


def test_a_trial_without_a_score_has_no_pair(facts: SearchFacts) -> None:
    assert pairing_table(facts, 1, len(facts.trials) + 1) is None


def test_a_report_says_how_its_models_were_trained() -> None:
    settings: dict[str, Json] = {"preset": "cpu-lora", "amount": 24_000}
    first, equal = training_sentence(settings), training_sentence({**settings, "plan_version": 2})
    epochs = training_sentence({"preset": "paper-full-sft"})

    assert equal == (
        "Preset `cpu-lora` with amount 24,000: 24,000 tokens; every arm trains on equally many tokens."
    )
    assert first == f"{equal[:-1]}, some up to a prompt fewer."
    assert "3 epochs; arms train on as many tokens as their subsets have" in epochs


BOTH = Recipe((DropExactDuplicates(), KeepTop("word_entropy", fraction=0.5)))


def test_each_step_shows_rows_that_it_dropped_and_why(facts: SearchFacts) -> None:
    duplicate, another, judged, _, *kept = examples_of(BOTH, facts.pool, facts.signals)

    assert duplicate.fate == another.fate == f"dropped by step 1, {BOTH.steps[0].label}"
    assert duplicate.sample != another.sample
    assert duplicate.like is not None
    assert duplicate.like.lower() == duplicate.text.lower()
    assert "kept in its place" in duplicate.reason
    assert judged.fate == f"dropped by step 2, {BOTH.steps[1].label}"
    assert "word_entropy" in judged.reason
    assert "rank" in judged.reason
    assert "cut-off" in judged.reason
    assert [example.fate for example in kept] == ["kept"] * 3
    assert len({example.sample for example in kept}) == 3
    assert all(example.reason.startswith("kept by every step") for example in kept)


def test_examples_are_what_the_recipe_really_did(facts: SearchFacts) -> None:
    rows = {facts.pool.sample(int(row)).id for row in realise(BOTH, facts.signals).rows}

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


def test_a_step_that_a_dropped_row_never_reaches_is_said_in_plain_words(facts: SearchFacts) -> None:
    """`does not see it` left open what sees what."""
    half = KeepTop("word_entropy", fraction=0.5)
    recipe = Recipe((half, half, Union(Recipe((half,)))))
    low = int(np.argmin(facts.signals["word_entropy"]))

    _, second, union = explain(recipe, facts.signals, low).steps

    assert step_sentence(second, facts.pool) == (
        "step 2 keep_top[word_entropy,fraction=0.5] has no say: an earlier step dropped it"
    )
    assert step_sentence(union, facts.pool) == (
        "step 3 union does not bring it back: its recipe drops it, too"
    )


NAMES = ("größere Übung", "日本 語.jsonl", "$a_b$ $", "<b>bold</b> | *x*", "long " * 60)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A pool whose sources have such names."""
    folder = tmp_path_factory.mktemp("names")
    plain = workspace_in(folder)
    for number in range(len(NAMES)):
        record = {"prompt": f"Say {number}.", "response": f"It is {number}."}
        (folder / f"{number}.jsonl").write_text(json.dumps(record) + "\n")
    sources = tuple(Source(str(folder / f"{number}.jsonl"), name) for number, name in enumerate(NAMES))
    return Workspace(replace(plain.campaign, sources=sources), plain.home)


def whole(signals: SignalTable) -> Subset:
    return realise(Recipe(), signals)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_every_name_can_be_drawn(workspace: Workspace, kind: str) -> None:
    pool = workspace.ingest().pool
    columns = {name: np.arange(len(pool), dtype=np.float32) for name in NAMES}
    labels, named = {SOURCE: pool.source_codes}, {SOURCE: pool.source_names}
    signals = SignalTable(pool.version, pool.keys, columns, labels=labels, label_names=named)
    credits_seen = {name: OperatorCredit(2, 0.1) for name in NAMES}

    assert set(pool.source_names) == set(NAMES)
    assert mix_plot(signals, SOURCE, whole(signals), kind)  # type: ignore[arg-type] # one of the two
    assert histogram_plot(whole(signals), signals, kind=kind)  # type: ignore[arg-type] # one of the two
    assert retention_plot(whole(signals), len(pool), kind)  # type: ignore[arg-type] # one of the two
    assert credit_plot(credits_seen, "nats", kind)  # type: ignore[arg-type] # one of the two


def test_a_picture_has_room_for_the_numbers_of_a_step_that_is_repeated(facts: SearchFacts) -> None:
    """Labels with numbers left no room for the bars of the narrow picture, and drawing warned of it."""
    steps = tuple(MixSources(fraction=share, evenness=0.125, groups="exact") for share in (0.975, 0.875))
    subset = realise(Recipe(steps), facts.signals)

    assert min(map(len, subset.recipe.step_labels)) >= 46
    assert retention_plot(subset, len(facts.pool), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_in_a_page_as_it_was_given(name: str) -> None:
    page = to_html(name, [Section(name, [name], [Table(name, (name,), ((name,),))], code=[name])])

    assert unescape(page).count(name) == 10
    assert "<b>" not in page


def test_a_label_of_a_picture_turns_no_direction() -> None:
    assert short_label("ev\u202e\x1bil") == "evU+202EU+001Bil"


def test_a_name_commands_no_terminal_or_page() -> None:
    name = "ev\x1b[31mil\u202e\x9b\x00"
    section = Section(name, [name], [Table(name, (name,), ((name,),))], code=[name])

    for page in (to_html(name, [section]), to_markdown(name, [section])):
        assert page.count(r"ev\x1b[31mil\u202e\x9b\x00") + page.count(r"ev\\x1b\[31mil\\u202e\\x9b\\x00") > 5
        assert not {char for char in page if ord(char) < 32 or 127 <= ord(char) < 160} - {"\n"}
        assert "\u202e" not in page


def test_markup_in_a_table_is_text_and_adds_no_column() -> None:
    table = Table("t", ("name", "text"), (("_a_ keep_top", "x | <s>`y`\n*z* $1"),))

    assert table.to_markdown().splitlines()[2] == r"| \_a\_ keep_top | x \| \<s>\`y\` \*z\* \$1 |"


def test_a_fence_inside_a_sample_does_not_end_its_block() -> None:
    page = to_markdown("t", [Section("s", code=["before\n```\ninside\n````\nafter"])])

    assert page.count("`````") == 2


def test_a_setting_in_backticks_is_code_on_the_page_and_markup_is_text() -> None:
    lead = Lead("Undecided.", "undecided", ["State `policy: {min_share: 0.1}` <b>first</b>."], [], None)

    page = to_html("A search", [], lead)

    assert "<p>State <code>policy: {min_share: 0.1}</code> &lt;b&gt;first&lt;/b&gt;.</p>" in page
