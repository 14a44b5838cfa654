"""Shift of the mean vector of a subset from the pool's."""

import numpy as np

from autoselection_core.arrays import Rows, Vectors
from autoselection_core.state.aspect import Aspect, Counts, Shares
from autoselection_core.state.column import sampled_rows

_STEPS = 127


class Shift(Aspect):
    """`shift/x`: distance between the mean vectors, over the pool's root mean squared distance to its mean.

    Vectors are rounded to 127 steps up to the largest component, which averages out over rows. Pools above
    200,000 rows are described by the fixed sample of `sampled_rows`.
    """

    def __init__(self, name: str, vectors: Vectors) -> None:
        self.names = (f"shift/{name}",)
        sampled = sampled_rows(len(vectors))
        self._place = np.full(len(vectors), -1, np.int64)
        self._place[sampled] = np.arange(len(sampled))
        known = np.nan_to_num(vectors[sampled])
        self._codes = np.rint(known / (max(np.abs(known).max(initial=0.0), 1e-30) / _STEPS)).astype(np.int8)
        self.pool = self.counted(sampled)
        self._spread = self._pool_spread()

    def counted(self, rows: Rows) -> Counts:
        """The sum of the rounded vectors of the sampled rows; last, their number."""
        places = self._place[rows]
        places = places[places >= 0]
        total = self._codes[places].sum(axis=0, dtype=np.int32)  # 127 * 200,000 fits into 32 bits
        return np.append(total.astype(np.int64), len(places))

    def numbers(self, counts: Counts, rows: int) -> Shares:  # noqa: ARG002  # only sampled rows count
        """The distance to the pool's mean."""
        if counts[-1] == 0:
            return np.zeros(1)
        shift = counts[:-1] / counts[-1] - self.pool[:-1] / self.pool[-1]
        return np.array([np.sqrt(np.square(shift).sum()) / self._spread])

    def _pool_spread(self) -> float:
        rows = max(int(self.pool[-1]), 1)
        squares = int(np.square(self._codes, dtype=np.int32).sum(dtype=np.int64)) / rows
        variance = squares - float(np.square(self.pool[:-1] / rows).sum())
        return float(np.sqrt(max(variance, 1e-12)))
