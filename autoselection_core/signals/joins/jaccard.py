"""All pairs of sets above a Jaccard similarity, exactly, with memory that does not grow with the sets.

A pair with Jaccard similarity t shares one of the rarest |x| - ceil(t |x|) + 1 members of each of its sets
(prefix filtering; Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007). In text the
rarest runs of words are rare indeed, so candidates are few, templates cost nothing, and no pair is missed.

Members, prefixes and candidates are each kept as sorted runs and read range by range. With a scratch folder
they are files, and the join holds its pairs and one range at a time. The pairs are the same either way.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from autoselection_core.arrays import Integers, Mask, Rows
from autoselection_core.progress import Progress
from autoselection_core.signals.joins.shingles import Hashes, Shingles
from autoselection_core.signals.joins.sorted_runs import IN_MEMORY, Columns, Scratch, SortedRuns
from autoselection_core.signals.similar_pairs import MAX_FLOOR, PairList, PairsAboveFloor

Number = TypeVar("Number", np.int64, np.uint64)

_CANDIDATES_PER_ROW = 2_000
"""Most candidates that are looked at, on average; above it the search starts at a higher similarity."""

_CANDIDATES_AT_ONCE = 1 << 21
CHECKED_AT_ONCE = 1 << 17
"""Candidate pairs whose similarity is computed in one piece: some megabytes."""

_AT_ONCE = 1 << 23
"""Members or candidates that are sorted in one piece: some 70 MB a column."""

_STEPS = 8


def jaccard_pairs(
    sets: Shingles,
    *,
    min_similarity: float,
    measure: str,
    scratch: Scratch = IN_MEMORY,
    progress: Progress | None = None,
    at_once: int = _AT_ONCE,
) -> PairList:
    """Every pair of sets whose Jaccard similarity reaches the floor of the pool.

    The floor is the smallest similarity, from `min_similarity` upwards and at most 0.9, that keeps at most
    64 pairs a row. Every stored similarity is exact.

    Args:
        sets: One set a row; an empty set resembles nothing.
        min_similarity: Pairs below are not looked for.
        measure: What to call the similarity.
        scratch: Where what does not fit into memory is kept.
        progress: Told how many candidates are compared.
        at_once: Members or candidates that are sorted in one piece; it changes no pair.
    """
    starts = np.linspace(min_similarity, max(min_similarity, MAX_FLOOR), _STEPS)
    shared = _SharedMembers.of(sets, scratch, at_once)
    prefixes, incidence = _prefixes(sets, shared, starts, scratch, at_once)
    step = _affordable_step(prefixes, _CANDIDATES_PER_ROW * len(sets.sizes), at_once)
    candidates = _candidates(prefixes, sets.sizes, float(starts[step]), step, at_once)
    start = float(starts[step])
    return _verified(candidates, incidence, start, measure=measure, progress=progress, at_once=at_once)


@dataclass(frozen=True, eq=False)
class _SharedMembers:
    """Members of more than one set, and the number of sets that hold each of them.

    Attributes:
        hashes: The members, ascending. Shape (members,).
        frequency: Shape (members,).
    """

    hashes: Hashes
    frequency: npt.NDArray[np.int32]

    @classmethod
    def of(cls, sets: Shingles, scratch: Scratch, at_once: int) -> "_SharedMembers":
        members, runs = np.asarray(sets.hashes), SortedRuns(scratch)
        for start in range(0, len(members), at_once):
            runs.add(members[start : start + at_once])
        kept = scratch.keep((_repeated(part) for (part,) in runs.ranges(at_once)), (np.uint64, np.int32))
        return cls(*map(np.asarray, kept))

    def places(self, members: Hashes) -> Integers:
        """Place of each member here, -1 where one set alone holds it. Shape (members,)."""
        if not len(self.hashes):
            return np.full(len(members), -1)
        order = np.argsort(members)  # ascending ones are looked up in the order of the table
        ascending = members[order]
        found = np.minimum(np.searchsorted(self.hashes, ascending), len(self.hashes) - 1)
        places = np.empty(len(members), np.int64)
        places[order] = np.where(self.hashes[found] == ascending, found, -1)
        return places


def _repeated(ascending: Hashes) -> Columns:
    """Numbers that are there more than once, and how often."""
    ends = _group_ends(ascending)
    counts = np.diff(ends, prepend=0)
    return ascending[ends[counts > 1] - 1], counts[counts > 1]


def _group_ends(ascending: npt.NDArray[Any]) -> Integers:
    """Places behind the last one of each run of equal numbers."""
    if not len(ascending):
        return np.zeros(0, np.int64)
    return np.append(np.flatnonzero(ascending[1:] != ascending[:-1]) + 1, len(ascending))


@dataclass(frozen=True, eq=False)
class _Incidence:
    """The shared members of each set, by their places among all of them.

    Attributes:
        places: Of one set after the other, ascending within a set. Shape (entries,).
        ends: Where each set ends. Shape (sets,).
        sizes: Members of each set, those of one set only included. Shape (sets,).
        members: Number of shared members.
    """

    places: npt.NDArray[Any]
    ends: Integers
    sizes: Integers
    members: int

    def similarities(self, low: Integers, high: Integers) -> npt.NDArray[np.float32]:
        """|x & y| / |x | y| of each pair. Shape (pairs,)."""
        overlap = self._rows(low).multiply(self._rows(high)).sum(axis=1).A1
        similarity: npt.NDArray[np.float64] = overlap / (self.sizes[low] + self.sizes[high] - overlap)
        return similarity.astype(np.float32)

    def _rows(self, rows: Integers) -> sp.csr_matrix:
        stops = self.ends[rows]
        counts = stops - np.where(rows > 0, self.ends[rows - 1], 0)
        ends = np.cumsum(counts)
        held = self.places[np.repeat(stops - ends, counts) + np.arange(int(counts.sum()))]
        entries = np.ones(len(held), np.int32), held, np.concatenate([[0], ends])
        return sp.csr_matrix(entries, shape=(len(rows), self.members))


def _prefixes(
    sets: Shingles,
    shared: _SharedMembers,
    starts: npt.NDArray[np.float64],
    scratch: Scratch,
    at_once: int,
) -> tuple[SortedRuns, _Incidence]:
    """The rarest shared members of each set, with set and depth, and all shared members of each set.

    The depth is the number of starting similarities at which a member is among the rarest of its set.
    """
    prefixes, counts = SortedRuns(scratch), np.zeros(len(sets.sizes), np.int64)

    def entries() -> Iterator[Columns]:
        for first, last in _blocks_of_sets(sets, at_once):
            places, owners = _shared_entries(sets, shared, first, last)
            counts[first:last] = np.bincount(owners - first, minlength=last - first)
            yield (places,)
            depth = _depth(sets.sizes, shared.frequency[places], owners, counts, starts)
            chosen = depth > 0
            prefixes.add(places[chosen], owners[chosen].astype(np.int32), depth[chosen])

    (places,) = scratch.keep(entries(), (np.int64 if len(shared.hashes) >> 31 else np.int32,))
    return prefixes, _Incidence(np.asarray(places), np.cumsum(counts), sets.sizes, len(shared.hashes))


def _blocks_of_sets(sets: Shingles, at_once: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of some sets after the other that have about so many members together."""
    cuts = np.searchsorted(sets.starts, np.arange(0, len(sets.hashes), at_once), side="left")
    return pairwise(np.unique([0, *cuts, len(sets.sizes)]).tolist())


