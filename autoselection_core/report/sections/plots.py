"""Plots of a search, and the operator credits that one of them shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from autoselection_core.arrays import Values
from autoselection_core.history.values import History, Observation
from autoselection_core.progress import percent
from autoselection_core.report.rendering.figure import (
    ACCENT,
    MUTED,
    WARM,
    Format,
    draw,
    panel_columns,
    short_label,
)
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset


@dataclass(frozen=True)
class OperatorCredit:
    """Credit of an operator: an association only, for other steps of the same recipes may be the cause.

    Attributes:
        trials: Trials in whose recipe it changed something.
        difference: Mean utility of those minus mean utility of the others.
    """

    trials: int
    difference: float


def operator_credits(measured: Sequence[Observation], subsets: Sequence[Subset]) -> dict[str, OperatorCredit]:
    """The credit of every operator that some trials have and some have not, by label.

    A step that left the rows of a trial as they were has no part in its score.

    Args:
        measured: The trials.
        subsets: The subset of each.
    """
    having = [labels_of(subset) for subset in subsets]
    utilities = [entry.utility for entry in measured]
    found = {label: _credit(utilities, having, label) for label in sorted({*chain(*having)})}
    return {label: credit for label, credit in found.items() if credit is not None}


def labels_of(subset: Subset) -> frozenset[str]:
    """Labels of the steps that changed a subset's rows."""
    return frozenset(step.label for step in subset.steps if step.rows_out != step.rows_in)


def _credit(
    utilities: Sequence[float], having: Sequence[frozenset[str]], label: str
) -> OperatorCredit | None:
    """The credit of one operator; None where all trials have it."""
    known = list(zip(utilities, having, strict=True))
    with_it = [utility for utility, labels in known if label in labels]
    without = [utility for utility, labels in known if label not in labels]
    return OperatorCredit(len(with_it), float(np.mean(with_it) - np.mean(without))) if without else None


_BINS = 30
Z95 = 1.96
"""Standard errors to either side of a mean in a normal 95 % interval."""


def retention_plot(subset: Subset, pool_rows: int, kind: Format = "svg") -> bytes:
    """Retention plot: number of rows that each step of a recipe leaves."""
    # In two lines a label with its numbers is no wider than one without.
    labels = ["pool", *(short_label(label).replace(",", ",\n", 1) for label in subset.recipe.step_labels)]
    counts = [pool_rows, *(step.rows_out for step in subset.steps)]

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        places = np.arange(len(counts))
        axes.barh(places, counts, color=[MUTED, *[ACCENT] * (len(counts) - 1)], height=0.6)
        axes.set_yticks(places, labels)
        axes.invert_yaxis()
        axes.set_xlabel("rows")
        axes.set_title("Rows that each step leaves")
        for place, count in zip(places, counts, strict=True):
            text = f" {count:,} ({percent(count / pool_rows)})"
            axes.annotate(text, (count, place), va="center", fontsize=8)
        axes.margins(x=0.25)

    return draw(paint, height=1.2 + 0.35 * len(counts), kind=kind)


def trajectory_plot(history: History, unit: str, kind: Format = "svg") -> bytes:
    """Dev utility of every trial, with intervals of 1.96 standard errors over items, and the best so far."""

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        _points(axes, history.observations, [entry.trial for entry in history.observations])
        if history.observations:
            trials = [entry.trial for entry in history.observations]
            best = np.maximum.accumulate([entry.utility for entry in history.observations])
            axes.step(trials, best, where="post", color=WARM, linewidth=1.2, label="best so far")
        for failure in history.failures:
            axes.axvline(failure.trial, color=MUTED, linestyle=":", linewidth=1)
        axes.set_xlabel("trial")
        axes.set_ylabel(f"dev score ({unit})")
        axes.set_title("Score of every trial (bars: 95 % over dev items; dotted: failed)")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(loc="lower right")

    return draw(paint, kind=kind)


_FOLDED = "values beyond the middle 99 % of the pool are in the end bars"


def tokens_plot(history: History, unit: str, kind: Format = "svg", size: str = "tokens") -> bytes:
    """Dev utility against the size of the subset, to separate the effect of size from that of choice."""

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        _points(axes, history.observations, [entry.tokens for entry in history.observations])
        places = [(entry.tokens, entry.utility) for entry in history.observations]
        number_points(axes, [entry.trial for entry in history.observations], places)
        axes.set_xlabel(f"{size} of the subset")
        axes.set_ylabel(f"dev score ({unit})")
        axes.set_title(f"Score against {size} (numbers: trials)")

    return draw(paint, kind=kind)


_NEAR = (0.04, 0.06)
"""Shares of the width and of the height within which two numbers would be printed on one another."""

_NUMBERED = 4
"""Numbers that one place of a picture names at most."""


