import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from autoselection_core.history.records import SearchState
from autoselection_core.history.values import FailedTrial, History, Observation
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.recipe import Recipe
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.lineage.differing import diff_texts, subset_diff
from autoselection_core.report.rendering.figure import Format, draw
from autoselection_core.report.rendering.page import to_html
from autoselection_core.report.sections.arms_plot import arms_plot
from autoselection_core.report.sections.landscape import calibration_plot, map_plot, mix_plot, tree_plot
from autoselection_core.report.sections.lead import lead_of
from autoselection_core.report.sections.outlook import Offer, Outlook, outlook
from autoselection_core.report.sections.plots import (
    credit_plot,
    histogram_plot,
    number_points,
    operator_credits,
    retention_plot,
    tokens_plot,
    trajectory_plot,
)
from autoselection_core.report.sections.verdict import findings
from autoselection_core.report.sections.waterfall import waterfall, waterfall_table
from autoselection_core.signals.table import SOURCE, TOPIC
from tests.report.conftest import searched_in


def observed(trial: int, utility: float, **proposal: float) -> Observation:
    return Observation(trial, Recipe(), f"s{trial}", 0, utility, {}, None, 1.0, 10, proposal)


def test_the_mix_of_sources_is_drawn(facts: SearchFacts) -> None:
    measured = facts.realise(facts.history.observations[0].recipe)

    assert mix_plot(facts.signals, SOURCE, measured).startswith(b"<?xml")


@pytest.mark.parametrize(("trials", "is_drawn"), [(1, False), (5, False), (6, True)])
def test_a_map_needs_six_trials(facts: SearchFacts, trials: int, is_drawn: bool) -> None:  # noqa: FBT001 - a case
    measured = [replace(facts.history.observations[0], trial=number) for number in range(1, trials + 1)]
    subsets = [facts.realise(entry.recipe) for entry in measured]

    assert (map_plot(measured, subsets, "nats") is not None) is is_drawn


def test_a_tree_needs_six_trials_of_which_one_was_edited_from_another() -> None:
    fresh = [observed(number, float(number)) for number in range(1, 6)]
    edited, other = observed(6, 6.0, parent=2), observed(6, 6.0, parent=9)

    assert tree_plot(History("s", 0, 6, (*fresh, edited)), "nats") is not None
    assert tree_plot(History("s", 0, 6, (*fresh[:4], edited)), "nats") is None
    assert tree_plot(History("s", 0, 6, (*fresh, other)), "nats") is None, "of an earlier search"


def test_titles_of_panels_in_a_narrow_picture_neither_meet_nor_leave_it() -> None:
    """`response_tokens (100 % known)` ran into its neighbour, which ended at the edge of the picture."""
    drawn: list[Figure] = []

    def paint(figure: Figure) -> None:
        drawn.append(figure)
        for axes in figure.subplots(2, 2).flat:
            axes.set_title("relevance/an_exam_of_several_parts (93 % known)")

    draw(paint, kind="png")

    (figure,) = drawn
    first, second, *others = (axes.title.get_window_extent() for axes in figure.axes)
    assert first.x1 < second.x0
    assert all(figure.bbox.x0 <= each.x0 and each.x1 <= figure.bbox.x1 for each in (first, second, *others))


def test_numbers_of_points_that_lie_on_one_another_share_a_label() -> None:
    """`5` and `8` were printed on one another, and read as nothing."""
    axes = Figure().subplots()

    number_points(axes, [1, 2, 5, 8, 9], [(0, 0.0), (100, 1.0), (50, 0.50), (51, 0.52), (50, 0.7)])

    assert [text.get_text().strip() for text in axes.texts] == ["1", "2", "5, 8", "9"]

    number_points(other := Figure().subplots(), range(1, 7), [(3, 3.0)] * 6)
    assert [text.get_text().strip() for text in other.texts] == ["1, 2, 3, 4, …"]


