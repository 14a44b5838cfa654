"""Bad utilities, pulled in.

A search is after the highest utilities. A subset of a few rows may be worse than all others by ten times what
tells good ones apart; learned as it is, it stretches the scale, the noise that is expected and every
length scale, and good measurements are trusted less. Below a threshold the logarithm keeps the order and most
of the news: far below is bad.
"""

import numpy as np

from autoselection_core.solver.surrogate.gp import Numbers


def compress_tail(utilities: Numbers, spreads: float, least: float = 0.0) -> Numbers:
    """Utilities whose lower tail is compressed; what lies above the threshold stays as it is.

    Args:
        utilities: Observed utilities. Shape (n,), n > 0.
        spreads: How far below the median the tail begins, in root mean squares of the better half around it.
        least: Smallest such spread, in units of utility: the noise, where it is known.

    Example:
        >>> pulled_in(np.array([2.0, 1.0, 0.0, -1.0, -100.0]), 1.0).round(1)
        array([ 2. ,  1. ,  0. , -1. , -6.9])
    """
    middle = float(np.median(utilities))
    better = utilities[utilities >= middle] - middle
    spread = max(float(np.sqrt(np.mean(better**2))), least)
    if spread == 0:
        return utilities
    start = middle - spreads * spread
    beyond = np.maximum(start - utilities, 0.0) / spread
    return np.where(beyond > 0, start - spread * np.log1p(beyond), utilities)
