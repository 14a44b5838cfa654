"""Values of samples as rows of a LanceDB table, and back as arrays aligned to a pool."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from autoselection_core.arrays import Mask, Rows
from autoselection_core.pool.columns import id_bytes
from autoselection_core.signals.base import Computed
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.store.lance import ID, ID_TYPE, LanceTable

Ids = npt.NDArray[np.bytes_]
"""Sample ids as hexadecimal digits. Shape (n,), dtype S32."""

_INDICES, _DATA = "=indices", "=data"
_FEATURES = b"features"
_NUMBER_TYPE = "number type"


def table_of(ids: Ids, values: Mapping[str, Computed], number_type: str | None = None) -> pa.Table:
    """Values of some samples as rows of their table, which says in which number type they were made."""
    columns: dict[pa.Field, pa.Array] = {pa.field(ID, ID_TYPE, nullable=False): _id_array(ids)}
    for name, value in values.items():
        columns |= _arrow(name, value)
    told = {} if number_type is None else {_NUMBER_TYPE: number_type}
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(list(columns), told or None))


def note_of(rows: pa.Table) -> pa.Table | None:
    """Number type of each sample of some rows, as rows of the table of notes; None where none is said."""
    told = (rows.schema.metadata or {}).get(_NUMBER_TYPE.encode())
    if told is None:
        return None
    said = pa.array([told.decode()] * len(rows), pa.string())
    names = [pa.field(ID, ID_TYPE, nullable=False), pa.field(_NUMBER_TYPE, pa.string())]
    return pa.Table.from_arrays([rows.column(ID).combine_chunks(), said], schema=pa.schema(names))


def noted(notes: LanceTable, ids: Ids) -> dict[str, int]:
    """Number of samples that were made in each number type, of those of which it is known."""
    record = notes.read()
    if not len(record):
        return {}
    places, _ = _find(record.column(ID), ids)
    found = record.column(_NUMBER_TYPE).take(pa.array(places)).value_counts().to_pylist()
    return {each["values"]: each["counts"] for each in sorted(found, key=lambda each: str(each["values"]))}


def missing(table: LanceTable, ids: Ids) -> Rows:
    """Places of the ids that the table does not hold, ascending."""
    return np.flatnonzero(~_find(table.ids(), ids)[1])


def aligned_values(table: LanceTable, ids: Ids) -> dict[str, Computed] | None:
    """All values of the samples, in the order of the ids given; None where the table misses one."""
    record = table.read()
    places, present = _find(record.column(ID), ids)
    if not present.all():
        return None
    taken = record.drop_columns([ID]).take(places).combine_chunks()
    return dict(_values(taken))


def rows_of(values: Mapping[str, Computed], rows: Rows) -> dict[str, Computed]:
    """The values of some rows. Pairs of rows belong to the pool as a whole and are left out."""
    return {
        name: value.take(rows) if isinstance(value, SparseFeatures) else value[rows]
        for name, value in values.items()
        if not isinstance(value, PairList)
    }


def _id_array(ids: Ids) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(ID_TYPE, len(ids), [None, pa.py_buffer(_raw(ids))])


def _raw(ids: Ids) -> bytes:
    return bytes.fromhex(ids.tobytes().decode())


def _find(held: pa.ChunkedArray, ids: Ids) -> tuple[Rows, Mask]:
    """Place of the first row in the table of each id that is held, and a mask of the ids that are."""
    stored, wanted = (np.frombuffer(raw, "S16") for raw in (id_bytes(held), _raw(ids)))
    order = np.argsort(stored, kind="stable")  # cheap: chunks were appended in ascending order
    ascending = stored[order]
    places = np.searchsorted(ascending, wanted)
    present = places < len(stored)
    present[present] = ascending[places[present]] == wanted[present]
    return order[places[present]], present


def _arrow(name: str, value: Computed) -> dict[pa.Field, pa.Array]:
    assert not isinstance(value, PairList), "pairs belong to a pool, not to a sample"
    if isinstance(value, SparseFeatures):
        metadata = {_FEATURES: str(value.features).encode()}
        parts = {_INDICES: value.indices, _DATA: value.data}
        lists = {
            f"{name}{suffix}": pa.LargeListArray.from_arrays(value.indptr, np.ascontiguousarray(part))
            for suffix, part in parts.items()
        }
        return {pa.field(key, array.type, metadata=metadata): array for key, array in lists.items()}
    array = pa.array(value) if value.ndim == 1 else _vector_array(value)
    return {pa.field(name, array.type): array}


def _vector_array(vectors: npt.NDArray[Any]) -> pa.FixedSizeListArray:
    """Rows of numbers; an unknown one is null, because LanceDB refuses vectors with NaN."""
    unknown = np.isnan(vectors).any(axis=1) if vectors.dtype.kind == "f" else np.zeros(len(vectors), np.bool_)
    flat, width = np.ascontiguousarray(vectors).reshape(-1), vectors.shape[1]
    return pa.FixedSizeListArray.from_arrays(flat, width, mask=pa.array(unknown))


def _vectors(array: pa.FixedSizeListArray) -> npt.NDArray[Any]:
    """Rows of numbers that `_vector_array` wrote; null ones become NaN."""
    known: npt.NDArray[Any] = array.flatten().to_numpy(zero_copy_only=False)
    known = known.reshape(-1, array.type.list_size)
    if not array.null_count:
        return known
    vectors = np.full((len(array), array.type.list_size), np.nan, known.dtype)
    vectors[array.is_valid().to_numpy(zero_copy_only=False)] = known
    return vectors


def _values(record: pa.Table) -> list[tuple[str, Any]]:
    names = [name for name in record.column_names if not name.endswith(_DATA)]
    return [_value(record, name) for name in names]


def _value(record: pa.Table, name: str) -> tuple[str, Computed]:
    array = record.column(name).combine_chunks()
    if name.endswith(_INDICES):
        stem = name.removesuffix(_INDICES)
        magnitudes = record.column(f"{stem}{_DATA}").combine_chunks()
        features = int(record.schema.field(name).metadata[_FEATURES])
        starts = np.concatenate([[0], np.cumsum(array.value_lengths().to_numpy())]).astype(np.int64)
        indices, data = (part.flatten().to_numpy() for part in (array, magnitudes))
        return stem, SparseFeatures(starts, indices, data, features)
    if pa.types.is_fixed_size_list(array.type):
        return name, _vectors(array)
    return name, array.to_numpy(zero_copy_only=False)
