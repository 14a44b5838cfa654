"""The rows that a recipe leaves of a pool."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.identity import fingerprint_bytes
from autoselection_core.recipe.program import Recipe


@dataclass(frozen=True)
class StepCount:
    """Row counts of one step.

    Attributes:
        label: The step's label.
        rows_in: Rows that entered it.
        rows_out: Rows that left it.
        changed: Whether it changed anything.
    """

    label: str
    rows_in: int
    rows_out: int
    changed: bool


@dataclass(frozen=True, eq=False)
class Subset:
    """A realised recipe.

    Attributes:
        recipe: The realised recipe.
        pool_version: Version of the pool that the rows belong to.
        rows: The rows that stayed.
        fingerprint: Hash of the sorted sample ids; equal for recipes that realise the same samples.
        steps: Row counts of each step, in order.
        signal_versions: Versions of the signals that the recipe read, as (name, version), ascending.
    """

    recipe: Recipe
    pool_version: str
    rows: Rows
    fingerprint: str
    steps: tuple[StepCount, ...] = ()
    signal_versions: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)


def fingerprint_of_ids(ids: npt.NDArray[np.bytes_]) -> str:
    """The hash that names a set of samples, whatever order they are given in.

    Args:
        ids: Sample ids of 32 characters. Shape (m,), dtype S32.

    Example:
        >>> fingerprint_of_ids(np.array(["b" * 32, "a" * 32], "S32"))
        'fdd2a64d014f2c406d2ece67c23212a9'
    """
    is_sorted = bool((ids[:-1] <= ids[1:]).all())
    return fingerprint_bytes([(ids if is_sorted else np.sort(ids)).tobytes()])
