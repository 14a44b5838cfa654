"""Trade-offs of a search: benchmark against benchmark, and scores against tokens."""

from typing import Any

from autoselection_core.progress import percent
from autoselection_core.recipe import outlines
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.rendering.figure import ACCENT, INK, MUTED, WARM, Format, draw
from autoselection_core.report.rendering.table import Cell, Table
from autoselection_core.solver.analysis.tradeoffs import Scored, Standing, standings

NO_RANKING = (
    "Trade-offs are no ranking: a subset is on the front, too, for being the smallest that was tried. Their "
    "scores are what a surrogate of each benchmark expects after all trials, ± its uncertainty; that of the "
    "utility, which recommends, may differ by a little. The ± of a dev score is its standard error over the "
    "items."
)
"""Explanation beside a table of trade-offs."""


def tradeoffs_of(facts: SearchFacts) -> tuple[Standing, ...]:
    """Every measured subset with its place among the others."""
    return standings(facts.solver, facts.history, signs_of(facts))


def signs_of(facts: SearchFacts) -> dict[str, float]:
    """Direction of each benchmark that was scored: 1 where higher is better, -1 where lower is."""
    signs = {one.name: one.metric.sign for one in facts.workspace.benchmarks_of(facts.record.spec)}
    scored = [set(one.scores) for one in facts.history.observations]
    return {name: signs.get(name, 1.0) for name in sorted(set.union(*scored))} if scored else {}


def tradeoff_table(standing: tuple[Standing, ...], size: str) -> Table:
    """Table of the trade-offs, the front first; scores are posterior means with their deviations.

    Args:
        standing: The subsets.
        size: Unit of their sizes.
    """
    names = list(standing[0].scores) if standing else []
    order = sorted(standing, key=lambda one: (not one.is_on_front, -(one.chance or 0.0), one.trial))
    rows = tuple(
        (
            one.trial,
            recipe,
            one.tokens,
            *(_spell(one.scores[name]) for name in names),
            *_front(one),
        )
        for one, recipe in zip(order, outlines([each.recipe for each in order]), strict=True)
    )
    title = (
        "Trade-offs (expected dev scores; on the front: nothing tried is better in one and worse in none; "
        "chance: how probable it is on the front, as scores are uncertain)"
    )
    return Table(title, ("trial", "recipe", size, *names, "on the front", "chance"), rows)


def tradeoff_plot(
    standing: tuple[Standing, ...], signs: dict[str, float], size: str, kind: Format = "svg"
) -> bytes:
    """Expected score against size, one panel a benchmark; the front over all is highlighted."""

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        panels = figure.subplots(1, len(signs), squeeze=False)[0]
        for axes, (name, sign) in zip(panels, signs.items(), strict=True):
            for one in standing:
                score, colour = one.scores[name], ACCENT if one.is_on_front else MUTED
                axes.errorbar(one.tokens, score.mean, yerr=score.deviation, fmt="o", color=colour, capsize=2)
                axes.annotate(f" {one.trial}", (one.tokens, score.mean), fontsize=8, color=INK)
            steps = _best_so_far(standing, name, sign)
            axes.step(*zip(*steps, strict=True), where="post", color=WARM, linewidth=1)
            axes.set_xlabel(f"{size} of the subset")
            axes.set_title(f"{name} ({'higher' if sign > 0 else 'lower'} is better)")

    return draw(paint, width=max(7.5, 3.2 * len(signs)), kind=kind)


def _best_so_far(standing: tuple[Standing, ...], name: str, sign: float) -> list[tuple[int, float]]:
    """The best expected score that so many tokens buy."""
    steps: list[tuple[int, float]] = []
    for one in sorted(standing, key=lambda one: one.tokens):
        mean = one.scores[name].mean
        if not steps or sign * mean > sign * steps[-1][1]:
            steps.append((one.tokens, mean))
    return steps


def _spell(score: Scored) -> str:
    spread = "" if score.deviation is None else f" ± {score.deviation:.2g}"
    return f"{score.mean:.4g}{spread}"


def _front(one: Standing) -> tuple[Cell, Cell]:
    return "yes" if one.is_on_front else "no", None if one.chance is None else percent(one.chance)
