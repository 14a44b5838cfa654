"""Number of replicates by the mini-META rule: measure the incumbent again, or try something new.

Calandriello et al. 2022: a point may be evaluated B = floor((C^2 - 1) noise^2 / deviation^2) times before the
model is refreshed, deviation being that of its utility before its own evaluations, because these shrink the
deviation at most by the factor C. Where the model knew little beforehand, B is 0 and exploring pays more.
"""

import math

import numpy as np

from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.surrogate.gp import Surrogate


def repeats(noise: float, deviation: float, tolerance: float) -> int:
    """Evaluations that a point deserves; at least 1.

    Args:
        noise: Run-to-run standard deviation.
        deviation: Posterior standard deviation of the point's utility without its own evaluations.
        tolerance: The factor C, from 1.

    Example:
        >>> repeats(noise=1.0, deviation=0.5, tolerance=1.5), repeats(noise=1.0, deviation=2.0, tolerance=1.5)
        (5, 1)
    """
    return max(1, math.floor((tolerance**2 - 1) * noise**2 / deviation**2))


def deviation_without(surrogate: Surrogate, point: Features, others: list[int]) -> float:
    """Posterior standard deviation at a point, learned from some of the observations only.

    Args:
        surrogate: Fitted to all observations.
        point: The point's feature vector. Shape (1, d).
        others: Rows of the observations that may be used; not empty.
    """
    return float(np.asarray(surrogate.learned_from(others).posterior(point)[1])[0])
