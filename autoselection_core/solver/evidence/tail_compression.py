"""Tail compression: a logarithm of bad utilities below a threshold.

A search is after the highest utilities. A subset of a few rows may be worse than all others by ten times what
tells good ones apart; learned as it is, it stretches the scale, the noise that is expected and every
length scale, and good measurements are trusted less. Below a threshold the logarithm keeps the order and most
of the news: far below is bad.
"""

import numpy as np

from autoselection_core.solver.surrogate.gp import Numbers


def compress_tail(utilities: Numbers, spreads: float, min_spread: float = 0.0) -> Numbers:
    """Utilities whose lower tail is compressed; those above the threshold stay as they are.

    Args:
        utilities: Observed utilities. Shape (n,), n > 0.
        spreads: Distance of the threshold below the median, in root mean squares of the better half about it.
        min_spread: Smallest such spread, in units of utility: the noise, where it is known.

    Example:
        >>> compress_tail(np.array([2.0, 1.0, 0.0, -1.0, -100.0]), 1.0).round(1)
        array([ 2. ,  1. ,  0. , -1. , -6.9])
    """
    middle = float(np.median(utilities))
    better = utilities[utilities >= middle] - middle
    spread = max(float(np.sqrt(np.mean(better**2))), min_spread)
    if spread == 0:
        return utilities
    start = middle - spreads * spread
    beyond = np.maximum(start - utilities, 0.0) / spread
    return np.where(beyond > 0, start - spread * np.log1p(beyond), utilities)
