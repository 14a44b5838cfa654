"""Plots of the search itself: map of candidates, tree of edits, calibration of predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.history.values import History, Observation
from autoselection_core.report.rendering.figure import ACCENT, MUTED, WARM, Format, draw, short_label
from autoselection_core.report.sections.plots import Z95, number_points
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.state import jaccard
from autoselection_core.subset import Subset

_COLOURS = "viridis"

MIN_TRIALS = 6
"""Measured trials from which on a map, a tree and trade-offs show more than the table of trials."""


def map_plot(
    observations: Sequence[Observation], subsets: Sequence[Subset], unit: str, kind: Format = "svg"
) -> bytes | None:
    """Map of the measured subsets, on which near ones share rows: classical scaling of Jaccard distances.

    None below `MIN_TRIALS` observations.
    """
    if len(observations) < MIN_TRIALS:
        return None
    points = _scale(subsets)
    utilities = [entry.utility for entry in observations]

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        drawn = axes.scatter(points[:, 0], points[:, 1], c=utilities, cmap=_COLOURS, s=40, edgecolors=MUTED)
        number_points(axes, [entry.trial for entry in observations], [(x, y) for x, y in points.tolist()])
        figure.colorbar(drawn, label=f"dev score ({unit})")
        axes.set_title("Candidates (numbers: trials; near: many rows in common)")
        axes.set_xticks([])
        axes.set_yticks([])

    return draw(paint, height=3.8, kind=kind)


def _scale(subsets: Sequence[Subset]) -> npt.NDArray[np.float64]:
    """Two coordinates for each subset, whose distances are near the Jaccard distances."""
    count = len(subsets)
    distances = np.array([[1.0 - jaccard(a, b) for b in subsets] for a in subsets])
    centring = np.eye(count) - 1.0 / count
    inner = -0.5 * centring @ distances**2 @ centring
    values, vectors = np.linalg.eigh(inner)
    largest = np.argsort(values)[::-1][:2]
    points = vectors[:, largest] * np.sqrt(np.clip(values[largest], 0.0, None))
    return np.pad(points, ((0, 0), (0, 2 - points.shape[1])))


def tree_plot(history: History, unit: str, kind: Format = "svg") -> bytes | None:
    """Tree of edits: each trial at its utility, with a line to the trial that it was edited from.

    None below `MIN_TRIALS` observations, and where no measured trial was edited from another.
    """
    placed = {entry.trial: entry.utility for entry in history.observations}
    has_edits = any(Proposal.from_json(entry.proposal).parent in placed for entry in history.observations)
    if len(placed) < MIN_TRIALS or not has_edits:
        return None

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        for entry in history.observations:
            parent = Proposal.from_json(entry.proposal).parent
            if parent is not None and parent in placed:
                ends = ([parent, entry.trial], [placed[parent], entry.utility])
                axes.plot(*ends, color=MUTED, linewidth=1, zorder=1)
        origins = [Proposal.from_json(entry.proposal).origin for entry in history.observations]
        for number, origin in enumerate(dict.fromkeys(origins)):
            chosen = [entry for entry, of in zip(history.observations, origins, strict=True) if of == origin]
            places = ([entry.trial for entry in chosen], [entry.utility for entry in chosen])
            axes.scatter(*places, label=origin or "unknown", zorder=2, s=30, color=f"C{number}")
        axes.set_xlabel("trial")
        axes.set_ylabel(f"dev score ({unit})")
        axes.set_title("Search tree (lines: edited from)")
        axes.legend(loc="best")

    return draw(paint, kind=kind)


def calibration_plot(history: History, unit: str, kind: Format = "svg") -> bytes | None:
    """Calibration of the surrogate: the prediction before each evaluation beside the measurement.

    Bars are 95 % of posterior deviation and run noise together. None while nothing was foreseen.
    """
    foreseen = [(entry, *numbers) for entry in history.observations if (numbers := _expectation(entry))]
    if not foreseen:
        return None

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        means, spreads = [mean for _, mean, _ in foreseen], [Z95 * spread for _, _, spread in foreseen]
        measured = [entry.utility for entry, _, _ in foreseen]
        axes.errorbar(
            means, measured, xerr=spreads, fmt="o", color=ACCENT, ecolor=MUTED, capsize=2, markersize=4
        )
        numbers = [entry.trial for entry, _, _ in foreseen]
        number_points(axes, numbers, list(zip(means, measured, strict=True)))
        ends = [min(*means, *measured), max(*means, *measured)]
        axes.plot(ends, ends, color=WARM, linewidth=1, label="as foreseen")
        inside = sum(
            abs(value - mean) <= spread for value, mean, spread in zip(measured, means, spreads, strict=True)
        )
        axes.set_xlabel(f"expected before the evaluation ({unit})")
        axes.set_ylabel("measured")
        axes.set_title(f"Surrogate: {inside} of {len(foreseen)} measurements inside their 95 % interval")
        axes.legend(loc="best")

    return draw(paint, kind=kind)


def _expectation(entry: Observation) -> tuple[float, float] | None:
    """Mean and spread of what was expected of one evaluation."""
    proposal = Proposal.from_json(entry.proposal)
    if proposal.mean is None or proposal.deviation is None:
        return None
    return proposal.mean, float(np.hypot(proposal.deviation, proposal.noise or 0.0))


def mix_plot(signals: SignalTable, grouping: str, subset: Subset, kind: Format = "svg") -> bytes:
    """Share of each named group, such as a source or a topic, in the pool and in the subset."""
    names, labels = signals.groupings[grouping], signals.label(grouping) + 1  # 0 is "no group"
    whole = np.bincount(labels, minlength=len(names) + 1)[1:] / max(1, len(signals))
    kept = np.bincount(labels[subset.rows], minlength=len(names) + 1)[1:] / max(1, len(subset))

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        places = np.arange(len(names))
        axes.barh(places - 0.18, whole, height=0.34, color=MUTED, label="pool")
        axes.barh(places + 0.18, kept, height=0.34, color=ACCENT, label="subset")
        axes.set_yticks(places, [short_label(name) for name in names])
        axes.invert_yaxis()
        axes.set_xlabel("share of rows")
        axes.set_title(f"{grouping.title()} mix")
        figure.legend(loc="outside lower center", ncols=2)  # bars may leave no room for it

    return draw(paint, height=1.6 + 0.4 * len(names), kind=kind)
