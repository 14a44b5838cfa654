"""The Arrow columns that a pool is made of.

Offsets are 64 bits wide, so that a column may hold more than 2 GB of text.
"""

import hashlib
import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from autoselection_core.identity import DIGEST_BYTES, fingerprint
from autoselection_core.pool.sample import Message, Role, Sample, Scope

SCHEMA_VERSION = 1
"""Part of every pool version: another meaning of the columns is another pool."""

ROLES = tuple(Role)
"""The number of a role in the `roles` column is its place here, and is never reused."""

ORIGIN = pa.struct(
    [
        pa.field("source", pa.large_string()),
        pa.field("locator", pa.large_string()),
        pa.field("licence", pa.large_string()),
        pa.field("extras", pa.large_string()),
    ]
)

CONVERSATIONS = pa.schema(
    [
        pa.field("id", pa.binary(DIGEST_BYTES)),
        pa.field("roles", pa.large_list(pa.uint8())),
        pa.field("contents", pa.large_list(pa.large_string())),
        pa.field("tools", pa.large_string()),
        pa.field("details", pa.large_string()),
    ]
)
"""Conversations, one row a sample. `details` is null where no message has more than role and content."""

FINDINGS = pa.schema([pa.field("row", pa.int64()), *ORIGIN])
"""Origins, one row a record; `row` numbers the conversations."""

SCHEMA = CONVERSATIONS.append(pa.field("origins", pa.large_list(ORIGIN)))
"""A pool: conversations in the order of their ids, each with its sorted origins."""

SCHEMA_WITHOUT_DETAILS = pa.schema([field for field in SCHEMA if field.name != "details"])
"""A pool as releases before 0.2 wrote it: no message had more than role and content."""


def with_details(table: pa.Table) -> pa.Table:
    """The columns of a pool that was written without details."""
    place = SCHEMA.get_field_index("details")
    return table.add_column(place, SCHEMA.field("details"), pa.nulls(len(table), pa.large_string()))


def samples_of(batch: pa.RecordBatch) -> Iterator[Sample]:
    """The samples of the rows of a batch, in order."""
    said = (batch.column(name).to_pylist() for name in ("roles", "contents", "tools", "details"))
    for roles, contents, tools, details in zip(*said, strict=True):
        if details is None:
            messages = [Message(ROLES[role], text) for role, text in zip(roles, contents, strict=True)]
        else:
            turns = zip(roles, contents, json.loads(details), strict=True)
            messages = [Message.with_details(ROLES[role], text, more) for role, text, more in turns]
        yield Sample(tuple(messages), tools)


def id_bytes(ids: pa.ChunkedArray) -> bytes:
    """Concatenation of all ids, 16 bytes each."""
    width = ids.type.byte_width
    return b"".join(
        chunk.buffers()[1][chunk.offset * width : (chunk.offset + len(chunk)) * width].to_pybytes()
        for chunk in ids.chunks
        if len(chunk)
    )


def hex_ids(ids: pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """The sample ids as 32 hexadecimal digits. Shape (n,), dtype S32."""
    return np.frombuffer(id_bytes(ids).hex().encode(), f"S{2 * DIGEST_BYTES}")


def gathered(table: pa.Table, rows: npt.ArrayLike) -> pa.Table:
    """Some rows of a table in the order given, in one chunk.

    `Table.take` joins all chunks of a nested column for each call, so that reading a large pool a part at a
    time would take quadratic time, and hold it whole.

    Args:
        table: The rows, in any number of chunks.
        rows: Row numbers, from 0. Shape (n,).

    Raises:
        IndexError: The table has no such row.
    """
    wanted = np.asarray(rows, np.int64)
    if len(wanted) == 0:
        return table.slice(0, 0)
    batches = table.to_batches()
    ends = np.cumsum([0, *map(len, batches)])
    if wanted.min() < 0 or wanted.max() >= len(table):
        raise IndexError(wanted.min(), wanted.max(), len(table))
    order = np.argsort(wanted, kind="stable")
    sorted_rows = wanted[order]
    cuts = np.searchsorted(sorted_rows, ends)
    parts = [
        batches[place].take(sorted_rows[cuts[place] : cuts[place + 1]] - ends[place])
        for place in np.flatnonzero(np.diff(cuts))
    ]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return pa.Table.from_batches(parts).combine_chunks().take(back)


def id_keys(ids: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """The first 64 bits of the sample ids, which sort as the ids do. Shape (n,)."""
    words = np.frombuffer(id_bytes(ids), ">u8").reshape(-1, DIGEST_BYTES // 8)
    return words[:, 0].astype(np.uint64)


def joined_texts(table: pa.Table, scope: Scope) -> list[str]:
    """The messages of each row that a scope holds, joined by newlines."""
    read = [code for code, role in enumerate(ROLES) if scope.holds(role)]
    texts: list[str] = []
    newline = pa.scalar("\n", pa.large_string())  # made here, because making a scalar imports pandas
    for batch in table.select(CONVERSATIONS.names).to_batches():
        contents = _only(batch.column("roles"), batch.column("contents"), read)
        joined = pc.binary_join(contents, newline).to_pylist()
        detailed = np.flatnonzero(batch.column("details").is_valid().to_numpy(zero_copy_only=False))
        for row, sample in zip(detailed, samples_of(batch.take(detailed)), strict=True):
            joined[row] = sample.text(scope)
        texts += joined
    return texts


def table_version(table: pa.Table) -> str:
    """Name a pool by the ids and the sorted origins of its rows.

    Equal rows have equal versions however the columns are cut into chunks, on every machine.
    """
    origins = pc.list_flatten(table.column("origins"))
    return fingerprint(
        {
            "schema": SCHEMA_VERSION,
            "ids": hashlib.sha256(id_bytes(table.column("id"))).hexdigest(),
            "origins": _numbers_digest(pc.list_value_length(table.column("origins"))),
            **{field.name: _texts_digest(pc.struct_field(origins, field.name)) for field in ORIGIN},
        }
    )


def _only(roles: pa.Array, contents: pa.Array, read: list[int]) -> pa.Array:
    """The lists of contents without the messages of other roles."""
    wanted = np.isin(roles.flatten().to_numpy(), read)
    before = np.concatenate([[0], np.cumsum(wanted)])
    ends = np.concatenate([[0], np.cumsum(pc.list_value_length(roles).to_numpy())])
    return pa.LargeListArray.from_arrays(before[ends], contents.flatten().filter(pa.array(wanted)))


def _numbers_digest(numbers: pa.ChunkedArray) -> str:
    return hashlib.sha256(numbers.to_numpy().astype("<i8").tobytes()).hexdigest()


def _texts_digest(texts: pa.ChunkedArray) -> str:
    """Lengths in bytes, with -1 for null, and then all the bytes: no two columns share it."""
    digest = hashlib.sha256(_numbers_digest(pc.fill_null(pc.binary_length(texts), -1)).encode())
    for chunk in pc.fill_null(texts, "").chunks:
        offsets = np.frombuffer(chunk.buffers()[1], np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
        if len(chunk) and offsets[-1] > offsets[0]:
            digest.update(chunk.buffers()[2][int(offsets[0]) : int(offsets[-1])])
    return digest.hexdigest()
