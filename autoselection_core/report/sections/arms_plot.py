"""Arms of a report as a picture and as text: every run, and the winner's differences with intervals."""

from collections.abc import Sequence
from statistics import mean
from typing import Any

from autoselection_core.report.rendering.figure import ACCENT, INK, MUTED, WARM, Format, draw
from autoselection_core.report.sections.verdict import Finding
from autoselection_core.search.arms import FULL_POOL, PLAIN_FILTER, PROPER_SUBSET, RANDOM, WINNER

_NAMES = {
    WINNER: "winner",
    RANDOM: "random, equal tokens",
    FULL_POOL: "full pool",
    PLAIN_FILTER: "best plain filter",
    PROPER_SUBSET: "best proper subset",
}


def _name(arm: str) -> str:
    return _NAMES.get(arm, arm.replace("_", " "))


_WIDTH = 40
"""Characters of a bar."""

_MAX_TICKS = 4
"""Intervals between the ticks of an axis at most: labels of small differences are long."""

_COLORS = {WINNER: ACCENT, RANDOM: MUTED, FULL_POOL: WARM}


_COLUMN_IN = 4.5
"""Width of a panel in inches: its labels keep their size where a page has room for one of two alone."""

_PANEL_GAP_IN = 0.08
"""Inches above and below a panel."""


def arms_plot(
    scores: Sequence[tuple[str, float]],
    found: Sequence[Finding],
    unit: str,
    kind: Format = "svg",
    *,
    columns: int = 2,
) -> bytes:
    """Test score of every run by arm, and the winner's difference to each opponent.

    Args:
        scores: Arm and test utility of every run.
        found: The winner's comparisons.
        unit: Unit of the utility.
        kind: `svg` or `png`.
        columns: Panels beside each other: two, or one above the other for a narrow page.
    """
    arms = _in_order(scores)
    rows, panel_in = (2 if found else 1) // columns or 1, 1.4 + 0.4 * len(arms)

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        if not found:  # the budget of the report covers no opponent yet
            _paint_runs(figure.subplots(), arms, scores, unit)
            return
        figure.get_layout_engine().set(h_pad=_PANEL_GAP_IN)
        runs, differences = figure.subplots(rows, columns, width_ratios=(3, 2)[:columns])
        _paint_runs(runs, arms, scores, unit)
        _paint_differences(differences, found)

    return draw(paint, width=columns * _COLUMN_IN, height=rows * panel_in, kind=kind)


def arms_text(scores: Sequence[tuple[str, float]], found: Sequence[Finding], unit: str) -> list[str]:
    """Lines of text with a bar an arm, as long as its mean score, and an interval a difference.

    Args:
        scores: Arm and test utility of every run.
        found: The winner's comparisons.
        unit: Unit of the utility.

    Example:
        >>> for line in arms_text([("winner", -1.0), ("random", -3.0), ("random", -2.0)], [], "nats"):
        ...     print(line)
        Test scores (nats): a circle a run, the bar ends at their mean
          winner                ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━○  -1.000
          random, equal tokens  ○━━━━━━━━━          ○                     -2.500
    """
    values = [value for _, value in scores]
    low, high = min(values), max(values)
    lines = [f"Test scores ({unit}): a circle a run, the bar ends at their mean"]
    for arm in _in_order(scores):
        runs = [value for name, value in scores if name == arm]
        bar = ["━" if place < _place(mean(runs), low, high) else " " for place in range(_WIDTH)]
        for run in runs:
            bar[_place(run, low, high)] = "○"
        lines.append(_text_line(_name(arm), "".join(bar), f"{mean(runs):.3f}"))
    return [*lines, *(_differences_text(found, unit) if found else ())]


def mean_scores(scores: Sequence[tuple[str, float]]) -> str:
    """Mean test score and number of runs of each arm in a sentence.

    Example:
        >>> mean_scores([("winner", -1.0), ("random", -3.0), ("random", -2.0)])
        'Mean test scores: winner -1.000 (1 run); random, equal tokens -2.500 (2 runs).'
    """
    said = []
    for arm in _in_order(scores):
        runs = [value for name, value in scores if name == arm]
        count = "1 run" if len(runs) == 1 else f"{len(runs)} runs"
        said.append(f"{_name(arm)} {mean(runs):.3f} ({count})")
    return f"Mean test scores: {'; '.join(said)}."


def _differences_text(found: Sequence[Finding], unit: str) -> list[str]:
    ends = [end for each in found for end in (each.difference.low, each.difference.high)]
    low, high = min(0.0, *ends), max(0.0, *ends)
    lines = [f"Winner minus each ({unit}): 95 % interval, │ is no difference"]
    for each in found:
        left, right = (_place(end, low, high) for end in (each.difference.low, each.difference.high))
        bar = ["─" if left <= place <= right else " " for place in range(_WIDTH)]
        bar[_place(0.0, low, high)] = "│"
        bar[left], bar[right], bar[_place(each.difference.value, low, high)] = "├", "┤", "●"
        said = f"{each.difference.value:+.3f} [{each.difference.low:+.3f}, {each.difference.high:+.3f}]"
        lines.append(_text_line(_name(each.opponent), "".join(bar), said))
    return lines


def _text_line(name: str, bar: str, said: str) -> str:
    return f"  {name:<{max(map(len, _NAMES.values()))}}  {bar}  {said}"


def _place(value: float, low: float, high: float) -> int:
    """Column of a value in a bar; everything in the middle where there is no range."""
    return round((value - low) / (high - low) * (_WIDTH - 1)) if high > low else _WIDTH // 2


def _in_order(scores: Sequence[tuple[str, float]]) -> list[str]:
    """The arms that have a run, the winner first."""
    arms = [arm for arm in _NAMES if any(arm == name for name, _ in scores)]
    return arms + sorted({name for name, _ in scores if name not in _NAMES})


def _paint_runs(axes: Any, arms: Sequence[str], scores: Sequence[tuple[str, float]], unit: str) -> None:  # noqa: ANN401 - matplotlib axes
    for place, arm in enumerate(arms):
        values = [value for name, value in scores if name == arm]
        color = _COLORS.get(arm, INK)
        axes.plot(values, [place] * len(values), "o", color=color, markersize=6, alpha=0.75)
        axes.plot([mean(values)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=2)
    axes.set_yticks(range(len(arms)), [_name(arm) for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.grid(axis="y", alpha=0.3)
    axes.locator_params(axis="x", nbins=_MAX_TICKS)
    axes.set_xlabel(f"test score ({unit})")
    axes.set_title("Runs (line: mean)", loc="left")


def _paint_differences(axes: Any, found: Sequence[Finding]) -> None:  # noqa: ANN401 - matplotlib axes
    axes.axvline(0, color=MUTED, linewidth=1)
    for place, finding in enumerate(found):
        value, low, high = finding.difference.value, finding.difference.low, finding.difference.high
        axes.errorbar(value, place, xerr=[[value - low], [high - value]], fmt="o", color=ACCENT, capsize=3)
    axes.set_yticks(range(len(found)), [f"minus {_name(each.opponent)}" for each in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=_MAX_TICKS)
    axes.set_xlabel("difference of test scores")  # in the unit of the other panel, which has more room
    axes.set_title("Winner, 95 % intervals", loc="left")
