"""Prior distributions of the surrogate's hyper-parameters."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.solver.feature_layout import Layout
from autoselection_core.solver.surrogate.hyper_parameters import group_sizes


@dataclass(frozen=True)
class LogNormalPrior:
    """Log-normal distribution: its median, and the standard deviation of the logarithm."""

    median: float
    spread: float


AXIS_SCALE = LogNormalPrior(4.0, 0.7)
"""Length scale of a state axis, in standard deviations over fresh programs, if it is the only axis. It grows
with the root of their number (Hvarfner et al. 2024), so that the function is as rough with twelve axes as
with two. Sizes and scales down to the slope's are what simulated utilities were learned with on average,
their spreads wider than among those (docs/explanation/solver.md)."""

RETENTION_SCALE = LogNormalPrior(2.0, 0.45)
"""Length scale of the first axis, the log of the retained share. Utilities bend over size: too few rows teach
too little, and one more of many adds nothing."""

PROGRAM_SIZE = LogNormalPrior(0.04, 0.6)
"""Standard deviation of the part over the program, in standard deviations of the utilities seen."""


@dataclass(frozen=True)
class Priors:
    """Priors that differ between versions of the policy.

    Attributes:
        noise_share: Noise expected of an unknown evaluator, as a share of the spread of the utilities seen.
        marginal_scale: Length scale of the subset distance, in median distances between fresh programs.
        marginal_size: Standard deviation of the part over it, in standard deviations of the utilities seen.
        state_size: That of the stationary part over the state axes.
        slope: Deviation of the linear part's slope along a state axis, learned for each. A mean over rows of
            what a model learns from goes on rising where nothing was tried yet; a stationary part alone
            would fall back to the mean there.
    """

    noise_share: float
    marginal_scale: LogNormalPrior
    marginal_size: LogNormalPrior
    state_size: LogNormalPrior
    slope: LogNormalPrior


FIRST_PRIORS = Priors(
    0.33,
    LogNormalPrior(2.4, 0.5),
    LogNormalPrior(0.9, 0.55),
    LogNormalPrior(0.86, 0.45),
    LogNormalPrior(0.2, 0.6),
)
"""Of the first two versions, learned from simulated utilities whose noise is a third of their spread."""

THIRD_PRIORS = Priors(
    0.45,
    LogNormalPrior(1.2, 0.6),
    LogNormalPrior(1.2, 0.6),
    LogNormalPrior(0.86, 0.6),
    LogNormalPrior(0.1, 0.8),
)
"""Of the third version. Runs of one real recipe vary by about half of what a table's runs do, and with the
longer scale intervals are too narrow; what was compared is in docs/explanation/solver.md."""

GROUP_WEIGHT = LogNormalPrior(0.6, 1.2)
"""Weight of a composition group's distance if it is the only group; it falls with the root of their number.
The wide spread makes it sparse: a few groups decide, and which ones is learned."""

COMPOSITION_SIZE = LogNormalPrior(0.7, 0.6)
"""Standard deviation of the part over composition groups, in standard deviations of the utilities seen."""

DISCREPANCY = LogNormalPrior(0.5, 1.0)
"""Size of what an earlier search measured differently, as a share of today's whole function, its level
included. Its utilities correlate with today's by 1/sqrt(1 + size^2): 0.89 at the median, 0.6 one deviation
above it."""

FIDELITY_DISCREPANCY, FIDELITY_SCALE = LogNormalPrior(0.75, 1.0), LogNormalPrior(1.0, 0.3)
"""Priors of a lower fidelity: a correlation of 0.8 with the full one at the median, 0.96 to 0.44 within a
deviation; and the spread of its utilities, as a multiple of what the recipes measured at both show."""

DRIFT_SIZE = 1.0
"""Deviation of an earlier utility whose subset has nothing left in common with today's, in standard
deviations of the utilities seen; it falls in proportion to what they share."""

LEVEL_SIZE = 1.0
"""Standard deviation of the unknown mean, in standard deviations of the utilities seen."""


@dataclass(frozen=True)
class HyperPrior:
    """Independent normal distributions of the logarithms of all hyper-parameters.

    Attributes:
        mean: Means of the logarithms. Shape (p,).
        spread: Standard deviations of the logarithms. Shape (p,).
    """

    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]


def _group_weight(groups: int) -> LogNormalPrior:
    return LogNormalPrior(GROUP_WEIGHT.median / max(groups, 1) ** 0.5, GROUP_WEIGHT.spread)


def hyper_prior(layout: Layout, noise: LogNormalPrior, priors: Priors = FIRST_PRIORS) -> HyperPrior:
    """Priors for a layout.

    Args:
        layout: Layout of a feature vector.
        noise: Prior of the run-to-run noise, in standardised units.
        priors: Those that differ between versions of the policy.
    """
    axis = LogNormalPrior(AXIS_SCALE.median * max(layout.axes, 1) ** 0.5, AXIS_SCALE.spread)
    usual = {
        "axis_scales": axis,
        "slopes": priors.slope,
        "marginal_scale": priors.marginal_scale,
        "state_size": priors.state_size,
        "marginal_size": priors.marginal_size,
        "program_size": PROGRAM_SIZE,
        "group_weights": _group_weight(len(layout.groups)),
        "composition_size": COMPOSITION_SIZE,
        "discrepancy": DISCREPANCY,
        "fidelity_discrepancies": FIDELITY_DISCREPANCY,
        "fidelity_scales": FIDELITY_SCALE,
        "noise": noise,
    }
    each = [usual[name] for name, size in group_sizes(layout).items() for _ in range(size)]
    if layout.axes:
        each[0] = RETENTION_SCALE
    return HyperPrior(
        np.log([prior.median for prior in each]),
        np.array([prior.spread for prior in each], np.float64),
    )