def test_calibration_counts_what_was_foreseen_only() -> None:
    foreseen = observed(2, 1.0, mean=0.9, deviation=0.1, noise=0.0)
    history = History("s", 0, 3, (observed(1, 0.0), foreseen))

    assert calibration_plot(History("s", 0, 3, (observed(1, 0.0),)), "nats") is None
    assert calibration_plot(history, "nats")


def test_the_waterfall_goes_from_the_full_pool_to_the_recommended_subset(facts: SearchFacts) -> None:
    prefixes = waterfall(facts)

    assert (prefixes[0].step, len(prefixes[0].subset)) == ("full pool", len(facts.pool))
    assert facts.best_subset is not None
    assert prefixes[-1].subset.fingerprint == facts.best_subset.fingerprint
    assert abs(prefixes[-1].expected.mean - facts.require_best().mean) < 1e-6
    assert len(waterfall_table(prefixes).rows) == len(facts.best_recipe.steps) + 1


def test_what_two_subsets_have_adds_up(facts: SearchFacts) -> None:
    first, second = (facts.realise(entry.recipe) for entry in facts.history.observations[:2])
    diff = subset_diff(facts.pool, facts.signals, first, second, ("one", "two"))

    assert diff.common + len(diff.only[0].rows) == len(first)
    assert diff.common + len(diff.only[1].rows) == len(second)
    assert sum(int(row[3] or 0) for row in diff.sources.rows) == diff.common
    assert len(diff_texts(diff)) == sum(min(6, len(side.rows)) for side in diff.only)


def test_two_subsets_and_their_pictures_are_told_apart_by_topic_where_there_are_topics(
    facts: SearchFacts,
) -> None:
    first, second = (facts.realise(entry.recipe) for entry in facts.history.observations[:2])
    topics = (np.arange(len(facts.pool)) % 3 - 1).astype(np.int32)  # the first of three rows has no topic
    signals = replace(
        facts.signals,
        labels={**facts.signals.labels, TOPIC: topics},
        label_names={**facts.signals.label_names, TOPIC: ("sums", "poems")},
    )
    diff = subset_diff(facts.pool, signals, first, second, ("one", "two"))

    assert subset_diff(facts.pool, facts.signals, first, second, ("one", "two")).topics is None
    assert [table.columns[0] for table in diff.groups] == ["source", "topic"]
    assert diff.topics is not None
    counted = np.array([row[1:] for row in diff.topics.rows], np.int64)
    rows = (*(side.rows for side in diff.only), np.intersect1d(first.rows, second.rows))
    assert counted.T.tolist() == [[(topics[each] == group).sum() for group in range(2)] for each in rows]
    assert b"poems" in mix_plot(signals, TOPIC, first)


def test_a_subset_differs_from_itself_in_nothing(facts: SearchFacts) -> None:
    subset = facts.realise(facts.history.observations[0].recipe)

    assert "0 only in one, 0 only in two" in (
        subset_diff(facts.pool, facts.signals, subset, subset, ("one", "two")).sentence
    )


def test_the_outlook_names_probability_and_price(facts: SearchFacts) -> None:
    found = outlook(facts)

    assert found.chance is not None
    assert 0.0 <= found.chance <= 1.0
    assert found.half_width_then is not None
    assert found.half_width is not None
    assert found.half_width_then < found.half_width
    assert "for 4 evaluations: `autoselection search --name first --report-evaluations 10`" in found.sentence


def test_the_offer_names_what_a_report_that_was_never_paid_for_would_run(tmp_path: Path) -> None:
    found = outlook(searched_in(tmp_path, report_evaluations=0))

    assert found.offer is not None
    assert found.offer.cost == 4
    assert found.offer.runs["winner"] == 2
    assert found.sentence.startswith("Whether it beats random subsets of equal tokens is not known")
    assert "cost 4 evaluations: `autoselection search --name first --report-evaluations 4`" in found.sentence


def test_the_price_of_an_offer_has_time_and_money_where_they_are_known() -> None:
    offer = Offer({"winner": 2, "random": 1}, "autoselection search", 9, False, 750.0, 2.4)

    assert offer.named_runs == "2 runs of the winner, 1 random subset"
    assert offer.price == "3 full trainings, about 12 min, 0.50 at 2.4 an hour"
    assert replace(offer, seconds=None).price == "3 full trainings"


