from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from autoselection_core.history.values import FailedTrial, History
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.figure import Format
from autoselection_core.report.sections.arms_plot import arms_plot
from autoselection_core.report.sections.credit import operator_credits
from autoselection_core.report.sections.plots import (
    credit_plot,
    histogram_plot,
    retention_plot,
    tokens_plot,
    trajectory_plot,
)

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
    lambda facts, kind: credit_plot(operator_credits(facts.history), "nats", kind),
]


@pytest.mark.parametrize("plot", PLOTS)
def test_a_picture_is_the_same_every_time_in_both_formats(facts: SearchFacts, plot: Draw) -> None:
    svg = plot(facts, "svg")

    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own bytes
    assert svg == plot(facts, "svg")
    assert plot(facts, "png").startswith(b"\x89PNG")


def test_runs_without_an_opponent_are_drawn_alone() -> None:
    runs = [("full_pool", 1.0), ("full_pool", 1.2)]

    assert b"95 % intervals" not in arms_plot(runs, (), "nats")


@pytest.mark.parametrize("failures", [(), (FailedTrial(1, None, "x"),)])
def test_a_search_without_scores_can_be_drawn(failures: tuple[FailedTrial, ...]) -> None:
    history = History("a", 0, 3, failures=failures)

    assert trajectory_plot(history, "nats")
    assert tokens_plot(history, "nats")
    assert credit_plot(operator_credits(history), "nats")


def test_credit_is_the_difference_between_trials_with_and_without_an_operator(facts: SearchFacts) -> None:
    for label, credit in operator_credits(facts.history).items():
        having = [
            entry.utility
            for entry in facts.history.observations
            if label in {step.label for step in entry.recipe.steps}
        ]
        lacking = [entry.utility for entry in facts.history.observations if entry.utility not in having]
        assert credit.trials == len(having)
        assert credit.difference == pytest.approx(sum(having) / len(having) - sum(lacking) / len(lacking))