def number_points(axes: Any, numbers: Sequence[int], places: Sequence[tuple[float, float]]) -> None:  # noqa: ANN401 - matplotlib axes
    """Numbers beside points; those that lie on one another share a label."""
    if not places:
        return  # nothing was measured yet
    spans = np.ptp(np.array(places, np.float64), axis=0)
    near = np.array(_NEAR) * np.where(spans > 0, spans, 1.0)
    labels: list[tuple[tuple[float, float], list[int]]] = []
    for number, place in zip(numbers, places, strict=True):
        beside = (known for at, known in labels if (np.abs(np.subtract(at, place)) < near).all())
        if (known := next(beside, None)) is None:
            labels.append((place, [number]))
        else:
            known.append(number)
    for place, known in labels:
        more = ", …" if len(known) > _NUMBERED else ""
        text = ", ".join(map(str, known[:_NUMBERED]))
        axes.annotate(f" {text}{more}", place, fontsize=8, va="bottom")


def _points(axes: Any, observations: Sequence[Observation], places: Sequence[int]) -> None:  # noqa: ANN401 - matplotlib axes
    utilities = [entry.utility for entry in observations]
    errors = [Z95 * (entry.standard_error or 0.0) for entry in observations]
    axes.errorbar(
        places,
        utilities,
        yerr=errors,
        fmt="o",
        color=ACCENT,
        ecolor=MUTED,
        capsize=2,
        markersize=4,
        label="trial",
    )


def histogram_plot(
    subset: Subset, signals: SignalTable, names: Sequence[str] | None = None, kind: Format = "svg"
) -> bytes:
    """Distribution of signals in the subset against the pool; rows without a value are left out.

    Args:
        subset: The rows.
        signals: The columns.
        names: Columns to plot; all that have values by default.
        kind: `svg` or `png`.
    """
    known = {name: column for name, column in signals.columns.items() if np.isfinite(column).any()}
    chosen = list(known) if names is None else list(names)

    columns = panel_columns(len(chosen), kind)
    rows = max(1, -(-len(chosen) // columns))

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, name in zip(grid.flat, chosen, strict=False):
            _histogram(axes, name, known[name], subset)
        for axes in grid.flat[len(chosen) :]:
            axes.set_axis_off()
        figure.suptitle(f"Signals in the subset (blue) and in the pool (grey);\n{_FOLDED}", fontsize=8)

    return draw(paint, width=7.5, height=1.0 + 1.8 * rows, kind=kind)


def _histogram(axes: Any, name: str, column: Values, subset: Subset) -> None:  # noqa: ANN401 - matplotlib axes
    pool = column[np.isfinite(column)]
    kept = column[subset.rows]
    kept = kept[np.isfinite(kept)]
    edges = np.histogram_bin_edges(np.clip(pool, *np.percentile(pool, [0.5, 99.5])), bins=_BINS)
    for values, colour, alpha in ((pool, MUTED, 0.6), (kept, ACCENT, 0.6)):
        shares = np.full(len(values), 1.0 / max(len(values), 1))
        axes.hist(np.clip(values, edges[0], edges[-1]), edges, weights=shares, color=colour, alpha=alpha)
    axes.set_title(short_label(name))
    axes.set_ylabel("share of rows")


def pool_histograms(columns: Mapping[str, Values], kind: Format = "svg") -> bytes:
    """Distribution of columns in the pool, with the share that is known where that is not all.

    Args:
        columns: At least one, each with at least one value.
        kind: `svg` or `png`.
    """
    width = panel_columns(len(columns), kind)
    height = -(-len(columns) // width)

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        grid = figure.subplots(height, width, squeeze=False)
        for axes in grid.flat[len(columns) :]:
            axes.set_axis_off()
        for axes, (name, column) in zip(grid.flat, columns.items(), strict=False):
            known = column[np.isfinite(column)]
            low, high = np.percentile(known, [0.5, 99.5])
            axes.hist(np.clip(known, low, high), _BINS, color=ACCENT, alpha=0.8)
            axes.set_title(short_label(name), fontsize=8)
            # Beside its name it ran into the next panel on a narrow page.
            is_whole = len(known) == len(column)
            axes.set_ylabel("rows" if is_whole else f"rows ({percent(len(known) / len(column))} known)")
        figure.suptitle(_FOLDED, fontsize=8)

    return draw(paint, width=7.5, height=1.0 + 1.8 * height, kind=kind)


def credit_plot(found: Mapping[str, OperatorCredit], unit: str, kind: Format = "svg") -> bytes:
    """Operator credit: mean utility with an operator minus that without; an association, not an effect."""
    ordered = sorted(found.items(), key=lambda entry: entry[1].difference)

    def paint(figure: Any) -> None:  # noqa: ANN401 - a matplotlib figure
        axes = figure.subplots()
        places = np.arange(len(ordered))
        differences = [credit.difference for _, credit in ordered]
        colours = [ACCENT if difference >= 0 else WARM for difference in differences]
        axes.barh(places, differences, color=colours, height=0.6)
        axes.set_yticks(places, [f"{short_label(label)} ({credit.trials})" for label, credit in ordered])
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_xlabel(f"mean utility with it minus without it ({unit})")
        axes.set_title("Operators (number of trials)")

    return draw(paint, height=1.2 + 0.3 * max(1, len(ordered)), kind=kind)
