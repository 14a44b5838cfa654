"""Farthest-point subsampling of observations for the fit of hyper-parameters.

Goswami & Jonsson 2025: hyper-parameters cost the cube of the observations and need only a varied part of
them; predictions use all. The newest stay, and the rest is filled by farthest-point sampling.
"""

import numpy as np
import numpy.typing as npt

from autoselection_core.solver.feature_layout import Features

_NEWEST_SHARE = 0.25
"""Share of the selection that goes to the newest observations."""


def subsample_rows(features: Features, count: int) -> npt.NDArray[np.int64]:
    """At most `count` rows in ascending order; replicates of a chosen row come last, at distance 0.

    Args:
        features: Feature vectors of the observations, oldest first. Shape (n, d).
        count: Number of rows to choose, at least 1.
    """
    size = len(features)
    if size <= count:
        return np.arange(size)
    chosen = list(range(size - max(1, round(_NEWEST_SHARE * count)), size))
    gaps = np.min([_gaps(features, place) for place in chosen], axis=0)
    while len(chosen) < count:
        gaps[chosen] = -1.0
        chosen.append(int(np.argmax(gaps)))
        gaps = np.minimum(gaps, _gaps(features, chosen[-1]))
    return np.sort(np.array(chosen, np.int64))


def _gaps(features: Features, place: int) -> Features:
    return np.asarray(((features - features[place]) ** 2).sum(axis=1))
