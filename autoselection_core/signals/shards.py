"""Work that is done shard by shard, and the arrays that it makes, which may be larger than memory."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from autoselection_core.store.atomic import atomic_file

Array: TypeAlias = npt.NDArray[Any]
Columns: TypeAlias = tuple[Array, ...]
"""Arrays of one length, one value a row each."""

Work: TypeAlias = Callable[..., Iterable[Array]]
"""A function that makes arrays of a shard and depends on nothing but what it is given.

It is given whole arrays, pools, and plain data that says which part of them it works on, so that another
process can be given the same by names of files.
"""

AnyWork = TypeVar("AnyWork", bound=Work)

_STRIDE = 1 << 10
"""Distance of the keys of a run that decide where ranges end."""

_WORKS: dict[str, Work] = {}


def sharded(work: AnyWork) -> AnyWork:
    """Mark work as what other processes may be asked for, by its name."""
    _WORKS[name_of(work)] = work
    return work


def name_of(work: Work) -> str:
    """Module and name of a function."""
    return f"{work.__module__}.{work.__qualname__}"


def work_named(name: str) -> Work | None:
    """Work that was marked; None where this process knows none of the name."""
    return _WORKS.get(name)


@dataclass(frozen=True)
class Shard:
    """Part of a piece of work.

    Attributes:
        given: What the work is given.
        size: Rows, or entries of a range, that it looks at; accounts count them.
    """

    given: tuple[Any, ...]
    size: int


class RunsShards(Protocol):
    """Does work shard by shard, wherever that happens."""

    def __call__(self, work: Work, shards: Iterable[Shard], folder: Path | None) -> Iterator[Iterable[Array]]:
        """The arrays of each shard, in the order of the shards.

        Args:
            work: What is done.
            shards: The parts.
            folder: Where arrays may be kept.
        """
        ...


def run_here(work: Work, shards: Iterable[Shard], folder: Path | None) -> Iterator[Iterable[Array]]:
    """The arrays of each shard, made one after the other in this process, each when it is asked for."""
    del folder
    for shard in shards:
        yield work(*shard.given)


@dataclass(frozen=True)
class Scratch:
    """Place of arrays that may be too large for memory, and of the processes that work on them.

    Attributes:
        folder: Folder of their files, which whoever made it removes; None keeps them in memory.
        run: How shards are run.
        is_lasting: Whether the folder outlives a killed process, so that whoever comes next goes on with the
            files that are there. Other processes read them.
    """

    folder: Path | None
    run: RunsShards = run_here
    is_lasting: bool = False

    def each(self, work: Work, shards: Iterable[Shard]) -> Iterator[Iterable[Array]]:
        """The arrays of each shard of a piece of work, in the order of the shards."""
        return self.run(work, shards, self.folder)

    def share(self, name: str, array: Array) -> Array:
        """An array as shards can be given it.

        Args:
            name: Unique in the folder.
            array: What is shared.
        """
        if not self.is_lasting or file_of(array) is not None:
            return array
        (shared,) = self.keep([(array,)], [(array.dtype, array.shape[1:])], name)
        return shared

    def keep(self, parts: Iterable[Columns], types: Sequence[npt.DTypeLike], name: str = "") -> Columns:
        """Columns of all parts, one part after the other; each is written before the next is asked for.

        Args:
            parts: Columns of these types.
            types: Type of each column, with the shape of a row where it is more than a number.
            name: Unique in the folder; needed where the folder is lasting, and what is there is taken.
        """
        kinds = [np.dtype(each) for each in types]
        if self.folder is None:
            held = [tuple(np.zeros(0, each) for each in kinds), *parts]
            columns = zip(zip(*held, strict=True), kinds, strict=True)
            return tuple(np.concatenate(column).astype(each.base, copy=False) for column, each in columns)
        files = [self.folder / f"{name or secrets.token_hex(8)}.{place}.npy" for place in range(len(kinds))]
        if self.is_lasting and all(file.exists() for file in files):
            for _ in parts:
                pass  # whoever makes them may take notes
        else:
            self._write(files, parts, kinds)
        return tuple(map(mapped, files))

    def kept(self, columns: Columns) -> Columns:
        """Columns in the folder; those that are files of it already stay."""
        if self.is_lasting and all(file_of(column) is not None for column in columns):
            return columns
        return self.keep([columns], [column.dtype for column in columns])

    def _write(self, files: Sequence[Path], parts: Iterable[Columns], kinds: Sequence[np.dtype[Any]]) -> None:
        with ExitStack() as opened:
            drafts = [opened.enter_context(atomic_file(file)) for file in files] if self.is_lasting else files
            targets = [opened.enter_context(draft.open("wb")) for draft in drafts]
            rows = 0
            _write_headers(targets, kinds, rows)
            for part in parts:
                rows += len(part[0])
                for target, column, each in zip(targets, part, kinds, strict=True):
                    np.ascontiguousarray(column, each.base).tofile(target)
            _write_headers(targets, kinds, rows)


IN_MEMORY = Scratch(None)


def mapped(file: Path) -> Array:
    """An array of a file, mapped into memory."""
    array: Array = np.load(file, mmap_mode="r", allow_pickle=False)
    return array


def file_of(array: Array) -> Path | None:
    """The file that holds an array and nothing else; None for any other array."""
    if not isinstance(array, np.memmap) or array.filename is None:
        return None
    file = Path(array.filename)
    return file if array.offset + array.nbytes == file.stat().st_size else None


def blocks(rows: int, size: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of some rows after the other."""
    return ((start, min(start + size, rows)) for start in range(0, rows, size))


