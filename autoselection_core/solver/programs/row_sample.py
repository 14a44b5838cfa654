"""Sample of a large pool's rows that candidates are compared on; only the chosen one is realised exactly.

A search compares thousands of subsets by shares and means, which a few ten thousand rows give within a
percent. Rows are drawn by clusters: a row and all its near copies are drawn together or not at all, so that
deduplication drops the same share of the sample as of the pool. Clusters are drawn systematically in an order
of source and group, with one chance for all, so a fraction by rank means the same in both. Groups that would
be missing otherwise are in the sample whole, with the weight that they have in the pool.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Keys, Labels, Mask, Rows, Values
from autoselection_core.operators.definitions.duplicates import NEAR_SIMILARITY, SEMANTIC_SIMILARITY
from autoselection_core.operators.selection.ranking import chances
from autoselection_core.signals.table import SOURCE, SignalTable
from autoselection_core.store.memory import require_memory

MAX_CLUSTER = 64
"""Rows of a cluster at most. A larger one is cut to its more similar pairs; copies beyond that are drawn one
by one."""

RARE = 4
"""A group is rare, and in the sample whole, if fewer of its rows are expected there."""

MAX_RARE_SHARE = 0.01
"""Rows of rare groups, as a share of the sample: by so much a fraction by rank may be off. The smallest
groups come first."""

_LEVELS = (0.0, NEAR_SIMILARITY, SEMANTIC_SIMILARITY)
"""Similarities from which on pairs join clusters, tried in this order for what is too large."""

_PAIRS_PER_ROW = 8
"""A list with more pairs a row than this joins no clusters at a level: everything would be one."""

_BYTES_A_ROW = 200
"""Memory that drawing a sample takes, a row of the pool (`python -m bench.solver.speed --rows 10000000`)."""

_EXACT = "exact"
_CHANCE_BITS = np.uint64(40)


@dataclass(frozen=True, eq=False, kw_only=True)
class RowSample(SignalTable):
    """Signals of some rows of a pool, each of which stands for some rows.

    Attributes:
        pool: The pool's table.
        rows: Its rows that are here. Shape (n,).
        step: Rows of the pool that a row stands for, a power of two, so that sums are exact in float32.
        is_certain: Rows of rare groups, which stand for themselves. Shape (n,).
        clusters: Number of the cluster that each row was drawn with. Shape (n,).
    """

    pool: SignalTable
    rows: Rows
    step: int
    is_certain: Mask
    clusters: Labels

    @property
    @override
    def weights(self) -> Values:
        return self.cached(
            "weights",
            lambda: np.where(self.is_certain, np.float32(1), np.float32(self.step)).astype(np.float32),
        )

    @override
    def size_of(self, rows: Rows) -> float:
        return float(self.weights[rows].sum(dtype=np.float64))

    @override
    def to_sample_scale(self, count: int) -> float:
        return count / self.step

    def share_error(self, rows: Rows, has_property: Mask) -> float:
        """Standard error of the share of a subset that has a property, by the variance between clusters.

        With weights w, the share p and z = w (y - p) summed up over each drawn cluster of the subset, it is
        sqrt((1 - 1 / step) * sum(z^2)) / sum(w) (ultimate clusters; Sarndal et al. 1992, section 5.7). Rows
        of rare groups have no error. NaN for an empty subset.

        Args:
            rows: Rows of the sample.
            has_property: For each of them. Shape of `rows`.
        """
        weights = self.weights[rows].astype(np.float64)
        if not len(rows):
            return float("nan")
        share = weights[has_property].sum() / weights.sum()
        drawn = ~self.is_certain[rows]
        residuals = weights * (has_property - share)
        sums = np.bincount(self.clusters[rows[drawn]], weights=residuals[drawn])
        return float(np.sqrt((1 - 1 / self.step) * (sums**2).sum()) / weights.sum())

    def max_share_error(self, rows: Rows) -> float:
        """Largest standard error of any share of a subset: half of it, with clusters of one kind each."""
        weights, drawn = self.weights[rows].astype(np.float64), ~self.is_certain[rows]
        sums = np.bincount(self.clusters[rows[drawn]], weights=weights[drawn] / 2)
        return float(np.sqrt((1 - 1 / self.step) * (sums**2).sum()) / weights.sum())

    def matching_rows(self, rows: Rows) -> Rows:
        """Rows of the sample for rows of the pool: those that are here, else those next by sample id.

        Ids are hashes, so the latter are drawn by chance: a subset of a few rows of a million is described as
        a small one, and no more is known of it.
        """
        places = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        held = self.rows[places] == rows
        return np.unique(places[held] if held.any() else places)


def sample_table(signals: SignalTable, max_rows: int, seed: int) -> SignalTable:
    """The table that candidates are compared on: all rows up to twice `max_rows`, else a sample of them.

    A sample has between half of `max_rows` and `max_rows` rows, and a percent more for rare groups.

    Args:
        signals: The pool.
        max_rows: Maximum number of rows.
        seed: Seed of the draw; the same rows are drawn from equal pools.
    """
    if len(signals) <= 2 * max_rows:
        return signals
    return signals.cached(
        (__name__, max_rows, seed), lambda: _drawn(signals, _step(len(signals), max_rows), seed)
    )


def _step(rows: int, max_rows: int) -> int:
    step = 1
    while rows > step * max_rows:
        step *= 2
    return step


def _drawn(signals: SignalTable, step: int, seed: int) -> RowSample:
    require_memory("a sample of the pool's rows", _BYTES_A_ROW * len(signals))
    clusters = signals.cached((__name__, "clusters"), lambda: clusters_of(signals))
    is_drawn = _systematic(signals, clusters, step, seed)[clusters]
    is_certain = _rare(signals, step, round(MAX_RARE_SHARE * len(signals) / step))
    rows = np.flatnonzero(is_drawn | is_certain)
    table = signals.take(rows)
    return RowSample(
        table.pool_version,
        table.keys,
        table.columns,
        pairs=table.pairs,
        sparse=table.sparse,
        labels=table.labels,
        label_names=table.label_names,
        vectors=table.vectors,
        versions=table.versions,
        ids=table.ids,
        pool=signals,
        rows=rows,
        step=step,
        is_certain=is_certain[rows],
        clusters=np.unique(clusters[rows], return_inverse=True)[1].astype(np.int32),
    )


def _systematic(signals: SignalTable, clusters: Labels, step: int, seed: int) -> Mask:
    """Every `step`-th cluster in the order of stratum and chance, from a drawn start; by its first row.

    The stratum of a cluster is that of its first row. Shape (n,).
    """
    first = np.flatnonzero(clusters == np.arange(len(clusters)))
    drawn = chances(signals.keys[first], seed)
    order = np.argsort((_strata(signals)[first] << _CHANCE_BITS) + (drawn >> (np.uint64(64) - _CHANCE_BITS)))
    start = int(chances(np.zeros(1, np.uint64), seed)[0] % np.uint64(step))
    is_drawn = np.zeros(len(clusters), np.bool_)
    is_drawn[first[order[start::step]]] = True
    return is_drawn


def _strata(signals: SignalTable) -> Keys:
    """Number of each row's stratum, by source and the labels that have names. Shape (n,)."""
    strata = np.zeros(len(signals), np.uint64)
    for _, labels in sorted(_named(signals)):
        strata = strata * np.uint64(int(labels.max(initial=-1)) + 2) + (labels + 1).astype(np.uint64)
    return np.unique(strata, return_inverse=True)[1].astype(np.uint64)


