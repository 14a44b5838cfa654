"""Kinds of computed values, derived from their types, and their files in a folder of columns."""

import mmap
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import numpy.typing as npt

from autoselection_core.signals.base import Computed
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.table import present_name

_ARRAY = ".npy"


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