def test_a_stopped_search_is_offered_to_go_on_and_nothing_beside(facts: SearchFacts) -> None:
    stopped = SearchFacts(facts.workspace, replace(facts.record, state=SearchState.STOPPED))

    assert outlook(stopped).offer is None
    assert "`autoselection search --name first --resume` lets it go on" in " ".join(
        lead_of(stopped, findings(stopped)).further
    )


def test_a_subset_beside_a_whole_that_holds_it_is_compared_with_means_of_both(facts: SearchFacts) -> None:
    subset = facts.realise(facts.require_best().recipe)
    diff = subset_diff(facts.pool, facts.signals, facts.realise(Recipe()), subset, ("whole", "part"))
    row = next(row for row in diff.signals.rows if row[0] == "word_entropy")
    column = facts.signals["word_entropy"]
    dropped = np.setdiff1d(np.arange(len(column)), subset.rows)

    assert diff.signals.columns[1:3] == ("mean of rows only in whole", "mean of all rows of part")
    assert row[1:3] == (float(column[dropped].mean()), float(column[subset.rows].mean()))
    assert isinstance(row[3], float)


def test_an_outlook_asks_for_more_budget_only_once_every_arm_is_measured() -> None:
    assert "Raise report_evaluations" in Outlook(None).sentence
    assert "still to be measured (3)" in Outlook(None, open_arms=3).sentence
    assert "Raise" not in Outlook(None, open_arms=3).sentence


def test_an_undecided_outlook_says_what_a_verdict_takes_and_whether_more_runs_are_likely_to_give_it() -> None:
    """`Undecided` stood beside `beats random subsets with probability 93 %`."""
    offer = Offer({"winner": 2, "random": 2}, "autoselection search", 12, False)
    open_ = Outlook(0.93, 0.326, 0.236, offer=offer, value=0.228)
    hopeful, decided = replace(open_, half_width_then=0.2), replace(open_, chance=0.98)

    assert open_.sentence.startswith(
        "Undecided: the probability that it beats random subsets of equal tokens is 93 %; a verdict takes "
        "more than 97.5 %, or less than 2.5 %."
    )
    assert "Even then it is likely to stay undecided: the difference so far is +0.228" in open_.sentence
    assert "They decide it if the difference stays what it is now (+0.228)." in hopeful.sentence
    assert decided.sentence.startswith("It beats random subsets of equal tokens with probability 98 %.")
    assert "undecided" not in decided.sentence


Draw = Callable[[SearchFacts, Format], bytes]


def _retention(facts: SearchFacts, kind: Format) -> bytes:
    assert facts.best_subset is not None
    return retention_plot(facts.best_subset, len(facts.pool), kind)


def _histograms(facts: SearchFacts, kind: Format) -> bytes:
    assert facts.best_subset is not None
    return histogram_plot(facts.best_subset, facts.signals, kind=kind)


PLOTS: list[Draw] = [
    _retention,
    _histograms,
    lambda facts, kind: trajectory_plot(facts.history, "nats", kind),
    lambda facts, kind: tokens_plot(facts.history, "nats", kind),
    lambda facts, kind: credit_plot(
        operator_credits(facts.history.observations, facts.measured_subsets), "nats", kind
    ),
]


