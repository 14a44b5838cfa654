"""Arrays larger than memory: mapped files of a scratch folder, and sorted runs that are merged by ranges."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

Columns = tuple[npt.NDArray[Any], ...]
"""Arrays of one length, one value a row each."""

_STRIDE = 1 << 10
"""Distance of the keys of a run that decide where ranges end."""


@dataclass(frozen=True)
class Scratch:
    """Place of arrays that may be too large for memory.

    Attributes:
        folder: Folder of their files, which whoever made it removes; None keeps them in memory.
    """

    folder: Path | None

    def keep(self, parts: Iterable[Columns], types: Sequence[npt.DTypeLike]) -> Columns:
        """Columns of all parts, one part after the other; each is written before the next is asked for.

        Args:
            parts: Columns of these types.
            types: Type of each column.
        """
        if self.folder is None:
            held = [tuple(np.zeros(0, each) for each in types), *parts]
            columns = zip(zip(*held, strict=True), types, strict=True)
            return tuple(np.concatenate(column).astype(each, copy=False) for column, each in columns)
        files = [self.folder / f"{secrets.token_hex(8)}.npy" for _ in types]
        with ExitStack() as opened:
            targets = [opened.enter_context(file.open("wb")) for file in files]
            rows = 0
            _write_headers(targets, types, rows)
            for part in parts:
                rows += len(part[0])
                for target, column, each in zip(targets, part, types, strict=True):
                    np.ascontiguousarray(column, each).tofile(target)
            _write_headers(targets, types, rows)
        return tuple(np.load(file, mmap_mode="r", allow_pickle=False) for file in files)


IN_MEMORY = Scratch(None)


def _write_headers(targets: Iterable[IO[bytes]], types: Sequence[npt.DTypeLike], rows: int) -> None:
    """Write the head of each file; numpy leaves room in it for any number of rows."""
    for target, each in zip(targets, types, strict=True):
        target.seek(0)
        shape = {"descr": np.dtype(each).str, "fortran_order": False, "shape": (rows,)}
        np.lib.format.write_array_header_1_0(target, shape)


@dataclass(frozen=True, eq=False)
class SortedRuns:
    """Rows with a key, kept as sorted runs and read in the order of the key, one range after the other.

    Attributes:
        scratch: Where the runs are kept.
    """

    scratch: Scratch
    _runs: list[Columns] = field(default_factory=list)

    def __len__(self) -> int:
        """Number of rows."""
        return sum(len(run[0]) for run in self._runs)

    def add(self, *columns: npt.NDArray[Any]) -> None:
        """Keep a run of rows.

        Args:
            columns: The first one is the key.
        """
        if len(columns[0]):
            self._runs.append(self.scratch.keep([_sorted(columns)], [column.dtype for column in columns]))

    def ranges(self, rows: int) -> Iterator[Columns]:
        """All rows in the order of the key, about so many at a time; rows of one key come together."""
        count = -(-len(self) // rows)
        if not count:
            return
        keys = np.sort(np.concatenate([run[0][::_STRIDE] for run in self._runs]))
        bounds = keys[len(keys) * np.arange(1, count) // count]
        cuts = [np.array([0, *np.searchsorted(run[0], bounds), len(run[0])]) for run in self._runs]
        for place in range(count):
            pieces = [
                [column[cut[place] : cut[place + 1]] for column in run]
                for run, cut in zip(self._runs, cuts, strict=True)
            ]
            yield _sorted(tuple(np.concatenate(column) for column in zip(*pieces, strict=True)))


def _sorted(columns: Columns) -> Columns:
    """Rows in the order of their first column; without others it is sorted by itself, which is faster."""
    if len(columns) == 1:
        return (np.sort(columns[0]),)
    order = np.argsort(columns[0])
    return tuple(column[order] for column in columns)
