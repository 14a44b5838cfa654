"""Samples that are alike in the base model's own features."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from typing_extensions import override

from autoselection_core.arrays import Rows, Values
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import Computed, Given, PoolSignal, Progress, Signal
from autoselection_core.signals.cosine import cosine_pairs
from autoselection_core.signals.floor import stored_floor
from autoselection_core.signals.pairs import PairList
from autoselection_core.signals.sae import FEATURES, SaeFeatures
from autoselection_core.signals.sparse import SparseFeatures

_DIMENSIONS = 512
_MARGIN = 0.1
"""Three standard deviations of a cosine of 0.5 after the projection."""

_CHECKED_AT_ONCE = 1 << 17


@dataclass(frozen=True)
class SaePairs(PoolSignal):
    """Rows whose sparse features have a high cosine similarity, less the mean of the pool.

    Candidates are found among random projections of the features and kept by their exact similarity; about
    one pair in a thousand at the floor is missed. A row without stored features resembles nothing. The mean
    is the pool's, so a pool that changes is compared anew.

    Attributes:
        features: Which features are compared.
        lowest: Similarities below are never stored.
        seed: Of the projection.
    """

    features: SaeFeatures
    lowest: float = 0.5
    seed: int = 0

    @property
    @override
    def name(self) -> str:
        return "sae_pairs"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (self.features,)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        return {FEATURES: centred_pairs(given[FEATURES], self.lowest, self.seed, progress)}


def centred_pairs(
    features: SparseFeatures, lowest: float, seed: int = 0, progress: Progress | None = None
) -> PairList:
    """Pairs of rows by the cosine of their features less the mean of all rows.

    The floor is the smallest similarity, from `lowest` upwards, that keeps at most 64 pairs a row.
    """
    measure = "cosine of sparse features less their mean"
    codes = sp.csr_matrix(
        (features.data, features.indices, features.indptr), (len(features), features.features)
    )
    mean = np.asarray(codes.mean(axis=0), np.float64).reshape(-1)
    signs = np.random.default_rng(seed).choice(
        np.array([-1, 1], np.float32), (features.features, _DIMENSIONS)
    )
    projected = np.asarray(codes @ signs - (mean @ signs)[None], np.float32)
    projected[np.diff(features.indptr) == 0] = np.nan
    found = cosine_pairs(projected, lowest=lowest - _MARGIN, measure=measure, progress=progress)
    low, high = found.low.astype(np.int64), found.high.astype(np.int64)
    similarity = _centred_cosine(codes, mean, low, high)
    least = max(lowest, found.floor + _MARGIN)
    floor = stored_floor(similarity[similarity >= np.float32(least)], len(features), least)
    kept = similarity >= np.float32(floor)
    return PairList.of(low[kept], high[kept], similarity[kept], floor=floor, measure=measure)


def _centred_cosine(codes: sp.csr_matrix, mean: npt.NDArray[np.float64], low: Rows, high: Rows) -> Values:
    """(a - m)(b - m) / (|a - m| |b - m|) without a dense row. Shape (pairs,)."""
    with_mean, square = codes @ mean, float(mean @ mean)
    length = np.sqrt(
        np.maximum(0.0, np.asarray(codes.power(2).sum(axis=1)).reshape(-1) - 2 * with_mean + square)
    )
    products = np.zeros(len(low))
    for start in range(0, len(low), _CHECKED_AT_ONCE):
        part = slice(start, start + _CHECKED_AT_ONCE)
        products[part] = codes[low[part]].multiply(codes[high[part]]).sum(axis=1).A1
    centred = products - with_mean[low] - with_mean[high] + square
    scale = length[low] * length[high]
    cosine = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 0)
    return np.asarray(np.minimum(cosine, 1.0), np.float32)
