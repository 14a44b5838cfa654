"""Kinds of files by their endings, and the data sets that files or folders of shards are."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

JSON, LINES, PARQUET, ARROW, TABLE = "json", "lines", "parquet", "arrow", "table"

_KINDS = {
    ".json": JSON,
    ".jsonl": LINES,
    ".ndjson": LINES,
    ".parquet": PARQUET,
    ".arrow": ARROW,
    ".csv": TABLE,
    ".tsv": TABLE,
}
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_COMPRESSIBLE = {JSON, LINES, TABLE}

ENDINGS = (*_KINDS, *_COMPRESSIONS)
"""The endings that are read; `.gz` and `.zst` follow one of text."""


def kind_of(path: Path) -> str | None:
    """The kind of a file; None for one that is not read.

    Example:
        >>> kind_of(Path("a.JSONL.gz")), kind_of(Path("a.csv")), kind_of(Path("a.parquet.gz"))
        ('lines', 'table', None)
    """
    stem, compression = _parts(path)
    kind = _KINDS.get(Path(stem).suffix.lower())
    return None if compression and kind not in _COMPRESSIBLE else kind


def compression_of(path: Path) -> str | None:
    """Compression of a file: `gzip`, `zstd`, or None."""
    return _parts(path)[1]


def separator_of(path: Path) -> str | None:
    """Separator of the cells of a table; None where it is read from the header."""
    return "\t" if Path(_parts(path)[0]).suffix.lower() == ".tsv" else None


def stem_of(path: Path) -> str:
    """The name of a file without its endings.

    Example:
        >>> stem_of(Path("pool.v2.jsonl.gz")), stem_of(Path("notes.txt"))
        ('pool.v2', 'notes')
    """
    return Path(_parts(path)[0]).stem


def _parts(path: Path) -> tuple[str, str | None]:
    compression = _COMPRESSIONS.get(path.suffix.lower())
    return (path.stem if compression else path.name), compression


_SHARD = re.compile(r"(?:[a-z_]{1,40}-)?\d{3,12}(?:-of-\d{3,12})?(?:-[0-9a-f-]{1,64})?")
"""`train-00000-of-00004`, `part-00001`, `0000`, with the random name that some programs add."""

_GENERIC = frozenset(("data", "default", "train", "test", "validation", "valid", "dev"))
"""Folders between a data set and its shards."""


TRAIN = ("train", "training")
OTHER_SPLITS = ("validation", "valid", "val", "dev", "eval", "test", "testing")
"""Splits of a data set that are put aside where a JSON file has a split to train on, and else are named."""

_BEHIND_SPLIT = re.compile(r"[-_.\d]")


def split_of(file: Path, root: Path) -> str | None:
    """The split that a file is of, by its name or that of a folder below the root; None for none.

    Example:
        >>> (
        ...     split_of(Path("a/test-00000-of-00001.parquet"), Path("a")),
        ...     split_of(Path("a/Train/0.json"), Path("a")),
        ... )
        ('test', 'train')
    """
    names = (
        stem_of(file),
        *(folder.name for folder in file.parents if folder != root and root in folder.parents),
    )
    firsts = (_BEHIND_SPLIT.split(name.casefold())[0] for name in names)
    return next((name for name in firsts if name in (*TRAIN, *OTHER_SPLITS)), None)


@dataclass(frozen=True)
class DataSet:
    """Records that belong together.

    Attributes:
        name: Its name.
        folder: The folder that tells it from others of its name.
    """

    name: str
    folder: Path


def data_set_of(file: Path) -> DataSet:
    """The data set of a file.

    Example:
        >>> data_set_of(Path("sets/sums/data/train-00000-of-00002.parquet")).name
        'sums'
        >>> data_set_of(Path("sets/sums.jsonl")).name
        'sums'
    """
    stem = stem_of(file)
    if not _SHARD.fullmatch(stem):
        return DataSet(as_unicode(stem), file.parent)
    folder = next((each for each in file.parents if each.name.lower() not in _GENERIC), file.parent)
    return DataSet(as_unicode(folder.name or stem), folder)


def distinct_names(name: str, folders: set[Path]) -> Iterator[tuple[Path, str]]:
    """A name for the data set of each folder: with as many folders before it as tell them apart."""
    for depth in range(max((len(folder.parts) for folder in folders), default=0) + 1):
        names = {folder: _with_folders(name, folder, depth) for folder in folders}
        if len(set(names.values())) == len(folders):
            yield from names.items()
            return


def as_unicode(name: str) -> str:
    """A name of a file as Unicode; Linux allows any bytes."""
    return os.fsencode(name).decode(errors="replace")


def _with_folders(name: str, folder: Path, depth: int) -> str:
    parts = folder.parts[:-1] if folder.name == name else folder.parts
    return "/".join([*map(as_unicode, parts[len(parts) - depth :] if depth else ()), name])
