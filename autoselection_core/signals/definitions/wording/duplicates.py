"""Duplicates: samples with equal texts, and pairs with nearly equal ones."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Labels
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, EarlierValues, Given, ShardedSignal, renamed_from
from autoselection_core.signals.joins.jaccard import jaccard_pairs
from autoselection_core.signals.joins.jaccard_update import update_jaccard_pairs
from autoselection_core.signals.joins.shingles import pool_shingles, shingles
from autoselection_core.signals.joins.stored_sets import StoredSets
from autoselection_core.signals.shards import Array, Scratch, Shard, blocks, sharded
from autoselection_core.signals.similar_pairs import PairList


@dataclass(frozen=True)
class ExactGroups(ShardedSignal):
    """Groups of samples with equal text, case and white space aside.

    Every sample has a group; groups are numbered in the order of their first rows.

    Attributes:
        scope: Messages that are compared, joined by newlines.
    """

    scope: Scope = Scope.ALL

    @property
    @override
    def name(self) -> str:
        return "exact"

    @override
    def compute_in(
        self, scratch: Scratch, pool: Pool, given: Given, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        shards = (
            Shard((pool, self.scope, *rows), rows[1] - rows[0]) for rows in blocks(len(pool), _SHARD_ROWS)
        )
        digests = (part.tolist() for (part,) in scratch.each(digests_of_rows, shards))
        return {self.name: _groups(chain.from_iterable(digests))}


_SHARD_ROWS, _DIGEST_BYTES = 1 << 14, 16


@sharded
def digests_of_rows(pool: Pool, scope: str, start: int, stop: int) -> Iterator[Array]:
    """Digest of each text of some rows, case and white space aside. Shape (rows,), V16."""
    texts = pool.iter_texts(Scope(scope), start, stop)
    yield np.frombuffer(b"".join(map(_normalised_digest, texts)), f"V{_DIGEST_BYTES}")


_MEMORY_PER_BYTE, _MEMORY_OF_A_RANGE, _MEMORY_PER_ROW = 12, 1 << 30, 500
"""Peak of a join of near duplicates (`python -m bench.growth`): of its ranges, which are no larger than the
pool, and of its rows.
"""


@dataclass(frozen=True)
class JaccardPairs(ShardedSignal):
    """Near duplicates: all pairs of samples with a Jaccard similarity of word n-grams above the floor.

    J(x, y) = |x & y| / |x | y| over the sets of runs of `words` words, operators and brackets (see
    `words_and_signs`). The similarities are exact: MinHash signatures estimate them, and at the size of a
    pool the exact join is as fast and misses nothing. The store gives the join a scratch folder, so that its
    memory does not grow with the texts. The sets are kept beside the pairs, so that a changed pool reads only
    its new texts.

    Attributes:
        words: Words of a run.
        min_similarity: Similarities below are never stored.
        scope: Messages that are compared, joined by newlines.
    """

    words: int = 5
    min_similarity: float = field(default=0.5, metadata=renamed_from("lowest"))
    scope: Scope = Scope.ALL

    definition = "MinHashPairs"  # its first name
    version = 6

    @property
    @override
    def name(self) -> str:
        return "near_duplicates"

    @override
    def compute_in(
        self, scratch: Scratch, pool: Pool, given: Given, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        sets = pool_shingles(pool, self.scope, self.words, scratch)
        pairs = jaccard_pairs(
            sets,
            min_similarity=self.min_similarity,
            measure=f"jaccard of word {self.words}-grams",
            scratch=scratch,
            progress=progress,
        )
        return {self.name: pairs, **StoredSets.of(sets).values}

    @override
    def memory_bytes(self, pool: Pool) -> int:
        return min(_MEMORY_PER_BYTE * int(pool.table.nbytes), _MEMORY_OF_A_RANGE) + _MEMORY_PER_ROW * len(
            pool
        )

    @override
    def update(
        self, pool: Pool, given: Given, earlier: EarlierValues, progress: Progress | None = None
    ) -> Mapping[str, Computed]:
        pairs, new = earlier.values[self.name], earlier.new_rows(len(pool))
        assert isinstance(pairs, PairList), "this signal gives pairs"
        fresh = shingles(pool.texts(self.scope, new), self.words)
        sets = StoredSets.read(earlier.values).update(earlier.rows, new, fresh)
        return {self.name: update_jaccard_pairs(pairs, earlier.rows, sets), **sets.values}


def _normalised_digest(text: str) -> bytes:
    return hashlib.blake2b(" ".join(text.lower().split()).encode(), digest_size=_DIGEST_BYTES).digest()


def _groups(digests: Iterable[bytes]) -> Labels:
    """Group numbers of digests, in the order of their first occurrence. Shape (n,)."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], np.int32)
