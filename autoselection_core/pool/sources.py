"""The raw files that a pool is made of."""

import glob
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from autoselection_core.errors.pool import NoSourceFileError, UnknownFileKindError
from autoselection_core.identity import fingerprint, fingerprint_file
from autoselection_core.store.objects import Mirror

KINDS = (".json", ".jsonl", ".parquet")
"""The kinds of files that are read: a JSON array, a JSON record a line, or Parquet."""


@dataclass(frozen=True)
class Source:
    """Raw records of one origin.

    Attributes:
        path: A file, or a pattern in which * matches names and ** folders.
        name: What the records' origin is called; None takes the file's name without its ending.
        licence: What the source states; None where it states nothing.
        mirror: Object storage that the files are fetched from when they are listed; None for files.
    """

    path: str
    name: str | None = None
    licence: str | None = None
    mirror: Mirror | None = None

    def files(self) -> tuple["SourceFile", ...]:
        """The files, in ascending order of their names.

        Raises:
            NoSourceFileError: There is none.
            UnknownFileKindError: One is of a kind that is not read.
            ObjectsUnreachableError: They lie on object storage, which does not answer.
        """
        if self.mirror is not None:
            self.mirror.refresh()
        found = [SourceFile(self, path, root) for root, path in _matches(Path(self.path))]
        if not found:
            raise NoSourceFileError(self.path if self.mirror is None else self.mirror.uri)
        for file in found:
            if file.path.suffix not in KINDS:
                raise UnknownFileKindError(file.path, KINDS)
        return tuple(sorted(found, key=lambda file: file.place))


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    Attributes:
        source: The source that it belongs to.
        path: Where it lies on this machine.
        root: The folder that the source's pattern starts from.
    """

    source: Source
    path: Path
    root: Path

    @cached_property
    def name(self) -> str:
        """What the origin of the file's records is called, unless they say so themselves."""
        return self.source.name or _spelled(self.path.stem)

    @cached_property
    def place(self) -> str:
        """Where the file lies below the root: the same on every machine."""
        return _spelled(self.path.relative_to(self.root).as_posix())


def list_files(sources: Iterable[Source]) -> tuple[SourceFile, ...]:
    """The files of all sources.

    Raises:
        NoSourceFileError: A source leads to no file.
        UnknownFileKindError: A file is of a kind that is not read.
    """
    return tuple(file for source in sources for file in source.files())


def sources_version(sources: Iterable[Source]) -> str:
    """Name the raw material by what it holds: the names, licences and bytes of all files, in no order.

    Raises:
        NoSourceFileError: A source leads to no file.
    """
    return fingerprint(tuple(sorted(_version(file) for file in list_files(sources))))


def _version(file: SourceFile) -> str:
    return fingerprint([file.name, file.place, file.source.licence, fingerprint_file(file.path)])


def _spelled(name: str) -> str:
    """A name of a file as Unicode; Linux allows any bytes."""
    return os.fsencode(name).decode(errors="replace")


def _matches(pattern: Path) -> Iterator[tuple[Path, Path]]:
    """The files that a pattern matches, each with the folder before its first part with a wild card.

    Hidden files are passed over: they are what editors and unfinished downloads leave.
    """
    if pattern.is_file():
        yield pattern.parent, pattern
        return
    parts = pattern.parts
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    root = Path(*parts[:fixed])
    for path in root.glob(str(Path(*parts[fixed:]))) if fixed < len(parts) else ():
        if path.is_file() and not path.name.startswith("."):
            yield root, path
