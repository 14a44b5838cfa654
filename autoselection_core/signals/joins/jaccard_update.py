"""Incremental Jaccard join of a changed pool: new sets against all, old pairs stay."""

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from autoselection_core.arrays import Integers, Rows
from autoselection_core.signals.base import missing_rows
from autoselection_core.signals.joins.jaccard import CHECKED_AT_ONCE, distinct, met_once, prefix_length
from autoselection_core.signals.joins.shingles import Hashes
from autoselection_core.signals.joins.stored_sets import StoredSets
from autoselection_core.signals.similar_pairs import PairList

_SIEVE_BITS = 20
_BUCKET_SHIFT = np.uint64(64 - _SIEVE_BITS)
"""Shift that leaves the bucket of a hash: its highest bits."""

_SCANNED_AT_ONCE = 1 << 17


def update_jaccard_pairs(earlier: PairList, rows: Rows, sets: StoredSets) -> PairList:
    """The pairs of a changed pool, exact as those of `jaccard_pairs`, down to the earlier floor.

    A set x of the new ones has a similarity of at least t with another only if they share one of the rarest
    |x| - ceil(t |x|) + 1 members of x.

    Args:
        earlier: Pairs of the earlier pool.
        rows: Present place of each of its rows; -1 where a row left.
        sets: One set a row of the pool at hand.
    """
    count = len(sets.sizes)
    new = missing_rows(rows, count)
    known = distinct(sets.take(new).hashes)
    owner, member = _members_among(sets, known)
    incidence = sp.csr_matrix((np.ones(len(owner), np.int32), (owner, member)), shape=(count, len(known)))
    first, second = _candidates(incidence, sets.sizes, new, earlier.floor)
    similarity = _similarities(incidence, sets.sizes, first, second)
    alike = similarity >= np.float32(earlier.floor)
    return earlier.update(rows, first[alike], second[alike], similarity[alike], count)


def _members_among(sets: StoredSets, known: Hashes) -> tuple[Integers, Integers]:
    """Every entry of the sets that is among some hashes: its set and the hash's number."""
    if not len(known):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    sieves, places_of = [_Sieve(known, first) for first in (0, _SIEVE_BITS)], _Places(known)
    found = []
    for start, block in sets.blocks(_SCANNED_AT_ONCE):
        likely = sieves[0](block)
        likely = likely[sieves[1](block[likely])]
        member = places_of(block[likely])
        found.append((start + likely[member >= 0], member[member >= 0]))
    places, members = (np.concatenate(parts) for parts in zip(*found, strict=True))
    owners = sets.owners(places)
    held = owners >= 0
    return owners[held], members[held]


class _Sieve:
    """Bit table of fragments of known hashes (a Bloom filter of one hash); it lets few others through.

    Args:
        known: The hashes.
        first: Number of the highest bits to skip.
    """

    def __init__(self, known: Hashes, first: int) -> None:
        self._shift = np.uint64(64 - _SIEVE_BITS - first)
        self._table = np.zeros(1 << _SIEVE_BITS, np.bool_)
        self._table[self._bits(known)] = True

    def __call__(self, hashes: Hashes) -> Integers:
        """The places of the hashes that may be known."""
        return np.flatnonzero(self._table.take(self._bits(hashes)))

    def _bits(self, hashes: Hashes) -> Integers:
        return ((hashes >> self._shift) & np.uint64((1 << _SIEVE_BITS) - 1)).view(np.int64)


class _Places:
    """Index of known hashes, looked up by their highest bits.

    Args:
        known: Ascending, each once.
    """

    def __init__(self, known: Hashes) -> None:
        self._known = known
        counts = np.bincount((known >> _BUCKET_SHIFT).view(np.int64), minlength=1 << _SIEVE_BITS)
        self._ends = np.cumsum(counts)
        self._deepest = int(counts.max())

    def __call__(self, hashes: Hashes) -> Integers:
        """The place of each hash, -1 where it is not known."""
        place = np.full(len(hashes), -1)
        ends = self._ends.take((hashes >> _BUCKET_SHIFT).view(np.int64))
        for step in range(1, self._deepest + 1):  # a bucket holds few
            at = ends - step
            is_here = self._known.take(at, mode="clip") == hashes
            place[is_here] = at[is_here]
        return place


def _candidates(
    incidence: sp.csr_matrix, sizes: Integers, new: Rows, floor: float
) -> tuple[Integers, Integers]:
    """Pairs of a new row and any row that share one of the rarest members of the new row; each once.

    Two sets of sizes s <= l have a similarity of s / l at most: sets of uneven sizes are no pair.
    """
    first, second = _sharing(incidence, _rarest(incidence, new, floor))
    first = new[first]
    smaller, larger = np.minimum(sizes[first], sizes[second]), np.maximum(sizes[first], sizes[second])
    is_new = np.zeros(incidence.shape[0], np.bool_)
    is_new[new] = True
    possible = met_once(first, second, is_new) & (smaller >= floor * larger - 1e-9)
    return first[possible], second[possible]


def _rarest(incidence: sp.csr_matrix, new: Rows, floor: float) -> sp.csr_matrix:
    """Incidence matrix of new rows and their rarest members."""
    held = incidence[new]
    frequency = np.bincount(incidence.indices, minlength=incidence.shape[1])
    sizes = np.diff(held.indptr)
    owners = np.repeat(np.arange(len(new)), sizes)
    rarest_first = np.lexsort((held.indices, frequency[held.indices], owners))
    rank = np.arange(len(owners)) - held.indptr[owners]
    chosen = rarest_first[rank < prefix_length(sizes, floor)[owners]]
    entries = np.ones(len(chosen), np.int32), (owners[chosen], held.indices[chosen])
    return sp.csr_matrix(entries, shape=held.shape)


def _sharing(incidence: sp.csr_matrix, members: sp.csr_matrix) -> tuple[Integers, Integers]:
    """Pairs of rows of two matrices that have a member in common."""
    shared = members @ incidence.T.tocsr()
    return np.repeat(np.arange(len(shared.indptr) - 1), np.diff(shared.indptr)), shared.indices.astype(
        np.int64
    )


def _similarities(
    incidence: sp.csr_matrix, sizes: Integers, first: Integers, second: Integers
) -> npt.NDArray[np.float32]:
    """|x & y| / |x | y| of each pair; the incidence has all members of the first. Shape (pairs,)."""
    overlap = np.zeros(len(first), np.int64)
    for start in range(0, len(first), CHECKED_AT_ONCE):
        part = slice(start, start + CHECKED_AT_ONCE)
        overlap[part] = incidence[first[part]].multiply(incidence[second[part]]).sum(axis=1).A1
    similarity: npt.NDArray[np.float64] = overlap / (sizes[first] + sizes[second] - overlap)
    return similarity.astype(np.float32)
