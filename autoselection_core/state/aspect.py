"""Aspects of a state: counts that add up over rows, and the numbers that follow from them."""

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows

Counts = npt.NDArray[np.int64]
"""Whole numbers that add up over rows."""

Shares = npt.NDArray[np.float64]
"""Numbers of a state. Shape (names,)."""


class Aspect(ABC):
    """Counts that add up over rows, and the numbers of a state that follow from them.

    Because the counts are whole numbers, a state computed from another one's counts and the rows that changed
    equals, bit for bit, the state computed from scratch, on every machine and with any number of threads.

    Attributes:
        names: Names of the numbers.
        pool: The counts over the whole pool.
    """

    names: tuple[str, ...]
    pool: Counts

    @abstractmethod
    def count(self, rows: Rows) -> Counts:
        """The counts over some rows."""

    def change(self, added: Rows, removed: Rows) -> Counts:
        """Change of the counts when rows are added and others removed."""
        return self.count(added) - self.count(removed)

    @abstractmethod
    def numbers(self, counts: Counts, rows: int) -> Shares:
        """The numbers of a subset with these counts and this many rows (at least one)."""


class Size(Aspect):
    """Retention: share of the pool's rows."""

    names = ("retention",)

    def __init__(self, rows: int) -> None:
        self.pool = np.array([rows])

    def count(self, rows: Rows) -> Counts:
        """Number of rows."""
        return np.array([len(rows)])

    def numbers(self, counts: Counts, rows: int) -> Shares:  # noqa: ARG002  # the count is the number of rows
        """The share of the pool's rows."""
        return counts / self.pool


class Tokens(Aspect):
    """Token share: share of the pool's tokens; unknown lengths count as none."""

    def __init__(self, name: str, tokens: npt.NDArray[np.float32]) -> None:
        self.names = (f"{name.removesuffix('s')}_share",)
        self._tokens = np.nan_to_num(tokens, nan=0.0).astype(np.int64)
        self.pool = np.array([self._tokens.sum()])

    def count(self, rows: Rows) -> Counts:
        """Number of tokens."""
        return np.array([self._tokens[rows].sum()])

    def numbers(self, counts: Counts, rows: int) -> Shares:  # noqa: ARG002  # a share of tokens, not of rows
        """The share of the pool's tokens."""
        return counts / np.maximum(self.pool, 1)


class Mix(Aspect):
    """Mix: shares of the groups that the rows come from."""

    def __init__(self, label: str, groups: npt.NDArray[np.int32], group_names: tuple[str, ...]) -> None:
        count = max(int(groups.max(initial=-1)) + 1, len(group_names))
        known = (*group_names, *(str(number) for number in range(len(group_names), count)))
        self.names = tuple(f"{label}/{name}" for name in known)
        self._groups = groups + 1
        self.pool = np.bincount(self._groups, minlength=count + 1)

    def count(self, rows: Rows) -> Counts:
        """Numbers of rows of each group; rows without one come first."""
        return np.bincount(self._groups[rows], minlength=len(self.pool))

    def numbers(self, counts: Counts, rows: int) -> Shares:
        """The share of each group."""
        return counts[1:] / rows
