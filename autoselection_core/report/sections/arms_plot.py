"""Plot of a report's arms: the score of every fresh run, and the winner's differences with intervals."""

from collections.abc import Sequence
from typing import Any

from autoselection_core.report.rendering.figure import ACCENT, INK, MUTED, WARM, Format, draw
from autoselection_core.report.sections.verdict import Finding
from autoselection_core.search.baselines import FULL_POOL, RANDOM, WINNER

_NAMES = {WINNER: "winner", RANDOM: "random, equal tokens", FULL_POOL: "full pool"}
_COLORS = {WINNER: ACCENT, RANDOM: MUTED, FULL_POOL: WARM}


def arms_plot(
    scores: Sequence[tuple[str, float]], found: Sequence[Finding], unit: str, kind: Format = "svg"
) -> bytes:
    """Test score of every run by arm, beside the winner's difference to each opponent.

    Args:
        scores: Arm and test utility of every run.
        found: The winner's comparisons.
        unit: Unit of the utility.
        kind: `svg` or `png`.
    """
    arms = [arm for arm in _NAMES if any(arm == name for name, _ in scores)]
    arms += sorted({name for name, _ in scores if name not in _NAMES})

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        if not found:  # the budget of the report covers no opponent yet
            _paint_runs(figure.subplots(), arms, scores, unit)
            return
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        _paint_runs(left, arms, scores, unit)
        _paint_differences(right, found, unit)

    return draw(paint, width=9.0, height=1.4 + 0.4 * len(arms), kind=kind)


def _paint_runs(axes: Any, arms: Sequence[str], scores: Sequence[tuple[str, float]], unit: str) -> None:  # noqa: ANN401 - matplotlib axes
    for place, arm in enumerate(arms):
        values = [value for name, value in scores if name == arm]
        color = _COLORS.get(arm, INK)
        axes.plot(values, [place] * len(values), "o", color=color, markersize=6, alpha=0.75)
        axes.plot([sum(values) / len(values)] * 2, [place - 0.3, place + 0.3], color=color, linewidth=2)
    axes.set_yticks(range(len(arms)), [_NAMES.get(arm, arm.replace("_", " ")) for arm in arms])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlabel(f"test score ({unit})")
    axes.set_title("Fresh runs (line: mean)", loc="left")


def _paint_differences(axes: Any, found: Sequence[Finding], unit: str) -> None:  # noqa: ANN401 - matplotlib axes
    axes.axvline(0, color=MUTED, linewidth=1)
    for place, finding in enumerate(found):
        value, low, high = finding.difference.value, finding.difference.low, finding.difference.high
        axes.errorbar(value, place, xerr=[[value - low], [high - value]], fmt="o", color=ACCENT, capsize=3)
    axes.set_yticks(
        range(len(found)), [f"minus {_NAMES.get(each.opponent, each.opponent)}" for each in found]
    )
    axes.set_ylim(len(found) - 0.5, -0.5)
    axes.set_xlabel(f"difference ({unit})")
    axes.set_title("Winner, 95 % intervals", loc="left")
