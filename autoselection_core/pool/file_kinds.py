"""Kinds of raw files, recognised by their names in any case."""

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