def joined(parts: Iterable[Iterable[Array]], types: Sequence[npt.DTypeLike]) -> Columns:
    """Columns of all parts, one part after the other, in memory."""
    return IN_MEMORY.keep((tuple(part) for part in parts), types)


def _write_headers(targets: Iterable[IO[bytes]], kinds: Iterable[np.dtype[Any]], rows: int) -> None:
    """Write the head of each file; numpy leaves room in it for any number of rows."""
    for target, each in zip(targets, kinds, strict=True):
        target.seek(0)
        shape = {"descr": each.base.str, "fortran_order": False, "shape": (rows, *each.shape)}
        np.lib.format.write_array_header_1_0(target, shape)


Piece: TypeAlias = tuple[Columns, int, int]
"""Some rows of a run: its columns, and the first and last + 1 of them."""


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

    def add(self, *columns: Array) -> None:
        """Keep a run of rows.

        Args:
            columns: Ascending by the first one, which is the key.
        """
        if len(columns[0]):
            self._runs.append(self.scratch.kept(columns))

    def ranges(self, rows: int) -> Iterator[tuple[Piece, ...]]:
        """All rows by ranges of the key, about so many in each; rows of one key are in one range.

        A range has a piece of each run that has rows in it; `merged` puts them in order.
        """
        count = -(-len(self) // rows)
        if not count:
            return
        keys = np.sort(np.concatenate([run[0][::_STRIDE] for run in self._runs]))
        bounds = keys[len(keys) * np.arange(1, count) // count]
        cuts = [np.array([0, *np.searchsorted(run[0], bounds), len(run[0])]).tolist() for run in self._runs]
        for place in range(count):
            pieces = ((run, *cut[place : place + 2]) for run, cut in zip(self._runs, cuts, strict=True))
            found = tuple((run, start, stop) for run, start, stop in pieces if stop > start)
            if found:
                yield found


def merged(pieces: Iterable[Piece]) -> Columns:
    """Rows of some pieces in the order of their key."""
    parts = ([column[start:stop] for column in columns] for columns, start, stop in pieces)
    return in_order(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def size_of(pieces: Iterable[Piece]) -> int:
    """Number of rows of some pieces."""
    return sum(stop - start for _, start, stop in pieces)


def in_order(*columns: Array) -> Columns:
    """Rows in the order of their first column; without others it is sorted by itself, which is faster."""
    if len(columns) == 1:
        return (np.sort(columns[0]),)
    order = np.argsort(columns[0])
    return tuple(column[order] for column in columns)