@pytest.mark.parametrize("plot", PLOTS)
def test_a_picture_is_the_same_every_time_in_both_formats(facts: SearchFacts, plot: Draw) -> None:
    svg = plot(facts, "svg")

    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own bytes
    assert svg == plot(facts, "svg")
    assert plot(facts, "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("plot", PLOTS)
def test_every_colour_of_a_picture_but_a_map_of_values_has_one_for_dark_pages(
    facts: SearchFacts, plot: Draw
) -> None:
    drawn, _, sheet = plot(facts, "svg").decode().rpartition("<style>")
    used = set(re.findall(r"(?:fill|stroke): #[0-9a-f]{6}", drawn))

    assert "prefers-color-scheme: dark" in sheet
    assert used <= set(re.findall(r'\[style\*="([^"]+)"\]', sheet))


@pytest.mark.parametrize("plot", PLOTS)
def test_a_picture_for_dagster_fits_its_column_and_reads_on_either_theme(
    facts: SearchFacts, plot: Draw
) -> None:
    image = Image.open(BytesIO(plot(facts, "png"))).convert("RGBA")

    pixels = np.asarray(image).reshape(-1, 4)
    assert image.width <= 302
    assert (pixels[[0, -1], 3] == 0).all(), "the page shows through"
    solid, counts = np.unique(pixels[pixels[:, 3] == 255, :3], axis=0, return_counts=True)
    inks = solid[counts > 30]  # strokes of letters and axes, not the mixtures at their edges
    assert len(inks) > 1
    for page in ((255, 255, 255), (3, 6, 21)):
        contrasts = [_contrast(ink, page) for ink in inks]
        assert min(contrasts) > 2, "bars and axes stand out"
        assert sum(contrast > 4.3 for contrast in contrasts) > 0, "letters are read"


def _contrast(one: Sequence[int], other: Sequence[int]) -> float:
    """Contrast of two colours as the Web Content Accessibility Guidelines define it."""
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: Sequence[int]) -> float:
    shares = np.asarray(colour, np.float64) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_phone_shows_the_arms_and_the_intervals_above_each_other(facts: SearchFacts) -> None:
    """At 420 pixels the intervals were cut off at the right."""
    lead = lead_of(facts, findings(facts))
    assert lead.picture is not None
    assert lead.picture.narrow is not None

    wide, narrow = (_size(svg) for svg in (lead.picture.svg, lead.picture.narrow))
    page = to_html("Search", [], lead)

    assert narrow[0] == wide[0] / 2 <= 330, "points: letters keep their size on a phone"
    assert narrow[1] == 2 * wide[1]
    assert page.count('<source media="(max-width: 600px)" srcset="data:image/svg+xml;base64,') == 1


def _size(svg: bytes) -> tuple[float, float]:
    """Width and height of a picture, in points."""
    found = re.search(rb'<svg[^>]*? width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert found is not None
    return float(found[1]), float(found[2])


def test_runs_without_an_opponent_are_drawn_alone() -> None:
    runs = [("full_pool", 1.0), ("full_pool", 1.2)]

    assert b"95 % intervals" not in arms_plot(runs, (), "nats")


@pytest.mark.parametrize("failures", [(), (FailedTrial(1, None, "x"),)])
def test_a_search_without_scores_can_be_drawn(failures: tuple[FailedTrial, ...]) -> None:
    history = History("a", 0, 3, failures=failures)

    assert trajectory_plot(history, "nats")
    assert tokens_plot(history, "nats")
    assert credit_plot(operator_credits((), ()), "nats")


def test_credit_is_the_difference_between_trials_that_an_operator_changed_and_others(
    facts: SearchFacts,
) -> None:
    measured, subsets = facts.history.observations, facts.measured_subsets
    credited = operator_credits(measured, subsets)

    assert credited
    for label, credit in credited.items():
        changed = [
            any(step.label == label and step.rows_in > step.rows_out for step in each.steps)
            for each in subsets
        ]
        having = [entry.utility for entry, has in zip(measured, changed, strict=True) if has]
        lacking = [entry.utility for entry, has in zip(measured, changed, strict=True) if not has]
        assert credit.trials == len(having)
        assert credit.difference == pytest.approx(sum(having) / len(having) - sum(lacking) / len(lacking))


def test_a_step_that_changes_nothing_gets_no_credit(facts: SearchFacts) -> None:
    idle = KeepTop("word_entropy", fraction=1.0)
    entry = facts.history.observations[0]
    recipe = entry.recipe.with_steps((*entry.recipe.steps, idle))

    credited = operator_credits([entry, entry], [facts.realise(entry.recipe), facts.realise(recipe)])

    assert idle.label not in credited
