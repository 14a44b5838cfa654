"""Vectors that the user brings, in place of sentence embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from typing_extensions import override

from autoselection_core.arrays import Vectors
from autoselection_core.errors.signals import GivenFileError
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Sample
from autoselection_core.progress import Progress
from autoselection_core.signals.base import NAMES_A_FILE, Computed, Given, PoolSignal
from autoselection_core.signals.definitions.given.joined import (
    ROW,
    SAMPLE_ID,
    file_version,
    joined_rows,
    key_text,
    read_columns,
    require_as_many_rows,
)
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, Embeddings

COLUMN = "vector"


@dataclass(frozen=True)
class GivenVectors(Embeddings, PoolSignal):
    """Vectors that the user brings: a column of lists of numbers in a Parquet file, all of one length.

    They take the place of sentence embeddings: duplicates, relevance, clusters and diversity are computed on
    them. A sample without a row has no vector (NaN). Relevance to a benchmark needs vectors of its target
    samples in the same file, by their sample ids.

    Attributes:
        file: Parquet file.
        column: Column of the vectors.
        key: Key that joins the file, see `GivenScores`.
    """

    file: str = field(kw_only=True, compare=False, metadata=NAMES_A_FILE)
    column: str = COLUMN
    key: str = SAMPLE_ID

    undefined = "no vector was given"

    @override
    def reads(self) -> Mapping[str, str]:
        return {"file": file_version(Path(self.file))}

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        """See `Signal.compute`.

        Raises:
            GivenFileError: The file has no such column, names no sample, or holds vectors of several lengths.
        """
        file = Path(self.file)
        table = read_columns(file, (self.key, self.column))
        known = _matrix(table.column(self.column), file, self.column)
        rows = joined_rows(pool, table, self.key, self.column, file)
        vectors = np.full((len(pool), known.shape[1]), np.nan, np.float32)
        vectors[rows >= 0] = known[rows[rows >= 0]]
        vectors[~np.isfinite(vectors).all(axis=1)] = np.nan
        if not np.nan_to_num(vectors).any():
            reason = f"has a vector of numbers in {self.column!r} for none of the {len(pool):,} samples"
            raise GivenFileError(file, reason, "replace vectors of NaN, infinities, nulls or zeros alone")
        return {VECTORS: vectors}

    def require_rows(self, pool: Pool, records: int) -> None:
        """See `GivenScores.require_rows`.

        Raises:
            GivenFileError: The file has a row too many.
        """
        if self.key == ROW:
            require_as_many_rows(pool, Path(self.file), records)

    @override
    def of_targets(self, targets: Sequence[Sample]) -> Vectors:
        """See `Embeddings.of_targets`.

        Raises:
            GivenFileError: The file has no vector for a target sample, or none of numbers.
        """
        file = Path(self.file)
        table = read_columns(file, (self.key, self.column))
        known = _matrix(table.column(self.column), file, self.column)
        names = table.column(self.key).to_pylist()
        places = {
            key_text(names[row]): row for row in np.flatnonzero(np.isfinite(known).all(axis=1)).tolist()
        }
        missing = [target.id for target in targets if target.id not in places]
        if missing:
            reason = f"has no vector for {len(missing):,} target samples of a benchmark, such as {missing[0]}"
            raise GivenFileError(file, reason, "add them under their sample ids")
        chosen: Vectors = known[[places[target.id] for target in targets]]
        return chosen


def _matrix(column: pa.ChunkedArray, file: Path, name: str) -> Vectors:
    """Vectors as rows. Shape (rows, d)."""
    kind = column.type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        reason = f"holds no lists of numbers in {name!r}, but {kind}"
        raise GivenFileError(file, reason, "name the column of the vectors with `column`")
    lengths = {len(value) for value in column.to_pylist() if value is not None}
    if len(lengths) != 1 or column.null_count or 0 in lengths:
        found = ", ".join(map(str, sorted(lengths))) or "none"
        reason = f"has vectors of several lengths or without one in {name!r} (lengths: {found})"
        raise GivenFileError(file, reason, "give each row one vector of the same length")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and so unknown
        flat = np.asarray(column.combine_chunks().flatten().to_numpy(zero_copy_only=False), np.float32)
    vectors: Vectors = flat.reshape(-1, lengths.pop())
    return vectors
