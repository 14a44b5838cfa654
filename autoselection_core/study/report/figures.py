"""Figures of a study."""

from statistics import mean
from typing import Any

import numpy as np

from autoselection_core.report.rendering.figure import ACCENT, INK, MUTED, WARM, draw
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.score.importance import Importance
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from autoselection_core.study.arms import RECIPE
from autoselection_core.study.report.tables import MAX_NUMBERS
from autoselection_core.study.results.comparisons import Comparison
from autoselection_core.study.results.facts import StudyFacts

_FIFTHS = 5


def size_table(facts: StudyFacts) -> Table | None:
    """Dev scores of the evaluated subsets, by the share of the pool they keep; None before a study ended."""
    kept = facts.states
    if kept is None:
        return None
    scores: dict[str, list[float]] = {}
    for evaluation in facts.evaluations:
        if evaluation.subset in kept.subset_rows:
            scores.setdefault(evaluation.subset, []).append(evaluation.utility)
    parts: list[list[float]] = [[] for _ in range(_FIFTHS)]
    for subset, values in scores.items():
        parts[_fifth(kept.subset_rows[subset] / kept.rows)].append(mean(values))
    rows = tuple(_row(number, values) for number, values in enumerate(parts))
    columns = ("rows kept", "subsets", "worst dev", "mean dev", "best dev")
    return Table("Dev scores by how much of the pool a subset keeps", columns, rows)


def _fifth(share: float) -> int:
    return min(int(share * _FIFTHS), _FIFTHS - 1)


def _row(number: int, values: list[float]) -> tuple[Cell, ...]:
    width = 100 // _FIFTHS
    named = f"{number * width} to {(number + 1) * width} %"
    if not values:
        return (named, 0, None, None, None)
    return (named, len(values), min(values), mean(values), max(values))


_KINDS = {WINNER: ("recommended", ACCENT), RANDOM: ("random", MUTED), FULL_POOL: ("full pool", INK)}
_KINDS |= {RECIPE: ("stated recipe", WARM), "candidate": ("equal candidate", "#2f9e44")}


def tokens_figure(facts: StudyFacts) -> bytes:
    """Score against the tokens of the subset: dev for everything that was evaluated, test for the arms."""

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        dev, test = figure.subplots(1, 2)
        trials = [entry for history in facts.histories.values() for entry in history.observations]
        dev.scatter(
            [entry.tokens for entry in trials],
            [entry.utility for entry in trials],
            s=12,
            color=MUTED,
            marker="x",
            label="trial of a search",
        )
        for kind, (label, colour) in _KINDS.items():
            mine = [each for each in facts.arms if each.arm.partition("/")[0] == kind]
            if not mine:
                continue
            tokens = [each.trial.tokens for each in mine]
            dev.scatter(tokens, [each.evaluation.utility for each in mine], s=18, color=colour, label=label)
            tested = [each for each in mine if each.test is not None]
            values = [value for arm in _names(facts, kind) for value in facts.test_utilities(arm)]
            places = [each.trial.tokens for arm in _names(facts, kind) for each in tested if each.arm == arm]
            test.scatter(places, values, s=18, color=colour)
        dev.set_title("dev items")
        test.set_title("test items (arms only)")
        for axes in (dev, test):
            axes.set_xlabel("tokens in the subset")
            axes.set_xscale("log")
        dev.set_ylabel(f"utility ({facts.metric})")
        figure.legend(loc="outside lower center", ncols=6)

    return draw(paint, width=8.0, height=3.8)


def _names(facts: StudyFacts, kind: str) -> list[str]:
    return [arm for arm in facts.arm_names if arm.partition("/")[0] == kind]


def trajectory_figure(facts: StudyFacts) -> bytes:
    """The best dev score so far of every search."""

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        for name, history in facts.histories.items():
            if history.observations:
                best = np.maximum.accumulate([entry.utility for entry in history.observations])
                trials = [entry.trial for entry in history.observations]
                (line,) = axes.step(trials, best, where="post", linewidth=1.2, label=name)
                axes.scatter(
                    trials, [entry.utility for entry in history.observations], s=10, color=line.get_color()
                )
        axes.set_xlabel("trial")
        axes.set_ylabel(f"dev utility ({facts.metric})")
        axes.set_title("Trials (points) and the best so far (lines)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="lower right")

    return draw(paint)


def difference_figure(found: list[Comparison], metric: str) -> bytes:
    """Every comparison as a point with its interval."""

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        places = np.arange(len(found))
        values = np.array([each.difference.value for each in found])
        ends = np.array([(each.difference.low, each.difference.high) for each in found])
        widths = np.abs(ends.T - values)
        axes.errorbar(values, places, xerr=widths, fmt="o", color=ACCENT, ecolor=MUTED, capsize=2)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_yticks(places, [f"{each.first}\nbeside {each.second}" for each in found])
        axes.invert_yaxis()
        axes.set_xlabel(f"difference on test items ({metric}), 95 % interval")

    return draw(paint, width=7.5, height=1.2 + 0.45 * len(found))


def importance_figure(found: list[Importance]) -> bytes:
    """Rank correlations beside what chance gives."""
    shown = found[:MAX_NUMBERS]

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        places = np.arange(len(shown))
        axes.barh(
            places,
            [each.high - each.low for each in shown],
            left=[each.low for each in shown],
            color="#e4e7eb",
            height=0.8,
            label="95 % of shuffled scores",
        )
        axes.scatter([each.correlation for each in shown], places, color=ACCENT, s=22, zorder=3)
        axes.set_yticks(places, [each.name for each in shown])
        axes.invert_yaxis()
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlabel("rank correlation with the dev score, over evaluated subsets")
        axes.legend(loc="lower right")

    return draw(paint, width=7.0, height=1.2 + 0.28 * max(1, len(shown)))