def _shared_entries(
    sets: Shingles, shared: _SharedMembers, first: int, last: int
) -> tuple[Integers, Integers]:
    """Shared members of some sets, by place, and the set of each."""
    members = np.asarray(sets.hashes[sets.starts[first] : sets.starts[last]])
    places, owners = shared.places(members), np.repeat(np.arange(first, last), sets.sizes[first:last])
    return places[places >= 0], owners[places >= 0]


def _depth(
    sizes: Integers,
    frequency: npt.NDArray[np.int32],
    owners: Integers,
    counts: Integers,
    starts: npt.NDArray[np.float64],
) -> npt.NDArray[np.uint8]:
    """Number of starting similarities at which each entry is among the rarest of its set.

    Members of one set only are rarer than all others; of equally frequent ones the lower hash is rarer.
    """
    rarest_first = np.lexsort((frequency, owners))
    owner = owners[rarest_first]
    fresh = np.flatnonzero(np.diff(owner, prepend=-1))
    place = np.arange(len(owner)) - np.repeat(fresh, np.diff(fresh, append=len(owner)))
    rank, size = place + sizes[owner] - counts[owner], sizes[owner]
    depth = np.zeros(len(owner), np.uint8)
    for start in starts:
        depth[rarest_first] += rank < prefix_length(size, start)
    return depth


