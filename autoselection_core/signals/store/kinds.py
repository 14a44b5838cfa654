"""Kinds of computed values, derived from their types, and their files in folders of columns, one a pool."""

import mmap
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Rows
from autoselection_core.errors.pool import UnreadablePoolError
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import Computed, EarlierValues
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.table import present_name
from autoselection_core.store.home import Home

_ARRAY = ".npy"

_MAX_NEW_SHARE = 0.2
"""With more new rows than this, joining them costs nearly as much as starting anew."""

_LOOKED_AT = 4
"""Number of earlier pools that are compared, the latest first."""


class ValueKind(StrEnum):
    """Part of a signal table that a value belongs to."""

    COLUMN = "column"
    LABEL = "label"
    VECTORS = "vectors"
    SPARSE = "sparse"
    PAIRS = "pairs"
    INTERNAL = "internal"


def kind_of(value: Computed) -> ValueKind:
    """Float32 is a column or vectors, int32 a label; any other array is read by other signals only.

    Example:
        >>> kind_of(np.zeros(3, np.float32)), kind_of(np.zeros(3, np.int32)), kind_of(np.zeros(3, np.uint32))
        (<ValueKind.COLUMN: 'column'>, <ValueKind.LABEL: 'label'>, <ValueKind.INTERNAL: 'internal'>)
    """
    if isinstance(value, PairList):
        return ValueKind.PAIRS
    if isinstance(value, SparseFeatures):
        return ValueKind.SPARSE
    if value.dtype == np.float32:
        return ValueKind.COLUMN if value.ndim == 1 else ValueKind.VECTORS
    return ValueKind.LABEL if value.dtype == np.int32 and value.ndim == 1 else ValueKind.INTERNAL


def save_values(folder: Path, values: Mapping[str, Computed]) -> None:
    """Write each value below a folder, uncompressed, so that it can be mapped into memory."""
    for name, value in values.items():
        if isinstance(value, PairList | SparseFeatures):
            value.save(folder / f"{kind_of(value)}={quote(name, safe='')}")
        else:
            _save_array(folder / f"{quote(name, safe='')}{_ARRAY}", value)


def _save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array; one that was mapped from a file of its own gets that file under a second name.

    Such files never change, so that what a changed pool keeps is not written again.
    """
    owner: object = array.base
    if isinstance(array, np.memmap) and isinstance(owner, mmap.mmap) and array.filename is not None:
        with suppress(OSError):  # another file system, or one without second names
            path.hardlink_to(array.filename)
            return
    np.save(path, array, allow_pickle=False)


def load_values(folder: Path) -> dict[str, Computed]:
    """Map what `save_values` wrote; nothing is read until it is used.

    What was stored under a first name has its present name.
    """
    return dict(sorted(_load(path) for path in folder.iterdir() if not path.name.startswith(".")))


def _load(path: Path) -> tuple[str, Any]:
    if path.suffix == _ARRAY:
        return present_name(unquote(path.stem)), np.load(path, mmap_mode="r", allow_pickle=False)
    kind, _, name = path.name.partition("=")
    reader = PairList if kind == ValueKind.PAIRS else SparseFeatures
    return present_name(unquote(name)), reader.load(path)


def earlier_values(home: Home, signal_version: str, pool: Pool) -> EarlierValues | None:
    """The values of a pool signal for the earlier pool that shares the most samples; None if none will do."""
    folders = sorted(home.columns.glob(f"*/{signal_version}"), key=lambda each: -each.stat().st_mtime_ns)
    found: list[tuple[int, EarlierValues]] = []
    for folder in folders[:_LOOKED_AT]:
        rows = _rows_now(home, folder.parent.name, pool)
        if rows is not None:
            found.append((int((rows >= 0).sum()), EarlierValues(load_values(folder), rows)))
    if not found:
        return None
    shared, best = max(found, key=lambda each: each[0])
    return best if shared >= (1 - _MAX_NEW_SHARE) * len(pool) else None


def _rows_now(home: Home, version: str, pool: Pool) -> Rows | None:
    """Present row of each row of an earlier pool, -1 where it left; None where that pool is gone."""
    try:
        before = Pool.open(home.pool(version)).ids
    except UnreadablePoolError:
        return None
    places = np.minimum(np.searchsorted(pool.ids, before), len(pool) - 1)
    return np.where(pool.ids[places] == before, places, -1)
