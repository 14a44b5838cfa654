"""Collection of samples in the order of arrival: equal ones are merged, all are sorted as a pool is."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from autoselection_core.identity import DIGEST_BYTES
from autoselection_core.pool.columns import CONVERSATIONS, FINDINGS, ORIGIN, ROLES, SCHEMA, gathered, id_bytes
from autoselection_core.pool.sample import Origin, Sample

Write: TypeAlias = Callable[[pa.RecordBatch], None]
"""Takes the next rows of a table."""

BATCH_ROWS = 8192
"""Rows that are turned from Python objects into columns at once."""

_CODES = {role: code for code, role in enumerate(ROLES)}


class Collector:
    """Collector of samples, which writes them in batches of columns, so that a pool need not fit into memory.

    What stays in memory is the id and row of each sample, and one batch.
    """

    def __init__(self, write_conversations: Write, write_findings: Write) -> None:
        self._conversations = _Buffer(CONVERSATIONS, write_conversations)
        self._findings = _Buffer(FINDINGS, write_findings)
        self._rows: dict[bytes, int] = {}

    def add(self, sample: Sample, origin: Origin) -> bool:
        """Add a sample from one origin; return whether it is new."""
        name = bytes.fromhex(sample.id)
        new = name not in self._rows
        row = self._rows.setdefault(name, len(self._rows))
        if new:
            roles = [_CODES[message.role] for message in sample.messages]
            contents = [message.content for message in sample.messages]
            self._conversations.add((name, roles, contents, sample.tools, sample.details))
        self._findings.add((row, origin.source, origin.locator, origin.licence, origin.extras))
        return new

    def __len__(self) -> int:
        return len(self._rows)

    def close(self) -> None:
        """Write the last batch."""
        self._conversations.flush()
        self._findings.flush()


class _Buffer:
    """Rows of one table on their way into columns."""

    def __init__(self, schema: pa.Schema, write: Write) -> None:
        self._schema = schema
        self._write = write
        self._rows: list[tuple[object, ...]] = []

    def add(self, row: tuple[object, ...]) -> None:
        self._rows.append(row)
        if len(self._rows) == BATCH_ROWS:
            self.flush()

    def flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else [[]] * len(self._schema)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
        self._write(pa.record_batch(arrays, schema=self._schema))
        self._rows = []


def in_order(conversations: pa.Table, findings: pa.Table) -> Iterator[pa.RecordBatch]:
    """The rows of a pool, a batch at a time: conversations by id, each with its origins in order.

    Args:
        conversations: Different samples, in any order.
        findings: The origins, of which every conversation has one or more, in any order.
    """
    order = np.argsort(np.frombuffer(id_bytes(conversations.column("id")), f"S{DIGEST_BYTES}"))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rows = rank[findings.column("row").to_numpy()]
    keys = findings.set_column(0, "row", pa.array(rows))
    by_row = pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]).to_numpy()
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(order)))])
    for start in range(0, len(order), BATCH_ROWS):
        stop = min(start + BATCH_ROWS, len(order))
        batch = gathered(conversations, order[start:stop])
        found = gathered(findings, by_row[ends[start] : ends[stop]]).select(ORIGIN.names)
        origins = pa.LargeListArray.from_arrays(
            ends[start : stop + 1] - ends[start], _combine(found.to_struct_array())
        )
        yield pa.record_batch([*map(_combine, batch.columns), origins], schema=SCHEMA)


def _combine(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
