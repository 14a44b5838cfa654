"""Floor of the similarities that lists of pairs store."""

import numpy as np
import numpy.typing as npt

PAIRS_PER_ROW = 64
"""Most pairs that a list keeps, on average over the rows of the pool."""

MAX_FLOOR = 0.9
"""From here upwards every pair is stored, however many there are."""


def stored_floor(similarity: npt.NDArray[np.float32], rows: int, min_similarity: float) -> float:
    """The smallest similarity from which on at most 64 pairs a row remain, and at most 0.9.

    Args:
        similarity: Every pair at or above `min_similarity`. Shape (pairs,).
        rows: Rows of the pool.
        min_similarity: No floor goes below this.

    Example:
        >>> stored_floor(np.array([0.9, 0.8, 0.7], np.float32), rows=1, min_similarity=0.5)
        0.5
    """
    allowed = PAIRS_PER_ROW * rows
    if len(similarity) <= allowed:
        return min_similarity
    first_left_out = -np.partition(-similarity, allowed)[allowed]
    return float(min(np.nextafter(first_left_out, np.float32(2.0)), np.float32(MAX_FLOOR)))
