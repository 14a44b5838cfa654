"""Composition of a subset in groups: shares of sources and topics, distributions of signals, mean embedding.

Each group is scaled by the median distance between fresh programs, so that a surrogate can weigh groups
against each other. Topics are clusters of the pool's embeddings at several resolutions; where the pool has
cluster labels, those are read instead.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Labels, Mask, Rows, Values
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.state_axes import CHUNK_CELLS, MAX_GROUPS

TOPICS = (10, 20, 40)
"""Clusters of the embeddings, at each resolution."""

_EMBEDDING, _CLUSTER = "embedding", "cluster/"
_BINS = 8
_DIRECTIONS = 16
_FIT_ROWS = 20_000
"""Rows that clusters and principal directions are fitted to at most."""

_COMPARED = 300
_FLAT = 1e-9

Basis = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Composition:
    """Groups of numbers for each row of a pool, whose means over a subset describe it.

    Attributes:
        names: Name of each group.
        basis: Numbers of each row times its weight, group after group. Shape (n, b).
        weights: Rows of the pool that each row stands for. Shape (n,).
        places: Columns of each group.
        cumulative: Groups that are histograms, whose means are summed up to distribution functions.
        scales: Median distance between fresh programs in each group; infinite where they do not differ.
    """

    names: tuple[str, ...]
    basis: Basis
    weights: Values
    places: tuple[slice, ...]
    cumulative: tuple[bool, ...]
    scales: tuple[float, ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of columns of each group."""
        return tuple(place.stop - place.start for place in self.places)

    def rescale(self, fresh: Sequence[Rows]) -> "Composition":
        """The same groups on the scale of some subsets."""
        raw = self._means(fresh[:_COMPARED])
        scales = tuple(_median_distance(raw[:, place]) for place in self.places)
        return Composition(self.names, self.basis, self.weights, self.places, self.cumulative, scales)

    def features(self, subsets: Sequence[Rows]) -> Features:
        """Scaled means of each group. Shape (m, b)."""
        widths = np.repeat(np.array(self.scales, np.float64), self.sizes)
        return self._means(subsets) / widths

    def _means(self, subsets: Sequence[Rows]) -> Features:
        step = max(1, CHUNK_CELLS // max(len(self.basis), 1))
        parts = [self._chunk(subsets[start : start + step]) for start in range(0, len(subsets), step)]
        return np.concatenate([np.zeros((0, self.basis.shape[1])), *parts])

    def _chunk(self, subsets: Sequence[Rows]) -> Features:
        member = np.zeros((len(subsets), len(self.basis)), np.float32)
        for place, rows in enumerate(subsets):
            member[place, rows] = 1
        sizes = (member @ self.weights).astype(np.float64)[:, None]
        means = (member @ self.basis).astype(np.float64) / sizes
        for columns, is_histogram in zip(self.places, self.cumulative, strict=True):
            if is_histogram:
                means[:, columns] = np.cumsum(means[:, columns], axis=1)
        return means


def composition_of(signals: SignalTable, columns: tuple[str, ...] | None = None) -> Composition:
    """Groups of a pool, once a table and choice of columns; without scales yet.

    Args:
        signals: The pool.
        columns: Signals whose distribution is a group; None takes all.
    """
    names = tuple(sorted(signals.columns)) if columns is None else columns
    return signals.cached((__name__, names), lambda: _make(signals, names))


def _make(signals: SignalTable, columns: Sequence[str]) -> Composition:
    found = list(_groups(signals, columns))
    stops = np.cumsum([0, *(part.shape[1] for _, part, _ in found)])
    places = tuple(slice(int(a), int(b)) for a, b in pairwise(stops))
    basis = np.concatenate([np.zeros((len(signals), 0), np.float32), *(part for _, part, _ in found)], axis=1)
    return Composition(
        tuple(name for name, _, _ in found),
        basis * signals.weights[:, None],
        signals.weights,
        places,
        tuple(is_histogram for _, _, is_histogram in found),
    )


def _groups(signals: SignalTable, columns: Sequence[str]) -> Iterator[tuple[str, Basis, bool]]:
    for name in columns:
        yield name, _rank_bins(signals[name]), True
    labels = {name: label for name, label in sorted(signals.labels.items()) if _is_small(label)}
    for name, label in labels.items():
        yield name, _one_hot(label), False
    if _EMBEDDING not in signals.vectors:
        return
    vectors = np.asarray(signals.vectors_of(_EMBEDDING), np.float32)
    known: Mask = ~np.asarray(np.isnan(vectors).any(axis=1))
    if known.sum() <= max(TOPICS):
        return
    filled = np.where(known[:, None], vectors, vectors[known].mean(axis=0))
    if not any(name.startswith(_CLUSTER) for name in labels):
        for count in TOPICS:
            yield f"{_CLUSTER}{count}", _one_hot(_clusters(filled, known, count)), False
    yield "mean embedding", _directions(filled, known), False


def _clusters(vectors: Values, known: Mask, count: int) -> Labels:
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(count, random_state=0, n_init=3, batch_size=2_048)
    labels = model.fit(vectors[known][:_FIT_ROWS]).predict(vectors)
    return np.where(known, labels, -1).astype(np.int32)


def _directions(vectors: Values, known: Mask) -> Basis:
    from sklearn.decomposition import PCA

    count = min(_DIRECTIONS, vectors.shape[1])
    model = PCA(count, svd_solver="randomized", random_state=0).fit(vectors[known][:_FIT_ROWS])
    return np.asarray(model.transform(vectors), np.float32)


def _rank_bins(values: Values) -> Basis:
    """One-hot bins of equal shares of the pool; unknown values rank lowest."""
    order = np.argsort(np.nan_to_num(values, nan=-np.inf), kind="stable")
    place = np.empty(len(values), np.int64)
    place[order] = np.arange(len(values)) * _BINS // max(len(values), 1)
    # Equal values share the bin of the first of them.
    ranked = np.nan_to_num(values, nan=-np.inf)[order]
    first = np.searchsorted(ranked, ranked, side="left")
    place[order] = place[order][first]
    return np.eye(_BINS, dtype=np.float32)[place]


def _one_hot(labels: Labels) -> Basis:
    return np.eye(int(labels.max()) + 2, dtype=np.float32)[labels + 1]


def _is_small(labels: Labels) -> bool:
    return len(labels) > 0 and 0 < int(labels.max()) < MAX_GROUPS


def _median_distance(raw: Features) -> float:
    from scipy.spatial.distance import pdist

    found = float(np.median(pdist(raw))) if len(raw) > 1 else 0.0
    return found if found > _FLAT else np.inf
