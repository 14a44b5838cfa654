"""The raw files that a pool is made of."""

import glob
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

from autoselection_core.errors.pool import NoSourceFileError, UnknownFileKindError, UnreadableSourceError
from autoselection_core.identity import Json, fingerprint, fingerprint_file
from autoselection_core.pool.data_sets import (
    ENDINGS,
    OTHER_SPLITS,
    TRAIN,
    DataSet,
    as_unicode,
    data_set_of,
    distinct_names,
    kind_of,
    split_of,
)
from autoselection_core.pool.reading.rules import KNOWN, Rules
from autoselection_core.store.hub import SCHEME, HubDataset
from autoselection_core.store.objects import Mirror

EXPORTED_RECORDS = "sample_records.csv"
"""File beside the data of an export that names the records of each sample."""

_NOTES = frozenset(
    (
        *("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "manifest.json"),
        EXPORTED_RECORDS,
    )
)
"""Files that `datasets` and our own exports leave beside the data."""

_LATER_FIELDS = ("choices", "answer_by", "options")
_LATER_RULES = ("no_input", "columns", "records", "speakers")
"""Rules of later releases: part of the version of a source only where it declares them."""

_CACHED = "cache-"
"""Prefix of the names of files that `datasets` leaves beside the data that it opens."""

_BYTES_A_CHARACTER = 16
"""Twelve for a character that is written as two JSON escapes, and a third more for what is no text."""


@dataclass(frozen=True)
class Source:
    """Raw records of one origin.

    Attributes:
        path: A file, a folder, or a pattern in which * matches names and ** folders; `s3://BUCKET/PATTERN`;
            or `hf://OWNER/NAME@REVISION:SPLIT`.
        name: Name of the records' origin; None takes the data set's name: that of the file, or of the
            folder that holds its shards.
        licence: Licence that the source states; None where it states none.
        mirror: Object storage that the files are fetched from when they are listed; None for files.
        rules: Rules that the source declares for the fields of its records.
        hub: Data set of a hub that the files belong to; None for files.
    """

    path: str
    name: str | None = None
    licence: str | None = None
    mirror: Mirror | None = None
    rules: Rules = KNOWN
    hub: HubDataset | None = None

    @classmethod
    def at(cls, path: str, rules: Rules = KNOWN) -> Self:
        """The source of a path, or of the name of a data set on a hub.

        Raises:
            InvalidHubNameError: It begins as such a name and is none.
        """
        hub = HubDataset.parse(path) if path.startswith(SCHEME) else None
        return cls(path, rules=rules, hub=hub)

    def files(self) -> tuple["SourceFile", ...]:
        """The files, in ascending order of their names.

        Raises:
            NoSourceFileError: There is none.
            UnknownFileKindError: One that is named or matched is of a kind that is not read.
            ObjectsUnreachableError: They are on object storage, which does not answer.
            HubUnreachableError: They belong to a data set that is neither in the cache nor to be had.
        """
        return list_files([self])

    def list_files(self) -> "SourceListing":
        """The files, and those of a folder that are passed over.

        Raises:
            NoSourceFileError: See `files`.
            UnreadableSourceError: A folder has a link of data that leads nowhere.
        """
        if self.hub is not None:
            root = self.hub.fetch(ENDINGS)
            found = self._taken([(root, path) for path in self.hub.split_files(root)])
            return replace(found, pinned=replace(self.hub, revision=root.name).uri)
        if self.mirror is not None:
            self.mirror.refresh()
        path = Path(self.path)
        if path.is_dir():
            visible = [file for file in sorted(path.rglob("*")) if _is_visible(file, path)]
            _require_targets(visible)
            return self._taken([(path, file) for file in visible])
        matches = list(_matches(path))
        _require_targets(file for _, file in matches)
        for _, file in matches:
            if kind_of(file) is None:
                raise UnknownFileKindError(file, ENDINGS)
        return self._taken(matches)

    def _taken(self, matches: list[tuple[Path, Path]]) -> "SourceListing":
        read = [(root, path) for root, path in matches if kind_of(path) is not None and not _is_note(path)]
        taken = {path for _, path in read}
        others = [path for _, path in matches if path not in taken and not _is_note(path)]
        if not read:
            path = self.path if self.mirror is None else self.mirror.uri
            names = tuple(as_unicode(other.relative_to(root).as_posix()) for root, other in matches)
            raise NoSourceFileError(path, passed_over=names, known=ENDINGS)
        files = [SourceFile(self, path, root) for root, path in read]
        return SourceListing(tuple(sorted(files, key=lambda file: file.relative_path)), tuple(others))

    @property
    def rules_json(self) -> Json:
        """Rules that the source declares, for the version of what is read; None where it declares none."""
        if self.rules == KNOWN:
            return None
        said = asdict(self.rules)
        unsaid = [name for name in _LATER_FIELDS if said["fields"][name] is None]
        unruled = [name for name in _LATER_RULES if not said[name]]
        rules = {key: value for key, value in said.items() if key not in unruled}
        return {**rules, "fields": {key: value for key, value in said["fields"].items() if key not in unsaid}}


@dataclass(frozen=True)
class SourceFile:
    """One file of a source.

    Attributes:
        source: The source that it belongs to.
        path: Its path on this machine.
        root: The folder that the source's pattern starts from.
        called: The name of its data set, where that has to differ from others of the same name.
    """

    source: Source
    path: Path
    root: Path
    called: str | None = None

    @property
    def name(self) -> str:
        """Name of the origin of the file's records, unless they name it themselves."""
        return self.source.name or self.called or self.data_set.name

    @cached_property
    def data_set(self) -> DataSet:
        """The data set that the file is, or is a shard of."""
        if self.source.hub is not None:
            return DataSet(self.source.hub.repository, self.root)
        return data_set_of(self.path)

    @cached_property
    def relative_path(self) -> str:
        """Path of the file below the root: the same on every machine."""
        return as_unicode(self.path.relative_to(self.root).as_posix())

    @property
    def max_bytes(self) -> int:
        """Bytes that a record may have at most: as many as its characters may need, escaped."""
        return _BYTES_A_CHARACTER * self.source.rules.max_characters


@dataclass(frozen=True)
class SourceListing:
    """The files of a source.

    Attributes:
        files: Those that are read.
        passed_over: Files of other kinds in a folder that is named as a whole.
        pinned: Name of the hub's data set with the commit that the files are of; None for other files.
    """

    files: tuple[SourceFile, ...]
    passed_over: tuple[Path, ...]
    pinned: str | None = None


def list_files(sources: Iterable[Source]) -> tuple[SourceFile, ...]:
    """The files of all sources. Data sets of one name in several folders are named with their folders.

    Raises:
        NoSourceFileError: Sources lead to no file; it names all of them.
        UnknownFileKindError: A file is of a kind that is not read.
    """
    files: list[SourceFile] = []
    empty: list[NoSourceFileError] = []
    for source in sources:
        try:
            files += source.list_files().files
        except NoSourceFileError as error:
            empty.append(error)
    if len(empty) == 1:
        raise empty[0]
    if empty:
        raise NoSourceFileError(empty[0].path, tuple(error.path for error in empty[1:]))
    return name_apart(files)


@dataclass(frozen=True)
class NamedTwice:
    """A file that two sources name, by whatever paths; it is read by the rules of each.

    Attributes:
        path: The file.
        first: Path or pattern of the first source.
        second: That of the second.
    """

    path: Path
    first: str
    second: str


def named_twice(files: Iterable[SourceFile]) -> tuple[NamedTwice, ...]:
    """The files that two sources name, each once; a folder with a file and a link to it is one source."""
    first: dict[Path, SourceFile] = {}
    found: dict[Path, NamedTwice] = {}
    for file in files:
        path = file.path if file.source.hub is not None else file.path.resolve()
        other = first.setdefault(path, file)
        if other is not file and (other.source is not file.source or other.path == file.path):
            found.setdefault(path, NamedTwice(file.path, other.source.path, file.source.path))
    return tuple(found.values())


def of_other_splits(files: Sequence[SourceFile]) -> tuple[SourceFile, ...]:
    """Files of splits that are rarely trained on, of sources that have files to train on as well."""
    splits = {file: split_of(file.path, file.root) for file in files}
    trained = {file.source for file, split in splits.items() if split in TRAIN}
    return tuple(file for file, split in splits.items() if split in OTHER_SPLITS and file.source in trained)


def name_apart(files: list[SourceFile]) -> tuple[SourceFile, ...]:
    """Files whose data sets have different names, where their sources name none."""
    folders: defaultdict[str, set[Path]] = defaultdict(set)
    for file in files:
        if file.source.name is None:
            folders[file.data_set.name].add(file.data_set.folder)
    names = {
        (name, folder): each
        for name, found in folders.items()
        for folder, each in distinct_names(name, found)
    }
    return tuple(
        file
        if file.source.name is not None
        else replace(file, called=names[file.data_set.name, file.data_set.folder])
        for file in files
    )


def sources_version(sources: Iterable[Source]) -> str:
    """Name the raw material by what it holds: the names, licences and bytes of all files, in no order.

    Raises:
        NoSourceFileError: A source leads to no file.
    """
    return fingerprint(tuple(sorted(_version(file) for file in list_files(sources))))


def _version(file: SourceFile) -> str:
    said: list[Json] = [file.name, file.relative_path, file.source.licence, fingerprint_file(file.path)]
    return fingerprint(said if file.source.rules_json is None else [*said, file.source.rules_json])


def _is_visible(file: Path, folder: Path) -> bool:
    """Whether a file is none that editors and unfinished downloads leave hidden."""
    return _is_named(file) and not any(part.startswith(".") for part in file.relative_to(folder).parts)


def _is_named(path: Path) -> bool:
    """Whether a path is a file, or a link that should lead to one."""
    return path.is_file() or (path.is_symlink() and not path.exists())


def _require_targets(files: Iterable[Path]) -> None:
    """Refuse a link of data that leads nowhere, as git-annex and a cache of a hub leave it before a download.

    Raises:
        UnreadableSourceError: There is one.
    """
    for file in files:
        if kind_of(file) is not None and not file.exists():
            raise UnreadableSourceError(file, "it is a link to a file that is not there")


def _is_note(file: Path) -> bool:
    return file.name in _NOTES or file.name.startswith(_CACHED)


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
        if _is_named(path) and not path.name.startswith("."):
            yield root, path
