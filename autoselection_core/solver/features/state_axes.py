"""State axes of subsets and histograms of their signals, before they are scaled. All counts are exact.

Of a sample of rows, each counts as the rows of the pool that it stands for; pairs are those of the sample.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Labels, Rows, Values
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.feature_layout import Features

BINS = 16
"""Bins of a signal's histogram, of equal shares of the pool; one more holds unknown values."""

MAX_GROUPS = 64
"""A grouping with more groups than this is described by nothing: exact copies are in the pair lists."""

_MAX_PAIRS = 20_000
"""Pairs of one list that are looked at; a longer list is sampled at equal steps."""

CHUNK_CELLS = 1 << 24
"""Cells of the membership matrix that exist at a time."""

Histogram = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Blocks:
    """Bins, groups and pairs that a pool's subsets are described by.

    Attributes:
        bins: For every row, its weight at its bin of every signal and group. Shape (n, b).
        weights: Rows of the pool that each row stands for. Shape (n,).
        columns: Places of the bins of each signal, unknown values last.
        groups: Places of the bins of each grouping.
        pairs: Both rows of sampled pairs of each list. Each of shape (2, p).
    """

    bins: Histogram
    weights: Values
    columns: tuple[slice, ...]
    groups: tuple[slice, ...]
    pairs: tuple[npt.NDArray[np.int64], ...]


@dataclass(frozen=True, eq=False)
class Description:
    """Description of some subsets, not yet scaled.

    Attributes:
        axes: State axes: log retention, mean rank of each signal's known values, evenness of each grouping,
            redundancy by each pair list. Shape (m, a).
        marginals: Cumulative histograms. Shape (m, c).
    """

    axes: Features
    marginals: Features


def blocks_of(signals: SignalTable) -> Blocks:
    """Cut every signal of a pool into bins, once."""
    parts = [_rank_bins(signals[name]) for name in sorted(signals.columns)]
    groups = [_group_bins(labels) for _, labels in sorted(signals.labels.items()) if _is_small(labels)]
    pairs = [_sample(pairs.low, pairs.high) for _, pairs in sorted(signals.pairs.items()) if len(pairs.low)]
    stops = np.cumsum([0, *(part.shape[1] for part in [*parts, *groups])])
    places = [slice(int(start), int(stop)) for start, stop in pairwise(stops)]
    size = np.zeros((len(signals), 0), np.float32)
    bins = np.concatenate([size, *parts, *groups], axis=1)
    bins *= signals.weights[:, None]
    return Blocks(
        bins, signals.weights, tuple(places[: len(parts)]), tuple(places[len(parts) :]), tuple(pairs)
    )


def describe(subsets: Sequence[Rows], blocks: Blocks) -> Description:
    """Describe non-empty subsets. One matrix product a chunk; sums of weights are exact in float32."""
    chunks = [_describe(chunk, blocks) for chunk in _chunks(subsets, len(blocks.bins))]
    axes = np.concatenate([axes for axes, _ in chunks])
    return Description(axes, np.concatenate([marginals for _, marginals in chunks]))


def _describe(subsets: Sequence[Rows], blocks: Blocks) -> tuple[Features, Features]:
    member = np.zeros((len(subsets), len(blocks.bins)), np.float32)
    for place, rows in enumerate(subsets):
        member[place, rows] = 1
    sizes = (member @ blocks.weights).astype(np.float64)[:, None]
    shares = (member @ blocks.bins).astype(np.float64) / sizes
    retention = sizes / blocks.weights.sum(dtype=np.float64)
    axes = [np.log(retention), *(_rank_axes(shares[:, place]) for place in blocks.columns)]
    axes += [_evenness(shares[:, place]) for place in blocks.groups]
    axes += [_redundancy(member, pairs) / retention for pairs in blocks.pairs]
    marginals = [np.cumsum(shares[:, place], axis=1)[:, :-1] / BINS**0.5 for place in blocks.columns]
    marginals += [shares[:, place] for place in blocks.groups]
    return np.concatenate(axes, axis=1), np.concatenate([sizes[:, :0], *marginals], axis=1)


def _chunks(subsets: Sequence[Rows], pool: int) -> Iterator[Sequence[Rows]]:
    step = max(1, CHUNK_CELLS // max(pool, 1))
    for start in range(0, len(subsets), step):
        yield subsets[start : start + step]


def _rank_bins(values: Values) -> Histogram:
    """One-hot bins by rank; equal values share a bin, and unknown ones have their own."""
    known = np.isfinite(values)
    edges = np.quantile(values[known], np.arange(1, BINS) / BINS) if known.any() else np.zeros(BINS - 1)
    place = np.where(known, np.searchsorted(edges, np.where(known, values, 0), side="right"), BINS)
    return np.eye(BINS + 1, dtype=np.float32)[place]


def _group_bins(labels: Labels) -> Histogram:
    return np.eye(int(labels.max()) + 2, dtype=np.float32)[labels + 1]


def _is_small(labels: Labels) -> bool:
    return len(labels) > 0 and 0 < int(labels.max()) < MAX_GROUPS


def _sample(low: npt.NDArray[np.int32], high: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    step = -(-len(low) // _MAX_PAIRS)
    return np.stack([low[::step], high[::step]]).astype(np.int64)


def _rank_axes(shares: Features) -> Features:
    known = shares[:, :-1]
    total = known.sum(axis=1, keepdims=True)
    mean = known @ np.arange(BINS)[:, None] / np.maximum(total, 1e-12) / BINS
    return np.asarray(np.where(total > 0, mean, 0.5))


def _evenness(shares: Features) -> Features:
    """Shannon entropy of the groups' shares, over its maximum."""
    safe = np.where(shares > 0, shares, 1)
    entropy = -(safe * np.log(safe)).sum(axis=1, keepdims=True)
    return np.asarray(entropy / np.log(shares.shape[1]))


def _redundancy(member: Histogram, pairs: npt.NDArray[np.int64]) -> Features:
    """Share of the pool's similar pairs with both rows in each subset. Shape (m, 1)."""
    both = member[:, pairs[0]] * member[:, pairs[1]]
    return np.asarray(both.mean(axis=1, keepdims=True, dtype=np.float64))
