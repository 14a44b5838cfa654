"""Pairs of samples that are similar in sparse features of the base model."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from typing_extensions import override

from autoselection_core.arrays import Rows, Values
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import (
    Computed,
    EarlierValues,
    Given,
    ShardedSignal,
    Signal,
    missing_rows,
    renamed_from,
)
from autoselection_core.signals.definitions.base_model.sae import FEATURES, SaeFeatures
from autoselection_core.signals.joins.cosine import MAX_EXACT_ROWS, cosine_pairs
from autoselection_core.signals.joins.jaccard import CHECKED_AT_ONCE, met_once
from autoselection_core.signals.shards import IN_MEMORY, Scratch
from autoselection_core.signals.similar_pairs import PairList, stored_floor
from autoselection_core.signals.sparse import SparseFeatures

_DIMENSIONS = 512
_MARGIN = 0.1
"""Three standard deviations of a cosine of 0.5 after the projection."""

_NEW_AT_ONCE = 128
_MEAN = "sae_mean"


@dataclass(frozen=True)
class SaePairs(ShardedSignal):
    """Rows whose sparse features have a high cosine similarity, less the mean of the pool.

    Candidates are found among random projections of the features and kept by their exact similarity; about
    one pair in a thousand at the floor is missed. A row without stored features resembles nothing. The mean
    is that of the pool that was compared first: when it changes, mean and old pairs stay, and every new row
    is compared with every row.

    Attributes:
        features: Features that are compared.
        min_similarity: Similarities below are never stored.
        seed: Of the projection.
    """

    features: SaeFeatures
    min_similarity: float = field(default=0.5, metadata=renamed_from("lowest"))
    seed: int = 0

    version = 2

    @property
    @override
    def name(self) -> str:
        return "sae_pairs"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (self.features,)

    @override
    def compute_in(
        self, scratch: Scratch, pool: Pool, given: Given, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        features = given[FEATURES]
        mean = mean_features(features)
        pairs = centred_pairs(features, mean, self.min_similarity, self.seed, progress, scratch=scratch)
        return {FEATURES: pairs, _MEAN: mean}

    @override
    def update(
        self, pool: Pool, given: Given, earlier: EarlierValues, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        pairs, mean = earlier.values[FEATURES], earlier.values[_MEAN]
        assert isinstance(pairs, PairList), "this signal gives pairs"
        assert isinstance(mean, np.ndarray), "this signal keeps its mean"
        return {FEATURES: update_centred_pairs(pairs, earlier.rows, given[FEATURES], mean), _MEAN: mean}


Mean = npt.NDArray[np.float64]
"""Mean magnitude of each feature over the rows of a pool. Shape (features,)."""


def mean_features(features: SparseFeatures) -> Mean:
    """The mean over all rows."""
    return np.asarray(_codes(features).mean(axis=0), np.float64).reshape(-1)


def _codes(features: SparseFeatures) -> sp.csr_matrix:
    shape = len(features), features.features
    return sp.csr_matrix((features.data, features.indices, features.indptr), shape)


def centred_pairs(
    features: SparseFeatures,
    mean: Mean,
    min_similarity: float,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    scratch: Scratch = IN_MEMORY,
    max_exact_rows: int = MAX_EXACT_ROWS,
) -> PairList:
    """Pairs of rows by the cosine of their features less a mean.

    The floor is the smallest similarity, from `min_similarity` upwards, that keeps at most 64 pairs a row.
    In a pool of more than `max_exact_rows`, `measure` names the share of the candidates that was found.
    """
    measure, codes = "cosine of sparse features less their mean", _codes(features)
    signs = np.random.default_rng(seed).choice(
        np.array([-1, 1], np.float32), (features.features, _DIMENSIONS)
    )
    projected = np.asarray(codes @ signs - (mean @ signs)[None], np.float32)
    projected[np.diff(features.indptr) == 0] = np.nan
    found = cosine_pairs(
        projected,
        min_similarity=min_similarity - _MARGIN,
        measure=measure,
        scratch=scratch,
        progress=progress,
        max_exact_rows=max_exact_rows,
    )
    low, high = found.low.astype(np.int64), found.high.astype(np.int64)
    similarity = _centred_cosine(codes, mean, low, high)
    least = max(min_similarity, found.floor + _MARGIN)
    floor = stored_floor(similarity[similarity >= np.float32(least)], len(features), least)
    kept = similarity >= np.float32(floor)
    return PairList.of(low[kept], high[kept], similarity[kept], floor=floor, measure=found.measure)


def update_centred_pairs(earlier: PairList, rows: Rows, features: SparseFeatures, mean: Mean) -> PairList:
    """The pairs of a changed pool: those of an earlier one, and those of every new row with every row.

    Args:
        earlier: Pairs of the earlier pool.
        rows: Present place of each of its rows; -1 where a row left.
        features: Of the pool at hand.
        mean: The mean that the earlier pairs were centred by.
    """
    codes, new = _codes(features), missing_rows(rows, len(features))
    length = _lengths(codes, mean)
    length[np.diff(features.indptr) == 0] = np.inf  # resembles nothing
    is_new = np.zeros(len(features), np.bool_)
    is_new[new] = True
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))]
    for start in range(0, len(new), _NEW_AT_ONCE):
        part = new[start : start + _NEW_AT_ONCE]
        centred = np.asarray(codes[part].toarray() - mean, np.float32)
        scale = np.maximum(length[:, None] * length[part], np.finfo(np.float32).tiny)
        cosine = ((codes @ centred.T - (centred @ mean)) / scale).astype(np.float32)
        other, place = np.nonzero(cosine >= np.float32(earlier.floor))
        once = met_once(part[place], other, is_new)
        place, other = place[once], other[once]
        found.append((part[place], other, np.minimum(cosine[other, place], np.float32(1.0))))
    first, second, similarity = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return earlier.update(rows, first, second, similarity, len(features))


def _lengths(codes: sp.csr_matrix, mean: Mean) -> Mean:
    """|a - m| of each row. Shape (n,)."""
    squares = np.asarray(codes.power(2).sum(axis=1)).reshape(-1)
    lengths: Mean = np.sqrt(np.maximum(0.0, squares - 2 * (codes @ mean) + float(mean @ mean)))
    return lengths


def _centred_cosine(codes: sp.csr_matrix, mean: Mean, low: Rows, high: Rows) -> Values:
    """(a - m)(b - m) / (|a - m| |b - m|) without a dense row. Shape (pairs,)."""
    with_mean, square, length = codes @ mean, float(mean @ mean), _lengths(codes, mean)
    products = np.zeros(len(low))
    for start in range(0, len(low), CHECKED_AT_ONCE):
        part = slice(start, start + CHECKED_AT_ONCE)
        products[part] = codes[low[part]].multiply(codes[high[part]]).sum(axis=1).A1
    centred = products - with_mean[low] - with_mean[high] + square
    scale = length[low] * length[high]
    cosine = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0)
    return np.asarray(np.minimum(cosine, 1.0), np.float32)
