"""The picture of the demo's result in the README: `python -m demo.picture docs/images/demo.svg`."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.remote.attach import installed_workspace
from autoselection_core.history.values import Observation
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.figure import ACCENT, INK, MUTED, WARM, draw
from autoselection_core.score.score import utility
from autoselection_core.search.baselines import FULL_POOL, RANDOM, WINNER
from autoselection_core.store.home import Home
from demo.searching import CAMPAIGN, SEARCH

_ARMS = {
    WINNER: ("the winner,\ntrained again", ACCENT),
    RANDOM: ("random subsets\nof equal tokens", MUTED),
    FULL_POOL: ("the full pool", WARM),
}


def result_picture(facts: SearchFacts) -> bytes:
    """Every trial's dev score, and every arm's test scores, as SVG."""
    assert facts.best is not None, "a finished search has a recommendation"
    best, observations = facts.best.trial, facts.history.observations
    runs = {arm: [utility(run.test) for run in facts.arms if run.arm == arm] for arm in _ARMS}

    def paint(figure: Any) -> None:  # noqa: ANN401 - matplotlib ships no types for what it passes
        trials, arms = figure.subplots(1, 2, width_ratios=(3, 2))
        _paint_trials(trials, observations, best)
        _paint_arms(arms, runs)

    return draw(paint, width=9.0, height=3.2)


def _paint_trials(axes: Any, observations: Sequence[Observation], best: int) -> None:  # noqa: ANN401 - no types
    for place, entry in enumerate(reversed(observations)):
        color = ACCENT if entry.trial == best else INK
        axes.errorbar(entry.utility, place, xerr=entry.standard_error, fmt="o", color=color, markersize=5)
    labels = [f"{entry.trial}  {_label(entry)}" for entry in reversed(observations)]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("dev score, nats a token (higher is better)")
    axes.set_title("six trials of 6,000 training tokens", loc="left")


def _label(entry: Observation) -> str:
    return entry.recipe.label.replace(" > ", " >\n")


def _paint_arms(axes: Any, runs: Mapping[str, Sequence[float]]) -> None:  # noqa: ANN401 - no types
    for place, (arm, (_, color)) in enumerate(reversed(_ARMS.items())):
        axes.plot(runs[arm], [place] * len(runs[arm]), "o", color=color, markersize=6, alpha=0.8)
    axes.set_yticks(range(len(_ARMS)), [label for label, _ in reversed(_ARMS.values())])
    axes.set_ylim(-0.5, len(_ARMS) - 0.5)
    axes.set_xlabel("test score, nats a token")
    axes.set_title("what the report measured", loc="left")


if __name__ == "__main__":
    home = Home.from_environment()
    workspace = installed_workspace(load_campaigns(home=home)[CAMPAIGN], home)
    Path(sys.argv[1]).write_bytes(result_picture(SearchFacts.of(workspace, SEARCH)))
