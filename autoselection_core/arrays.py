"""Array types that the rooms exchange, each defined once."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Rows: TypeAlias = npt.NDArray[np.int64]
"""Ascending, unique row numbers of one pool. Shape (m,)."""

Integers: TypeAlias = npt.NDArray[np.int64]
"""Whole numbers: places, counts, offsets or row numbers in any order; the user says which. Shape (k,)."""

Mask: TypeAlias = npt.NDArray[np.bool_]
"""One truth value for each row that was given. Shape (m,)."""

Values: TypeAlias = npt.NDArray[np.float32]
"""One value for each row of a pool; NaN means unknown. Shape (n,)."""

Labels: TypeAlias = npt.NDArray[np.int32]
"""One group number for each row of a pool; -1 means no group. Shape (n,)."""

Keys: TypeAlias = npt.NDArray[np.uint64]
"""The first 64 bits of each row's sample id. Shape (n,)."""

Vectors: TypeAlias = npt.NDArray[np.float32]
"""One vector for each row of a pool. Shape (n, d)."""
