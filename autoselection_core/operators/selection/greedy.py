"""Greedy deduplication of similar rows, in vectorised rounds."""

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask

Ends = npt.NDArray[np.int32]
"""One end of each pair, as row numbers. Shape (pairs,)."""

_ROUNDS = 8
"""In random order a few rounds settle nearly all rows; a chain of n rows, each like the next, would take
n / 2 rounds, so what is left after these goes one by one."""


def dropped(before: Ends, after: Ends, costs: npt.NDArray[np.floating] | None, rows: int) -> Mask:
    """The rows that are dropped when each row that is similar to an earlier kept one goes.

    The result is exactly that of the sequential rule (take rows in order, keep one unless a kept one is like
    it): in each round all rows without an undecided earlier neighbour are kept, and their neighbours go.

    Args:
        before: The end of each pair that comes first in the order of preference.
        after: The other end.
        costs: What the order of preference follows, lowest first and ties to the lower row; None where it
            follows the row numbers. Shape (rows,).
        rows: Number of rows of the pool.

    Returns:
        Shape (rows,).

    Example:
        >>> dropped(np.array([0, 1], np.int32), np.array([1, 2], np.int32), None, 3)  # 0 ~ 1 ~ 2
        array([False,  True, False])
    """
    gone = np.zeros(rows, np.bool_)
    waits = np.zeros(rows, np.bool_)
    for _ in range(_ROUNDS):
        if not len(before):
            break
        waits[after] = True
        gone[after[~waits[before]]] = True
        waits[after] = False
        is_open = ~(gone[before] | gone[after])
        before, after = before[is_open], after[is_open]
    return _dropped_one_by_one(before, after, costs, gone) if len(before) else gone


def _dropped_one_by_one(
    before: Ends, after: Ends, costs: npt.NDArray[np.floating] | None, gone: Mask
) -> Mask:
    order = np.argsort(before, kind="stable") if costs is None else np.lexsort((before, costs[before]))
    before, after = before[order], after[order]
    starts = np.flatnonzero(np.concatenate([[True], before[1:] != before[:-1]]))
    ends = np.append(starts[1:], len(before))
    is_gone = gone.view(np.uint8).data  # reading one item of a view is several times faster than of an array
    for row, start, end in zip(before[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        if not is_gone[row]:
            gone[after[start:end]] = True
    return gone
