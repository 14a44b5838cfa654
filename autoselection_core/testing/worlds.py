"""Small random pools with every kind of signal, for laws that hold on all of them. Needs hypothesis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from hypothesis import strategies as st

from autoselection_core.arrays import Rows
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import MISSING, FieldKind, OperatorField, fields_of
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.table import RELEVANCE, SignalTable
from autoselection_core.space import Choice, Count, Interval, Space, axes

T = TypeVar("T")

COLUMNS = ("ifd", "tokens", "varentropy", f"{RELEVANCE}easy", f"{RELEVANCE}hard")
"""The columns of every world."""

FLOOR = 0.5
"""Floor of every pair list: the lowest threshold in the range of an operator."""

_ROWS_AT_MOST = 60


@dataclass(frozen=True, eq=False)
class World:
    """A pool, and the rows of it that enter a step."""

    rows: Rows
    signals: SignalTable

    def reordered(self, order: Rows) -> "World":
        """The same samples stored in another order: row i is what row `order[i]` was."""
        old = self.signals
        place = np.argsort(order)
        table = SignalTable(
            old.pool_version,
            old.keys[order],
            {name: values[order] for name, values in old.columns.items()},
            labels={name: groups[order] for name, groups in old.labels.items()},
            label_names=old.label_names,
            vectors={name: vectors[order] for name, vectors in old.vectors.items()},
            pairs={name: _renumber(pairs, place) for name, pairs in old.pairs.items()},
        )
        return World(np.sort(place[self.rows]), table)


def worlds(columns: tuple[str, ...] = COLUMNS) -> st.SearchStrategy[World]:
    """Pools of 1 to 60 rows with equal scores, unknown scores, duplicates and rows without a group."""
    return st.builds(
        _world, st.integers(1, _ROWS_AT_MOST), st.integers(0, 2**32 - 1), st.just(columns), st.integers(1, 6)
    )


def worlds_without_ties(columns: tuple[str, ...] = COLUMNS) -> st.SearchStrategy[World]:
    """Pools in which no two rows have the same score and none is a duplicate of another."""
    return st.builds(_world, st.integers(1, _ROWS_AT_MOST), st.integers(0, 2**32 - 1), st.just(columns))


def operators(cls: type[Operator]) -> st.SearchStrategy[Operator]:
    """Operators of a class with any settings that its fields declare, for worlds with the usual signals."""
    spaces = {axis.name: axis.space for axis in axes(cls)}
    strategies = {field.name: _settings(field, spaces.get(field.name)) for field in fields_of(cls)}
    chosen = {name: strategy for name, strategy in strategies.items() if strategy is not None}
    return st.builds(cls, **chosen)


def recipes(classes: tuple[type[Operator], ...], steps: int = 4) -> st.SearchStrategy[Recipe]:
    """Programs of operators and unions with other programs."""
    step: st.SearchStrategy[Step] = st.one_of([operators(cls) for cls in classes])
    plain = st.builds(Recipe, st.lists(step, max_size=steps).map(tuple), st.integers(0, 3))
    mixed = st.lists(st.one_of(step, st.builds(Union, plain)), max_size=steps).map(tuple)
    return st.builds(Recipe, mixed, st.integers(0, 3))


def _settings(field: OperatorField, space: Space | None) -> st.SearchStrategy[Any] | None:
    """Strategy for the values of a field; None leaves it at its default."""
    if isinstance(space, Interval):
        return st.floats(space.low, space.high)
    if isinstance(space, Count):
        return st.integers(space.low, min(space.high, space.low + 100))
    if isinstance(space, Choice):
        return st.sampled_from(space.options)
    if field.reads is None or field.default is not MISSING:
        return _optional(field)
    return st.sampled_from(_NAMES[field.reads])


def _optional(field: OperatorField) -> st.SearchStrategy[Any] | None:
    if field.reads in (FieldKind.COLUMN, FieldKind.BENCHMARK) and field.default is None:
        names = st.sampled_from(_NAMES[field.reads])
        is_one = field.hint == str | None
        return st.none() | (names if is_one else st.lists(names, min_size=1, unique=True).map(tuple))
    return None


_NAMES: Mapping[FieldKind, tuple[str, ...]] = {
    FieldKind.COLUMN: COLUMNS,
    FieldKind.BENCHMARK: ("easy", "hard"),
    FieldKind.LABEL: ("cluster/4", "exact", "source", "topic"),
    FieldKind.PAIRS: ("embedding", "near_duplicates"),
    FieldKind.VECTORS: ("embedding",),
}


def _world(rows: int, seed: int, columns: tuple[str, ...], levels: int | None = None) -> World:
    """A pool; with few levels its rows have equal scores and duplicates."""
    rng = np.random.default_rng(seed)
    entered = np.flatnonzero(rng.random(rows) < rng.random())
    groups = rows if levels is None else levels
    table = SignalTable(
        f"world {seed}",
        np.sort(rng.choice(2**62, rows, replace=False)).astype(np.uint64),
        {name: _column(rng, rows, levels) for name in columns},
        labels={name: _groups(rng, rows, groups, levels) for name in _NAMES[FieldKind.LABEL]},
        label_names={
            name: tuple(f"{name} {number}" for number in range(groups)) for name in ("source", "topic")
        },
        vectors={"embedding": rng.normal(size=(rows, 4)).astype(np.float32)},
        pairs={name: _pairs(rng, rows, levels) for name in _NAMES[FieldKind.PAIRS]},
        sparse={"sae": _sparse(rng, rows)},
    )
    arrays: list[np.ndarray[Any, Any]] = [*table.columns.values(), *table.labels.values(), table.keys]
    for array in arrays:
        array.flags.writeable = False  # an operator that writes into a signal fails here
    return World(entered if len(entered) else np.arange(rows), table)


def _column(rng: np.random.Generator, rows: int, levels: int | None) -> "np.ndarray[Any, Any]":
    if levels is None:
        return rng.permutation(rows).astype(np.float32) + np.float32(0.5)
    values = rng.integers(0, 2 * levels, rows).astype(np.float32)
    values[rng.random(rows) < 1 / 8] = np.nan
    return values


def _groups(rng: np.random.Generator, rows: int, groups: int, levels: int | None) -> "np.ndarray[Any, Any]":
    if levels is None:
        return rng.permutation(rows).astype(np.int32)
    return rng.integers(-1, groups, rows).astype(np.int32)


def _pairs(rng: np.random.Generator, rows: int, levels: int | None) -> PairList:
    count = 0 if levels is None else int(rng.integers(0, 3 * rows))
    first, second = rng.integers(0, rows, count), rng.integers(0, rows, count)
    similarity = rng.uniform(FLOOR, 1, count).astype(np.float32)
    two = first != second
    return PairList.of(first[two], second[two], similarity[two], floor=FLOOR, measure="a draw")


def _sparse(rng: np.random.Generator, rows: int) -> SparseFeatures:
    active = rng.random((rows, 12)) < 1 / 4
    indptr = np.concatenate([[0], np.cumsum(active.sum(axis=1))])
    indices = np.nonzero(active)[1].astype(np.int32)
    return SparseFeatures(indptr, indices, np.ones(len(indices), np.float32), 12)


def _renumber(pairs: PairList, place: Rows) -> PairList:
    return PairList.of(
        place[pairs.low], place[pairs.high], pairs.similarity, floor=pairs.floor, measure=pairs.measure
    )