def _named(signals: SignalTable) -> Iterator[tuple[str, Labels]]:
    for name, labels in signals.labels.items():
        if name == SOURCE or name in signals.label_names:
            yield name, labels


def _rare(signals: SignalTable, step: int, max_rows: int) -> Mask:
    """Rows of the groups that are too small for a draw, the smallest groups first. Shape (n,)."""
    groups: list[tuple[int, str, int]] = []
    for name, labels in signals.labels.items():
        if name != _EXACT:
            sizes = np.bincount(labels[labels >= 0])
            groups += [
                (int(sizes[at]), name, int(at)) for at in np.flatnonzero((sizes > 0) & (sizes < RARE * step))
            ]
    is_rare = np.zeros(len(signals), np.bool_)
    groups.sort()
    sizes = np.cumsum([size for size, _, _ in groups])
    affordable = groups[: int(np.searchsorted(sizes, max_rows, side="right"))]
    for name in {name for _, name, _ in affordable}:
        is_rare |= np.isin(signals.labels[name], [group for _, label, group in affordable if label == name])
    return is_rare


def clusters_of(signals: SignalTable) -> Labels:
    """First row of each row's cluster: what its near copies and equal texts connect, as far as it is small.

    Shape (n,). A component of more than `MAX_CLUSTER` rows is taken apart again by its more similar pairs.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = len(signals)
    clusters, is_open = np.arange(rows, dtype=np.int32), np.ones(rows, np.bool_)
    for level in _LEVELS:
        low, high = _edges(signals, level, is_open)
        graph = coo_array((np.ones(len(low), np.int8), (low, high)), shape=(rows, rows))
        _, component = connected_components(graph, directed=False)
        is_small = is_open & (np.bincount(component)[component] <= MAX_CLUSTER)
        first = np.empty(int(component.max()) + 1, np.int32)
        first[component[::-1]] = np.arange(rows, dtype=np.int32)[::-1]  # the last assignment wins
        clusters[is_small] = first[component[is_small]]
        is_open &= ~is_small
        if not is_open.any():
            break
    return clusters


def _edges(
    signals: SignalTable, level: float, is_open: Mask
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Pairs of rows whose clusters are not settled: those at or above a similarity, and equal texts."""
    found = [_equal(signals.labels[_EXACT])] if _EXACT in signals.labels else []
    for pairs in signals.pairs.values():
        alike = pairs.similarity >= np.float32(level)
        if np.count_nonzero(alike) <= _PAIRS_PER_ROW * len(signals):
            found.append((pairs.low[alike], pairs.high[alike]))
    low, high = (np.concatenate([np.empty(0, np.int32), *(pair[end] for pair in found)]) for end in (0, 1))
    both = is_open[low] & is_open[high]
    return low[both], high[both]


def _equal(groups: Labels) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Each row with the next one of the same group."""
    grouped = np.flatnonzero(groups >= 0)
    repeated = grouped[(np.bincount(groups[grouped]) > 1)[groups[grouped]]]
    order = repeated[np.argsort(groups[repeated], kind="stable")].astype(np.int32)
    same = groups[order[1:]] == groups[order[:-1]]
    return order[:-1][same], order[1:][same]
