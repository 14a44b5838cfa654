"""All pairs of sets above a Jaccard similarity, exactly.

A pair with Jaccard similarity t shares one of the rarest |x| - ceil(t |x|) + 1 members of each of its sets
(prefix filtering; Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007). In text the
rarest runs of words are rare indeed, so candidates are few, templates cost nothing, and no pair is missed.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from autoselection_core.arrays import Integers
from autoselection_core.signals.joins.shingles import Shingles
from autoselection_core.signals.similar_pairs import MAX_FLOOR, PairList, stored_floor

Number = TypeVar("Number", np.int64, np.uint64)

_CANDIDATES_PER_ROW = 2_000
"""Most candidates that are looked at, on average; above it the search starts at a higher similarity."""

_CANDIDATES_AT_ONCE = 1 << 21
CHECKED_AT_ONCE = 1 << 17
"""Candidate pairs whose similarity is computed in one piece: some megabytes."""

_STEPS = 8


def jaccard_pairs(sets: Shingles, *, min_similarity: float, measure: str) -> PairList:
    """Every pair of sets whose Jaccard similarity reaches the floor of the pool.

    The floor is the smallest similarity, from `min_similarity` upwards and at most 0.9, that keeps at most
    64 pairs a row. Every stored similarity is exact.

    Args:
        sets: One set a row; an empty set resembles nothing.
        min_similarity: Pairs below are not looked for.
        measure: What to call the similarity.
    """
    members, frequency = _numbered(sets)
    start, prefix = _affordable_prefix(sets, members, frequency, min_similarity)
    low, high = _candidates(prefix, sets.sizes, start)
    similarity = _similarities(sets, members, frequency, low, high)
    floor = stored_floor(similarity[similarity >= np.float32(start)], len(sets.sizes), start)
    kept = similarity >= np.float32(floor)
    return PairList.of(low[kept], high[kept], similarity[kept], floor=floor, measure=measure)


def _numbered(sets: Shingles) -> tuple[Integers, Integers]:
    """Members as numbers from 0, and the number of sets that hold each of them."""
    _, members, frequency = np.unique(sets.hashes, return_inverse=True, return_counts=True)
    return members, frequency


def _affordable_prefix(
    sets: Shingles, members: Integers, frequency: Integers, min_similarity: float
) -> tuple[float, "_Prefix"]:
    """The lowest starting similarity whose candidates can be looked at, with the prefixes for it."""
    owners = np.repeat(np.arange(len(sets.sizes)), sets.sizes)
    rarest_first = np.lexsort((members, frequency[members], owners))
    for start in np.linspace(min_similarity, max(min_similarity, MAX_FLOOR), _STEPS):
        prefix = _Prefix(sets, members, rarest_first, owners, float(start))
        if prefix.candidates <= _CANDIDATES_PER_ROW * len(sets.sizes):
            break
    return float(start), prefix


class _Prefix:
    """The rarest members of each set, grouped by member.

    Attributes:
        owner: The set of each entry; entries with one member are adjacent, sets ascending.
        later: How many entries of the same member follow each entry.
        candidates: How many pairs of entries have one member; a pair of sets may come up several times.
    """

    def __init__(
        self, sets: Shingles, members: Integers, rarest_first: Integers, owners: Integers, start: float
    ) -> None:
        rank = np.arange(len(members)) - sets.starts[owners]
        # The subtraction keeps ceil() exact where start * size is a whole number.
        length = sets.sizes - np.ceil(start * sets.sizes - 1e-9).astype(np.int64) + 1
        chosen = rarest_first[rank < length[owners]]
        order = np.lexsort((owners[chosen], members[chosen]))
        member = members[chosen][order]
        self.owner = owners[chosen][order]
        ends = np.flatnonzero(np.append(member[1:] != member[:-1], values=True)) + 1
        sizes = np.diff(ends, prepend=0)
        self.later = np.repeat(ends, sizes) - np.arange(len(member)) - 1
        self.candidates = int(self.later.sum())

    def blocks(self) -> Iterator[tuple[Integers, Integers]]:
        """Pairs of sets that share a member, about two million at a time."""
        before = np.cumsum(self.later)
        cuts = np.searchsorted(before, np.arange(0, self.candidates, _CANDIDATES_AT_ONCE), side="right")
        for start, stop in pairwise([*cuts, len(before)]):
            entries = np.arange(start, stop)
            count = self.later[start:stop]
            first = np.repeat(entries, count)
            step = np.arange(len(first)) - np.repeat(np.cumsum(count) - count, count) + 1
            yield self.owner[first], self.owner[first + step]


def _candidates(prefix: _Prefix, sizes: Integers, start: float) -> tuple[Integers, Integers]:
    """Pairs that may reach a similarity, each once; the lower row first."""
    found = [np.zeros(0, np.int64)]
    for low, high in prefix.blocks():
        smaller, larger = np.minimum(sizes[low], sizes[high]), np.maximum(sizes[low], sizes[high])
        possible = smaller >= start * larger - 1e-9
        found.append(distinct(low[possible] * len(sizes) + high[possible]))
    pairs = distinct(np.concatenate(found))
    return pairs // len(sizes), pairs % len(sizes)


def distinct(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The numbers, ascending and each once; np.unique looks each up in a table, which takes longer."""
    ascending = np.sort(numbers)
    fresh = np.ones(len(ascending), np.bool_)
    fresh[1:] = ascending[1:] != ascending[:-1]
    return ascending[fresh]


def _similarities(
    sets: Shingles, members: Integers, frequency: Integers, low: Integers, high: Integers
) -> npt.NDArray[np.float32]:
    """|x & y| / |x | y| of each pair. Shape (pairs,)."""
    incidence = _shared_members(sets, members, frequency)
    overlap = np.zeros(len(low), np.int64)
    for start in range(0, len(low), CHECKED_AT_ONCE):
        part = slice(start, start + CHECKED_AT_ONCE)
        overlap[part] = incidence[low[part]].multiply(incidence[high[part]]).sum(axis=1).A1
    similarity = overlap / (sets.sizes[low] + sets.sizes[high] - overlap)
    return similarity.astype(np.float32)


def _shared_members(sets: Shingles, members: Integers, frequency: Integers) -> sp.csr_matrix:
    """Incidence matrix of sets and members, without members of one set only."""
    shared = frequency[members] > 1
    before = np.concatenate([[0], np.cumsum(shared)])
    entries = np.ones(int(before[-1]), np.int32)
    shape = (len(sets.sizes), len(frequency))
    matrix = sp.csr_matrix((entries, members[shared].astype(np.int32), before[sets.starts]), shape=shape)
    matrix.sort_indices()
    return matrix
