"""The samples of all sources, each once, in the order of their ids."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from autoselection_core.arrays import Keys, Labels, Rows
from autoselection_core.errors.pool import AmbiguousSampleError, UnknownSampleError
from autoselection_core.pool.collect import BATCH_ROWS, Collector, in_order
from autoselection_core.pool.columns import (
    CONVERSATIONS,
    FINDINGS,
    SCHEMA,
    gathered,
    hex_ids,
    id_keys,
    joined_texts,
    samples_of,
    table_version,
)
from autoselection_core.pool.sample import Origin, Sample, Scope
from autoselection_core.pool.storage import open_table, stored_version, write_table

if TYPE_CHECKING:
    import pandas as pd


CHARACTERS_A_TOKEN = 4
"""Characters of text a token: a rule of thumb, used where a campaign counts no tokens."""

_ESTIMATED_FROM = 1_000
"""Number of samples that an estimate of all reads."""


@dataclass(frozen=True, eq=False, repr=False)
class Pool:
    """Samples in ascending order of their ids, over Arrow columns that may be mapped from a file.

    All other rooms refer to a sample by its row number, so rows never move within a version.

    Attributes:
        table: The columns, in the schema of `autoselection_core.pool.columns`.
    """

    table: pa.Table

    @classmethod
    def from_samples(cls, found: Iterable[tuple[Sample, Sequence[Origin]]]) -> Self:
        """Build a pool in memory; equal samples become one, with the origins of all."""
        conversations: list[pa.RecordBatch] = []
        findings: list[pa.RecordBatch] = []
        collector = Collector(conversations.append, findings.append)
        for sample, origins in found:
            for origin in origins:
                collector.add(sample, origin)
        collector.close()
        batches = in_order(
            pa.Table.from_batches(conversations, CONVERSATIONS), pa.Table.from_batches(findings, FINDINGS)
        )
        return cls(pa.Table.from_batches(batches, SCHEMA))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map a pool that `write` has written into a folder.

        Raises:
            UnreadablePoolError: There is no such pool, or another version wrote it.
        """
        return cls(open_table(folder))

    def write(self, folder: Path) -> None:
        """Write the pool into a folder, as a whole or not at all.

        Raises:
            StorageFullError: The disk has no room.
        """
        write_table(folder, self.table.to_batches(), self.version)

    def __repr__(self) -> str:
        return f"Pool(version={self.version!r}, samples={len(self)})"

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def version(self) -> str:
        """32 hexadecimal digits that name the ids and the origins of all rows."""
        return stored_version(self.table) or table_version(self.table)

    @cached_property
    def ids(self) -> npt.NDArray[np.bytes_]:
        """The sample ids, ascending. Shape (n,), dtype S32."""
        return hex_ids(self.table.column("id"))

    @cached_property
    def keys(self) -> Keys:
        """The first 64 bits of each sample id, ascending. Shape (n,)."""
        return id_keys(self.table.column("id"))

    @cached_property
    def source_names(self) -> tuple[str, ...]:
        """The primary sources, ascending. A sample's primary source is that of its first origin."""
        return tuple(sorted(pc.unique(self._primary("source")).to_pylist()))

    @cached_property
    def source_codes(self) -> Labels:
        """Index of each row's primary source in `source_names`. Shape (n,)."""
        names = pa.array(self.source_names, pa.large_string())
        codes: Labels = pc.index_in(self._primary("source"), names).to_numpy().astype(np.int32)
        return codes

    def sample(self, row: int) -> Sample:
        """The sample of a row."""
        return next(self.samples(np.array([row])))

    def samples(self, rows: Rows | None = None) -> Iterator[Sample]:
        """The samples of some rows in the order given, or of all."""
        for part in self._parts(rows):
            for batch in part.to_batches(BATCH_ROWS):
                yield from samples_of(batch)

    def texts(self, scope: Scope = Scope.ALL, rows: Rows | None = None) -> list[str]:
        """The texts of a scope, joined by newlines, of some rows in the order given, or of all."""
        return [text for part in self._parts(rows) for text in joined_texts(part, scope)]

    def iter_texts(self, scope: Scope = Scope.ALL, first: int = 0, stop: int | None = None) -> Iterator[str]:
        """The texts of a scope from one row to before another, of which a batch exists at a time."""
        stop = len(self) if stop is None else stop
        for start in range(first, stop, BATCH_ROWS):
            yield from joined_texts(self.table.slice(start, min(BATCH_ROWS, stop - start)), scope)

    @property
    def estimated_tokens(self) -> int:
        """Tokens of all samples, estimated from the characters of up to a thousand, evenly spaced."""
        count = min(len(self), _ESTIMATED_FROM)
        rows = np.unique(np.linspace(0, len(self) - 1, count).astype(np.int64))
        characters = sum(map(len, self.texts(rows=rows)))
        return round(characters / CHARACTERS_A_TOKEN / max(len(rows), 1) * len(self))

    def origins(self, row: int) -> tuple[Origin, ...]:
        """Origins of a row's sample, in ascending order."""
        return tuple(Origin(**origin) for origin in self.table.column("origins")[row].as_py())

    def licence(self, row: int) -> str | None:
        """The licence of a row's primary source; None where none is stated."""
        return self.origins(row)[0].licence

    def row_of(self, sample_id: str) -> int:
        """The row of a sample, by its id or by first characters of it that no other id has.

        A place in a file or source (`maths.parquet#888`, `maths#888`) and the value of a record's further
        field, such as an id of one's own, name a sample, too.

        Raises:
            UnknownSampleError: The pool does not hold it.
            AmbiguousSampleError: Several samples are named so.
        """
        begun = int(np.searchsorted(self.ids, np.bytes_(sample_id.encode())))
        by_id = {row for row in (begun, begun + 1) if self._begins(row, sample_id)}
        found = sorted(
            by_id
            if begun in by_id and self.ids[begun] == sample_id.encode()
            else by_id | self._of_record(sample_id)
        )
        if not sample_id or not found:
            raise UnknownSampleError(sample_id, self.version, self.source_names)
        if len(found) > 1:
            known = " and ".join(self.ids[row].decode() for row in found[:2])
            raise AmbiguousSampleError(sample_id, known)
        return found[0]

    def _begins(self, row: int, characters: str) -> bool:
        return row < len(self) and self.ids[row].startswith(characters.encode())

    def _of_record(self, name: str) -> set[int]:
        """Rows of which a record has this place, or this value in a further field."""
        origins = self.table.column("origins").combine_chunks()
        records = pc.list_flatten(origins)
        sources, locators, extras = (
            pc.struct_field(records, field) for field in ("source", "locator", "extras")
        )
        source, _, number = name.rpartition("#")
        is_place = pc.or_(
            pc.equal(locators, name),
            pc.and_(pc.equal(sources, source), pc.ends_with(locators, f"#{number}")),
        )
        may_be = pc.or_kleene(is_place, pc.match_substring(extras, name))
        candidates = np.flatnonzero(pc.fill_null(may_be, False).to_numpy(zero_copy_only=False))
        parents = pc.list_parent_indices(origins)
        return {
            parents[at].as_py()
            for at in candidates
            if is_place[at].as_py() or name in _values_of(extras[at].as_py())
        }

    def rows_of(self, sample_ids: Sequence[str] | npt.NDArray[np.bytes_]) -> Rows:
        """The rows of some samples, ascending.

        Raises:
            UnknownSampleError: The pool does not hold one of them.
        """
        wanted = np.unique(np.asarray(sample_ids, self.ids.dtype))
        rows = np.searchsorted(self.ids, wanted)
        held = rows < len(self)
        held[held] = self.ids[rows[held]] == wanted[held]
        if not held.all():
            raise UnknownSampleError(wanted[~held][0].decode(), self.version)
        return rows

    def take(self, rows: Rows) -> "Pool":
        """The pool of some rows, under a version of its own; the ids stay what they are."""
        return Pool(gathered(self.table, rows).replace_schema_metadata(None))

    def to_pandas(self) -> "pd.DataFrame":
        """One line a sample: id, primary source and licence, number of messages, instruction and response."""
        import pandas as pd

        return pd.DataFrame(
            {
                "id": self.ids.astype(str),
                "source": self._primary("source").to_pylist(),
                "licence": self._primary("licence").to_pylist(),
                "origins": pc.list_value_length(self.table.column("origins")).to_numpy(),
                "messages": pc.list_value_length(self.table.column("roles")).to_numpy(),
                "instruction": self.texts(Scope.INSTRUCTION),
                "response": self.texts(Scope.RESPONSE),
            }
        )

    def _parts(self, rows: Rows | None) -> Iterator[pa.Table]:
        """Conversations of some rows in the order given, a batch at a time, or those of all as they are."""
        conversations = self.table.select(CONVERSATIONS.names)
        if rows is None:
            yield conversations
            return
        for start in range(0, len(rows), BATCH_ROWS):
            yield gathered(conversations, rows[start : start + BATCH_ROWS])

    def _primary(self, field: str) -> pa.ChunkedArray:
        return pc.struct_field(pc.list_element(self.table.column("origins"), 0), field)


def _values_of(extras: str | None) -> set[str]:
    """The values of a record's further fields, as one writes them."""
    fields = json.loads(extras or "{}")
    return {value if isinstance(value, str) else json.dumps(value) for value in fields.values()}
