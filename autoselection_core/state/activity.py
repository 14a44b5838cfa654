"""Drift of the active sparse features of a subset from the pool's."""

import numpy as np
from scipy import sparse

from autoselection_core.arrays import Rows
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.state.aspect import Aspect, Counts, Shares
from autoselection_core.state.column import sample_rows

_MAX_GATHERED_SHARE = 0.15
"""Below this share of changed rows, gathering their entries is faster than a pass over all entries."""


class Activity(Aspect):
    """Drift of SNAR: the share of samples (with stored features) in which each feature is active.

    `drift/x` is the paper's L2 distance to the pool's, over the square root of the number of features; it
    stays near 0 for sparse features. `drift_tv/x` (total variation) and `drift_js/x` (Jensen-Shannon, in
    bits) compare the shares after each is scaled to sum 1, and use the range [0, 1].

    Pools above 200,000 rows are described by the fixed sample of `sample_rows`.
    """

    def __init__(self, name: str, features: SparseFeatures) -> None:
        self.names = (f"drift/{name}", f"drift_tv/{name}", f"drift_js/{name}")
        sampled = sample_rows(len(features))
        self._place = np.full(len(features), -1, np.int64)
        self._place[sampled] = np.arange(len(sampled))
        self._has_features = (np.diff(features.indptr) > 0)[sampled]
        self._by_row = _ones(features, sampled)
        self._by_feature = self._by_row.T.tocsr().astype(np.float32)
        self.pool = self._passed(np.ones(len(sampled), np.float32))

    def count(self, rows: Rows) -> Counts:
        """Number of sampled rows in which each feature is active; last, the number that have features."""
        return self.change(rows, np.empty(0, np.int64))

    def change(self, added: Rows, removed: Rows) -> Counts:
        """A pass over all entries with +1 and -1, or over the entries of the changed rows if they are few."""
        added, removed = self._sampled(added), self._sampled(removed)
        if len(added) + len(removed) < _MAX_GATHERED_SHARE * len(self._has_features):
            return self._gathered(added) - self._gathered(removed)
        signs = np.zeros(len(self._has_features), np.float32)
        signs[added] = 1
        signs[removed] = -1
        return self._passed(signs)

    def numbers(self, counts: Counts, rows: int) -> Shares:  # noqa: ARG002  # only rows with features count
        """L2, total variation and Jensen-Shannon distance to the pool."""
        here, there = _activity(counts), _activity(self.pool)
        drift = np.sqrt(np.square(here - there).sum() / len(here))
        p, q = here / max(here.sum(), 1e-300), there / max(there.sum(), 1e-300)
        if not counts[:-1].any():
            return np.array([drift, 1.0, 1.0])
        return np.array([drift, np.abs(p - q).sum() / 2, _jensen_shannon_bits(p, q)])

    def _sampled(self, rows: Rows) -> Rows:
        places = self._place[rows]
        return places[places >= 0]

    def _passed(self, signs: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Counts:
        # Sums of at most 200,000 ones are exact in float32.
        active = self._by_feature @ signs
        return np.append(active, signs[self._has_features].sum()).astype(np.int64)

    def _gathered(self, rows: Rows) -> Counts:
        entries = self._by_row[rows].indices
        active = np.bincount(entries, minlength=self._by_row.shape[1])
        return np.append(active, np.count_nonzero(self._has_features[rows]))


def _ones(features: SparseFeatures, rows: Rows) -> "sparse.csr_array[np.int8]":
    entries = features.indices if len(rows) == len(features) else features.entries_of(rows)
    starts = np.concatenate([[0], np.cumsum(np.diff(features.indptr)[rows])])
    if len(entries) <= np.iinfo(np.int32).max:
        starts = starts.astype(np.int32)  # otherwise scipy widens all indices to 64 bits
    ones = np.ones(len(entries), np.int8)
    return sparse.csr_array((ones, entries, starts), shape=(len(rows), features.features))


def _activity(counts: Counts) -> Shares:
    activity: Shares = counts[:-1] / max(int(counts[-1]), 1)
    return activity


def _jensen_shannon_bits(p: Shares, q: Shares) -> float:
    middle = (p + q) / 2
    return float((_entropy_terms(p, middle) + _entropy_terms(q, middle)).sum() / 2)


def _entropy_terms(p: Shares, middle: Shares) -> Shares:
    ratio = np.divide(p, middle, where=p > 0, out=np.ones_like(p))
    terms: Shares = p * np.log2(ratio)
    return terms
