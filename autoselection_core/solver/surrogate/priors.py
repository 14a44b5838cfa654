"""The hyper-parameters of the surrogate and what is believed of them before any observation."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.solver.feature_layout import Layout

SHARED = ("marginal_scale", "state_size", "marginal_size", "program_size")
"""Hyper-parameters after the length scale and the slope of each state axis, in this order. The size of the
discrepancy follows where there are observations of an earlier search, then discrepancies and scales of
cheaper fidelities, and the noise comes last."""


@dataclass(frozen=True)
class Belief:
    """One log-normal belief: the median, and the standard deviation of the logarithm."""

    median: float
    spread: float


AXIS_SCALE = Belief(4.0, 0.7)
"""Of a state axis, in standard deviations over fresh programs, if it is the only axis. It grows with the root
of their number (Hvarfner et al. 2024), so that the function is as rough with twelve axes as with two. Sizes
and scales down to the slope's are what simulated utilities were learned with on average, their spreads wider
than among those (docs/explanation/solver.md)."""

RETENTION_SCALE = Belief(2.0, 0.45)
"""Of the first axis, the log of the retained share. Utilities bend over size: too few rows teach too little,
and one more of many adds nothing."""

MARGINAL_SCALE = Belief(2.4, 0.5)
"""In median distances between fresh programs."""

STATE_SIZE, MARGINAL_SIZE, PROGRAM_SIZE = Belief(0.86, 0.45), Belief(0.9, 0.55), Belief(0.04, 0.6)
"""Standard deviations of three parts, in standard deviations of the utilities seen."""

SLOPE_SIZE = Belief(0.2, 0.6)
"""Deviation of the linear part's slope along a state axis, learned for each. A mean over rows of what a model
learns from goes on rising where nothing was tried yet; a stationary part alone would fall back to the mean
there."""

DISCREPANCY = Belief(0.5, 1.0)
"""Size of what an earlier search measured differently, as a share of the sizes of the three parts. Its
utilities correlate with today's by 1/sqrt(1 + size^2): 0.89 at the median, 0.6 one deviation above it."""

CHEAP_DISCREPANCY, CHEAP_SCALE = Belief(0.75, 1.0), Belief(1.0, 0.3)
"""Of a cheaper fidelity: a correlation of 0.8 with the full one at the median, 0.96 to 0.44 within a
deviation; and the spread of its utilities, as a multiple of what the recipes measured at both show."""

DRIFT_SIZE = 1.0
"""Deviation of an earlier utility whose subset has nothing left in common with today's, in standard
deviations of the utilities seen; it falls in proportion to what they share."""

LEVEL_SIZE = 1.0
"""Standard deviation of the unknown mean, in standard deviations of the utilities seen."""


def after_axes(layout: Layout) -> int:
    """Where the hyper-parameters that are no axis's begin: each axis has a length scale and a slope."""
    return 2 * layout.axes


def after_shared(layout: Layout) -> int:
    """Where those of an earlier search begin, or else those of cheaper fidelities."""
    return after_axes(layout) + len(SHARED)


@dataclass(frozen=True)
class Prior:
    """Independent normal beliefs about the logarithms of all hyper-parameters.

    Attributes:
        mean: Means of the logarithms. Shape (p,).
        spread: Standard deviations of the logarithms. Shape (p,).
    """

    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


def prior(layout: Layout, noise: Belief) -> Prior:
    """The beliefs for a layout, given the one about run-to-run noise in standardised units."""
    axis = Belief(AXIS_SCALE.median * max(layout.axes, 1) ** 0.5, AXIS_SCALE.spread)
    scales = [RETENTION_SCALE, *[axis] * (layout.axes - 1)] if layout.axes else []
    discrepancy = [DISCREPANCY] if layout.has_earlier else []
    cheap = [CHEAP_DISCREPANCY] * layout.fidelities + [CHEAP_SCALE] * layout.fidelities
    beliefs = [
        *scales,
        *[SLOPE_SIZE] * layout.axes,
        MARGINAL_SCALE,
        STATE_SIZE,
        MARGINAL_SIZE,
        PROGRAM_SIZE,
        *discrepancy,
        *cheap,
        noise,
    ]
    return Prior(
        np.log([belief.median for belief in beliefs]),
        np.array([belief.spread for belief in beliefs], np.float64),
    )
