"""Redundancy of a subset: shares of rows that repeat another row."""

import numpy as np

from autoselection_core.arrays import Labels, Mask, Rows
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import first_name

_ALIKE = {"near_duplicates": 0.8}
_ALIKE_VECTORS = 0.95
"""The similarities from which rows repeat each other: the defaults of the operators that drop them."""


class ExactRepeats:
    """`repeats/x`: the share of rows that have a row with the same text in the subset."""

    def __init__(self, name: str, groups: Labels) -> None:
        self.name = f"repeats/{name}"
        self._groups = groups + 1

    def share(self, rows: Rows, present: Mask) -> float:  # noqa: ARG002  # the groups are enough
        """The share of the rows."""
        sizes = np.bincount(self._groups[rows])[1:]
        return float(sizes[sizes > 1].sum() / len(rows))


class AlikeRepeats:
    """`repeats/x`: the share of rows that have a neighbour in the subset.

    States are stored and compared by name, so a renamed list of pairs keeps its first name here.
    """

    def __init__(self, name: str, pairs: PairList) -> None:
        self.name = f"repeats/{first_name(name)}"
        alike = pairs.similarity >= np.float32(max(_ALIKE.get(name, _ALIKE_VECTORS), pairs.floor))
        self._low, self._high = pairs.low[alike], pairs.high[alike]

    def share(self, rows: Rows, present: Mask) -> float:
        """The share of the rows."""
        both = present[self._low] & present[self._high]
        repeated = np.zeros(len(present), np.bool_)
        repeated[self._low[both]] = True
        repeated[self._high[both]] = True
        return float(np.count_nonzero(repeated) / len(rows))


Repeats = ExactRepeats | AlikeRepeats
"""Numbers that do not add up over rows."""
