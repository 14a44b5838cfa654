"""Graph importance: entropy of the groups among a sample's nearest neighbours."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp
from typing_extensions import override

from autoselection_core.arrays import Labels, Values
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SOURCE


@dataclass(frozen=True)
class GraphImportance(PoolSignal):
    """Entropy, in bits, of the labels among a sample's neighbours (after GAIS, Rustamov et al. 2025).

    Nodes are samples and edges the stored pairs of similar embeddings. The pseudo-label of a node is its
    source or its cluster. Each neighbour counts exp(similarity / temperature), the attention of an untrained
    layer; the importance is the entropy of the weighed labels. It is 0 inside a group and high on the border
    of several. NaN without neighbours.

    Attributes:
        pairs: Which pairs are edges.
        temperature: How much nearer neighbours count more.
        labels: `source`, or a granularity of the clusters such as `cluster/64`.
        clusters: Where clusters come from; sources need none.

    Raises:
        SettingError: There is no such label.
    """

    pairs: EmbeddingPairs = EmbeddingPairs()  # noqa: RUF009 a frozen value
    temperature: float = 0.1
    labels: str = SOURCE
    clusters: Clusters = field(default=Clusters(), compare=False)

    undefined = "no neighbours"

    def __post_init__(self) -> None:
        """Refuse labels that nothing gives."""
        known = (SOURCE, *(f"cluster/{size}" for size in self.clusters.sizes))
        if self.labels not in known:
            raise SettingError("labels", self.labels, f"one of {', '.join(known)}")

    @property
    @override
    def name(self) -> str:
        return "graph_importance"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (self.pairs,) if self.labels == SOURCE else (self.pairs, self.clusters)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        labels = pool.source_codes if self.labels == SOURCE else given[self.labels]
        return {self.name: label_entropy_bits(given["embedding"], labels, self.temperature)}


def label_entropy_bits(pairs: PairList, labels: Labels, temperature: float) -> Values:
    """Entropy of the labels around each row, weighed by similarity; labels below 0 are none. Shape (n,)."""
    rows, groups = len(labels), int(labels.max(initial=0)) + 1
    weight = np.exp((pairs.similarity.astype(np.float64) - 1.0) / temperature)
    ends = np.concatenate([pairs.low, pairs.high]), np.concatenate([pairs.high, pairs.low])
    edges = sp.csr_matrix((np.tile(weight, 2), ends), shape=(rows, rows))
    known = np.flatnonzero(labels >= 0)
    member = sp.csr_matrix((np.ones(len(known)), (known, labels[known])), shape=(rows, groups))
    mass = (edges @ member).toarray()
    total = mass.sum(axis=1, keepdims=True)
    share = np.divide(mass, total, out=np.zeros_like(mass), where=total > 0)
    entropy = -(share * np.log2(share, out=np.zeros_like(share), where=share > 0)).sum(axis=1)
    return np.where(total[:, 0] > 0, np.abs(entropy), np.nan).astype(np.float32)