def prefix_length(sizes: Integers, similarity: float) -> Integers:
    """Number of the rarest members of a set, one of which every set at least so similar shares.

    s - ceil(t s) + 1 for a set of s members and a Jaccard similarity t.
    """
    # The subtraction keeps ceil() exact where t * s is a whole number.
    length: Integers = sizes - np.ceil(similarity * sizes - 1e-9).astype(np.int64) + 1
    return length


def met_once(new: Rows, other: Rows, is_new: Mask) -> Mask:
    """Mask of pairs of a new row and any row that keeps each pair once, and no row beside itself.

    Two new rows meet twice, and the pair with the lower row first stays.

    Args:
        new: New rows, one a pair.
        other: Rows that they met.
        is_new: Whether each row of the pool is new.
    """
    return np.asarray((new < other) | ~is_new[other])


def _affordable_step(prefixes: SortedRuns, max_candidates: int, at_once: int) -> int:
    """The lowest step of the starting similarities whose candidates can be looked at."""
    for step in range(_STEPS - 1):
        held = (member[depth > step] for member, _, depth in prefixes.ranges(at_once))
        if sum(int(_later(each).sum()) for each in held) <= max_candidates:
            return step
    return _STEPS - 1


def _later(ascending: npt.NDArray[Any]) -> Integers:
    """Number of equal ones that follow each number."""
    ends = _group_ends(ascending)
    return np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(len(ascending)) - 1


def _candidates(prefixes: SortedRuns, sizes: Integers, start: float, step: int, at_once: int) -> SortedRuns:
    """Pairs that may reach a similarity, as `low row * rows + high row`; one may be there several times."""
    found, waiting, held = SortedRuns(prefixes.scratch), [np.zeros(0, np.int64)], 0
    for member, owner, depth in prefixes.ranges(at_once):
        for keys in _sharing(member[depth > step], owner[depth > step], sizes, start):
            waiting.append(keys)
            held += len(keys)
            if held >= at_once:
                found.add(distinct(np.concatenate(waiting)))
                waiting, held = [np.zeros(0, np.int64)], 0
    found.add(distinct(np.concatenate(waiting)))
    return found


def _sharing(
    members: npt.NDArray[Any], owners: npt.NDArray[np.int32], sizes: Integers, start: float
) -> Iterator[Integers]:
    """Pairs of sets that share a member, about two million at a time.

    Two sets of sizes s <= l have a similarity of s / l at most: sets of uneven sizes are no pair.
    """
    later = _later(members)
    before = np.cumsum(later)
    total = int(before[-1]) if len(before) else 0
    cuts = np.searchsorted(before, np.arange(0, total, _CANDIDATES_AT_ONCE), side="right")
    for first, last in pairwise([*cuts, len(before)]):
        count = later[first:last]
        one = np.repeat(np.arange(first, last), count)
        step = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count) + 1
        left, right = owners[one].astype(np.int64), owners[one + step].astype(np.int64)
        smaller, larger = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
        possible: Mask = smaller >= start * larger - 1e-9
        low, high = np.minimum(left, right)[possible], np.maximum(left, right)[possible]
        yield distinct(low * len(sizes) + high)


def _verified(
    candidates: SortedRuns,
    incidence: _Incidence,
    start: float,
    *,
    measure: str,
    progress: Progress | None,
    at_once: int,
) -> PairList:
    """The candidates that reach the floor, with their similarities."""
    rows, looked_at = len(incidence.sizes), 0
    found = PairsAboveFloor(rows, start)
    for (keys,) in candidates.ranges(at_once):
        pairs = distinct(keys)
        for place in range(0, len(pairs), CHECKED_AT_ONCE):
            low, high = np.divmod(pairs[place : place + CHECKED_AT_ONCE], rows)
            found.add(low, high, incidence.similarities(low, high))
        looked_at += len(keys)
        if progress is not None:
            progress("comparing samples", looked_at, len(candidates))
    low, high, similarity = found.take()
    return PairList(low, high, similarity, found.floor, measure)


def distinct(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The numbers, ascending and each once; np.unique looks each up in a table, which takes longer."""
    ascending = np.sort(numbers)
    fresh = np.ones(len(ascending), np.bool_)
    fresh[1:] = ascending[1:] != ascending[:-1]
    return ascending[fresh]
