"""Distribution of one signal in a subset: mean, deviation, quantiles, share of unknown values."""

from functools import cached_property

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows, Values
from autoselection_core.state.aspect import Aspect, Counts, Shares

QUANTILES = (0.1, 0.5, 0.9)
"""Quantiles in a state."""

BINS = 255
"""A histogram over equal shares of the pool resolves a quantile to 0.4 % of its rows."""

SAMPLE_ROWS = 200_000
"""Number of evenly spaced rows from which larger pools are described.

Rows are in the order of content hashes, so evenly spaced rows are a random sample.
"""

_UNKNOWN = BINS
_TAIL = 0.001
_BITS = 62


def sample_rows(rows: int) -> Rows:
    """Evenly spaced rows of a pool, all of them up to `SAMPLE_ROWS`.

    Example:
        >>> len(sample_rows(1_000_000)), len(sample_rows(90_000))
        (200000, 90000)
    """
    return np.arange(0, rows, -(-rows // SAMPLE_ROWS) or 1)


class Column(Aspect):
    """Level, spread and quantiles of one signal, in standard deviations of the pool.

    `mean/x` is the shift of the mean, `std/x` the ratio of the standard deviations, `q10/x` the position of
    the subset's quantile in the pool's units, `unknown/x` the share of rows without a value. Values beyond
    the pool's 0.1 % and 99.9 % quantiles count as those, so that one outlier does not move a state. A subset
    without any known value has the numbers of the pool, and 1 as `unknown/x`.

    Values are rounded to steps so fine that sums of squares of all rows fill 62 bits.
    """

    def __init__(self, name: str, values: Values) -> None:
        quantiles = (f"q{round(100 * level)}/{name}" for level in QUANTILES)
        self.names = (f"mean/{name}", f"std/{name}", *quantiles, f"unknown/{name}")
        known = _known(values[sample_rows(len(values))])
        low, high = np.quantile(known, (_TAIL, 1 - _TAIL), method="nearest")
        self._center = (low + high) / 2
        reach = 1 << ((_BITS - len(values).bit_length()) // 2)
        self._step = float(high - low) / 2 / reach or 1.0
        self._codes = self._coded(values, low, high)
        self._edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="nearest"))
        self._bins = np.searchsorted(self._edges.astype(np.float32), values, side="right").astype(np.uint8)
        self._bins[np.isnan(values)] = _UNKNOWN
        self.pool = self.count(np.arange(len(values)))

    def count(self, rows: Rows) -> Counts:
        """Sum, sum of squares, and the histogram with the unknown last. Shape (2 + BINS + 1,)."""
        codes = self._codes[rows].astype(np.int64)
        counts = np.empty(2 + BINS + 1, np.int64)
        counts[0], counts[1] = codes.sum(), np.dot(codes, codes)
        counts[2:] = np.bincount(self._bins[rows], minlength=BINS + 1)
        return counts

    def numbers(self, counts: Counts, rows: int) -> Shares:
        """Shift, ratio of spreads, quantiles, share of unknown values."""
        known = rows - int(counts[-1])
        if known == 0:
            return np.array([0.0, 1.0, *self._pool_quantiles, 1.0])
        mean, deviation = _moments(counts, known)
        pool_mean, pool_deviation = self._pool_moments
        quantiles = self._quantiles(counts[2:-1], known)
        return np.array(
            [
                (mean - pool_mean) / pool_deviation,
                deviation / pool_deviation,
                *quantiles,
                1 - known / rows,
            ]
        )

    def cumulative(self, counts: Counts) -> Shares:
        """The distribution function at the edges, weighted so that L1 distances are Wasserstein distances.

        In standard deviations of the pool. Shape (BINS - 1,).
        """
        known = max(int(counts[2:-1].sum()), 1)
        shares = np.cumsum(counts[2:-2]) / known
        weighted: Shares = shares * np.diff(self._bin_values)
        return weighted

    @cached_property
    def _pool_moments(self) -> tuple[float, float]:
        mean, deviation = _moments(self.pool, max(len(self._codes) - int(self.pool[-1]), 1))
        return mean, deviation or 1.0

    @cached_property
    def _bin_values(self) -> Shares:
        """Mean value of each bin, in standard deviations from the pool's mean. Shape (BINS,)."""
        pool_mean, pool_deviation = self._pool_moments
        sums = np.bincount(self._bins, weights=self._codes, minlength=BINS + 1)[:BINS]
        sizes = self.pool[2:-1]
        present = np.flatnonzero(sizes)
        means = (sums[present] / sizes[present] - pool_mean) / pool_deviation
        return np.interp(np.arange(BINS), present, means) if len(present) else np.zeros(BINS)

    @cached_property
    def _pool_quantiles(self) -> Shares:
        return self._quantiles(self.pool[2:-1], int(self.pool[2:-1].sum()))

    def _quantiles(self, histogram: Counts, known: int) -> Shares:
        """Quantiles read off the histogram, linear between the middles of its bins."""
        if known == 0:
            return np.zeros(len(QUANTILES))
        present = np.flatnonzero(histogram)
        middles = (np.cumsum(histogram)[present] - histogram[present] / 2) / known
        return np.interp(QUANTILES, middles, self._bin_values[present])

    def _coded(self, values: Values, low: float, high: float) -> npt.NDArray[np.int32]:
        known = np.clip(np.nan_to_num(values, nan=self._center), low, high)
        codes: npt.NDArray[np.int32] = np.rint((known - self._center) / self._step).astype(np.int32)
        codes[np.isnan(values)] = 0
        return codes


def _known(values: Values) -> npt.NDArray[np.float64]:
    """The finite values; a single 0 where there is none."""
    known = values[np.isfinite(values)].astype(np.float64)
    return known if len(known) else np.zeros(1)


def _moments(counts: Counts, known: int) -> tuple[float, float]:
    """Mean and standard deviation in steps."""
    total, squares = int(counts[0]), int(counts[1])
    variance = (squares * known - total * total) / (known * known)  # exact until the division
    return total / known, max(variance, 0.0) ** 0.5
