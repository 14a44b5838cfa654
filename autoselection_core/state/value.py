"""State of a subset: named numbers that describe its rows, and distances between subsets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.signals.table import SignalTable
from autoselection_core.state.basis import Basis, Tally, basis_of
from autoselection_core.state.column import Column
from autoselection_core.subset.value import Subset


def jaccard(a: Subset | Rows, b: Subset | Rows) -> float:
    """The share of common rows among all rows of two subsets, in [0, 1]; 1 for two empty ones.

    Example:
        >>> jaccard(np.array([0, 1, 2]), np.array([1, 2, 3]))
        0.5
    """
    first, second = _rows(a), _rows(b)
    common = len(np.intersect1d(first, second, assume_unique=True))
    together = len(first) + len(second) - common
    return common / together if together else 1.0


def wasserstein(a: Subset | Rows, b: Subset | Rows, signals: SignalTable) -> float:
    """The sum over all columns of the Wasserstein-1 distance between two subsets' values.

    Each column is in standard deviations of the pool, and read through a histogram over 255 equal shares of
    the pool; unknown values are left out.
    """
    first, second = profiles([_rows(a), _rows(b)], signals)
    return float(np.abs(first - second).sum())


def profiles(subsets: Sequence[Subset | Rows], signals: SignalTable) -> npt.NDArray[np.float64]:
    """A point for each subset such that L1 distances between points are `wasserstein` distances.

    Returns:
        Shape (subsets, columns * 254): the weighted distribution functions of all columns.
    """
    columns = [aspect for aspect in basis_of(signals).aspects if isinstance(aspect, Column)]
    points = [
        np.concatenate([column.cumulative(column.count(_rows(subset))) for column in columns])
        for subset in subsets
    ]
    return np.array(points)


def _rows(subset: Subset | Rows) -> Rows:
    return subset.rows if isinstance(subset, Subset) else subset


@dataclass(frozen=True, eq=False)
class State:
    """State of a subset, in numbers that compare it to its pool.

    Attributes:
        names: Name of each number.
        values: Shares in [0, 1], or shifts in standard deviations of the pool. Shape (names,).
        tally: The counts behind the numbers, from which states of edits follow.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    tally: Tally = field(repr=False)

    def __getitem__(self, name: str) -> float:
        """One number by its name."""
        return float(self.values[self.names.index(name)])

    def to_json(self) -> Mapping[str, float]:
        """The numbers by name."""
        return dict(zip(self.names, self.values.tolist(), strict=True))


def state_of(rows: Rows, signals: SignalTable, parent: State | None = None) -> State:
    """The state of some rows (at least one).

    Args:
        rows: The subset.
        signals: Everything known about the pool; every signal in the table enters the state.
        parent: A state of the same table; where fewer rows differ from it than from the pool, its counts are
            the start. The result is the same.
    """
    basis = basis_of(signals)
    tally = basis.tally(rows, () if parent is None else (parent.tally,))
    return State(basis.names, basis.numbers(tally), tally)


def states_of(subsets: Sequence[Subset], signals: SignalTable) -> npt.NDArray[np.float64]:
    """The numbers of many states, each identical subset computed once. Shape (subsets, names).

    Each starts from the pool, from the first subset or from the one before it, whichever is closest.
    """
    basis = basis_of(signals)
    known: dict[str, npt.NDArray[np.float64]] = {}
    for subset, tally in _tallies(subsets, basis):
        known[subset.fingerprint] = basis.numbers(tally)
    return np.array([known[subset.fingerprint] for subset in subsets]).reshape(len(subsets), len(basis.names))


def _tallies(subsets: Sequence[Subset], basis: Basis) -> Iterator[tuple[Subset, Tally]]:
    references: tuple[Tally, ...] = ()
    for subset in {subset.fingerprint: subset for subset in subsets}.values():
        tally = basis.tally(subset.rows, references)
        references = (*references[:1], tally)
        yield subset, tally
