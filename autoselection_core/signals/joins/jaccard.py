"""All pairs of sets above a Jaccard similarity, exactly, with memory that does not grow with the sets.

A pair with Jaccard similarity t shares one of the rarest |x| - ceil(t |x|) + 1 members of each of its sets
(prefix filtering; Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", WWW 2007). In text the
rarest runs of words are rare indeed, so candidates are few, templates cost nothing, and no pair is missed.

Members, prefixes and candidates are each kept as sorted runs and read range by range. With a scratch folder
they are files, and the join holds its pairs and one range at a time. Blocks of sets and ranges are shards,
which other processes may work on. The pairs are the same either way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from autoselection_core.arrays import Integers, Mask, Rows
from autoselection_core.progress import Progress
from autoselection_core.signals.joins.shingles import Hashes, Shingles
from autoselection_core.signals.shards import (
    IN_MEMORY,
    Array,
    Columns,
    Piece,
    Scratch,
    Shard,
    SortedRuns,
    blocks,
    in_order,
    joined,
    merged,
    sharded,
    size_of,
)
from autoselection_core.signals.similar_pairs import MAX_FLOOR, PairList, PairsAboveFloor

Number = TypeVar("Number", np.int64, np.uint64)

_CANDIDATES_PER_ROW = 2_000
"""Most candidates that are looked at, on average; above it the search starts at a higher similarity."""

_CANDIDATES_AT_ONCE = 1 << 21
CHECKED_AT_ONCE = 1 << 17
"""Candidate pairs whose similarity is computed in one piece: some megabytes."""

_AT_ONCE, _AT_ONCE_SHARED = 1 << 23, 1 << 21
"""Members or candidates that are sorted in one piece, some 70 MB a column; fewer where several share them."""

_STEPS = 8


def jaccard_pairs(
    sets: Shingles,
    *,
    min_similarity: float,
    measure: str,
    scratch: Scratch = IN_MEMORY,
    progress: Progress | None = None,
    at_once: int | None = None,
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
    if at_once is None:
        at_once = _AT_ONCE_SHARED if scratch.is_lasting else _AT_ONCE
    starts = np.linspace(min_similarity, max(min_similarity, MAX_FLOOR), _STEPS)
    shared = _SharedMembers.of(sets, scratch, at_once)
    prefixes, incidence = _prefixes(sets, shared, starts, scratch, at_once)
    step = _affordable_step(prefixes, _CANDIDATES_PER_ROW * len(sets.sizes), at_once)
    start = float(starts[step])
    candidates = _candidates(prefixes, incidence.sizes, start, step, at_once)
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
        members, runs = scratch.share("sets", sets.hashes), SortedRuns(scratch)
        shards = (Shard((members, *part), part[1] - part[0]) for part in blocks(len(members), at_once))
        for run in scratch.each(sorted_members, shards):
            runs.add(*run)
        found = scratch.each(repeated_members, _shards_of(runs, at_once))
        return cls(*scratch.keep(map(tuple, found), (np.uint64, np.int32), "shared"))

    def places(self, members: Hashes) -> Integers:
        """Place of each member here, -1 where one set alone holds it. Shape (members,)."""
        if not len(self.hashes):
            return np.full(len(members), -1)
        order = np.argsort(members)  # ascending ones are looked up in the order of the table
        ascending, known = members[order], np.asarray(self.hashes)
        found = np.minimum(np.searchsorted(known, ascending), len(known) - 1)
        places = np.empty(len(members), np.int64)
        places[order] = np.where(known[found] == ascending, found, -1)
        return places


def _shards_of(runs: SortedRuns, at_once: int, *given: Any) -> Iterator[Shard]:  # noqa: ANN401 - as works have them
    """A shard for each range of some runs; the work is given its pieces first."""
    return (Shard((pieces, *given), size_of(pieces)) for pieces in runs.ranges(at_once))


@sharded
def sorted_members(members: Hashes, start: int, stop: int) -> Columns:
    """Some members in ascending order."""
    return in_order(np.asarray(members[start:stop]))


@sharded
def repeated_members(pieces: tuple[Piece, ...]) -> Columns:
    """Members of a range that are there more than once, and how often."""
    (ascending,) = merged(pieces)
    ends = _group_ends(ascending)
    counts = np.diff(ends, prepend=0)
    return ascending[ends[counts > 1] - 1], counts[counts > 1].astype(np.int32)


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
    prefixes, counts = SortedRuns(scratch), [np.zeros(0, np.int64)]
    members, floors = scratch.share("sets", sets.hashes), tuple(starts.tolist())
    lengths, known = scratch.share("sizes", sets.sizes), (shared.hashes, shared.frequency)

    def shards() -> Iterator[Shard]:
        for first, last in _blocks_of_sets(sets, at_once):
            start, stop = sets.starts[[first, last]].tolist()
            yield Shard((members, lengths, (start, stop, first, last), known, floors), stop - start)

    def entries() -> Iterator[Columns]:
        for places, held, *prefix in scratch.each(prefixes_of_sets, shards()):
            counts.append(held)
            yield (places,)
            prefixes.add(*prefix)

    (places,) = scratch.keep(entries(), (_place_type(len(shared.hashes)),), "places")
    ends = scratch.share("ends", np.cumsum(np.concatenate(counts)))
    return prefixes, _Incidence(places, ends, lengths, len(shared.hashes))


def _place_type(members: int) -> type[np.signedinteger[Any]]:
    return np.int64 if members >> 31 else np.int32


@sharded
def prefixes_of_sets(
    members: Hashes,
    lengths: Integers,
    part: tuple[int, int, int, int],
    known: tuple[Hashes, npt.NDArray[np.int32]],
    floors: tuple[float, ...],
) -> Columns:
    """Places of the shared members of some sets, their number in each set, and the rarest of them.

    Of the rarest the place, the set and the depth, in the order of the place.

    Args:
        members: Those of all sets, one set after the other.
        lengths: Members of each set.
        part: First and last + 1 of the members, and of the sets.
        known: The shared members, and the number of sets that hold each of them.
        floors: Starting similarities.
    """
    start, stop, first, last = part
    (shared, frequency), sizes = known, np.asarray(lengths[first:last])
    found = _SharedMembers(shared, frequency).places(np.asarray(members[start:stop]))
    owners = np.repeat(np.arange(len(sizes)), sizes)
    places, owners = found[found >= 0], owners[found >= 0]
    counts = np.bincount(owners, minlength=len(sizes))
    depth = _depth(sizes, np.asarray(frequency)[places], owners, counts, floors)
    chosen = depth > 0
    prefix = in_order(places[chosen], (owners[chosen] + first).astype(np.int32), depth[chosen])
    return places.astype(_place_type(len(shared))), counts, *prefix


def _blocks_of_sets(sets: Shingles, at_once: int) -> Iterator[tuple[int, int]]:
    """First and last + 1 of some sets after the other that have about so many members together."""
    cuts = np.searchsorted(sets.starts, np.arange(0, len(sets.hashes), at_once), side="left")
    return pairwise(np.unique([0, *cuts, len(sets.sizes)]).tolist())


def _depth(
    sizes: Integers,
    frequency: npt.NDArray[np.int32],
    owners: Integers,
    counts: Integers,
    starts: Iterable[float],
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
        found = prefixes.scratch.each(number_of_candidates, _shards_of(prefixes, at_once, step))
        if sum(int(count[0]) for (count,) in found) <= max_candidates:
            return step
    return _STEPS - 1


@sharded
def number_of_candidates(pieces: tuple[Piece, ...], step: int) -> Columns:
    """Number of pairs that share a member of a range at a step of the starting similarities."""
    member, _, depth = merged(pieces)
    return (np.array([_later(member[depth > step]).sum()], np.int64),)


def _later(ascending: npt.NDArray[Any]) -> Integers:
    """Number of equal ones that follow each number."""
    ends = _group_ends(ascending)
    return np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(len(ascending)) - 1


def _candidates(prefixes: SortedRuns, sizes: Array, start: float, step: int, at_once: int) -> SortedRuns:
    """Pairs that may reach a similarity, as `low row * rows + high row`; one may be there several times."""
    found = SortedRuns(prefixes.scratch)
    shards = _shards_of(prefixes, at_once, sizes, start, step, at_once)
    for runs in prefixes.scratch.each(candidates_of_members, shards):
        for run in runs:
            found.add(run)
    return found


@sharded
def candidates_of_members(
    pieces: tuple[Piece, ...], sizes: Array, start: float, step: int, at_once: int
) -> Iterator[Array]:
    """Runs of the pairs that share a member of a range."""
    waiting, held = [np.zeros(0, np.int64)], 0
    member, owner, depth = merged(pieces)
    for keys in _sharing(member[depth > step], owner[depth > step], np.asarray(sizes), start):
        waiting.append(keys)
        held += len(keys)
        if held >= at_once:
            yield distinct(np.concatenate(waiting))
            waiting, held = [np.zeros(0, np.int64)], 0
    yield distinct(np.concatenate(waiting))


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
    parts = (incidence.places, incidence.ends, incidence.sizes, incidence.members)
    shards = list(_shards_of(candidates, at_once, parts, start))
    for shard, pairs in zip(shards, candidates.scratch.each(similar_candidates, shards), strict=True):
        found.add(*pairs)
        looked_at += shard.size
        if progress is not None:
            progress("comparing samples", looked_at, len(candidates))
    low, high, similarity = found.take()
    return PairList(low, high, similarity, found.floor, measure)


@sharded
def similar_candidates(
    pieces: tuple[Piece, ...], parts: tuple[Array, Array, Array, int], start: float
) -> Columns:
    """Lower and higher row and similarity of the candidates of a range that reach a similarity.

    Args:
        pieces: The candidates.
        parts: Those of an `_Incidence`.
        start: The similarity.
    """
    places, ends, sizes, members = parts
    incidence = _Incidence(np.asarray(places), np.asarray(ends), np.asarray(sizes), members)
    rows = len(sizes)
    (keys,) = merged(pieces)
    pairs, found = distinct(keys), []
    for place in range(0, len(pairs), CHECKED_AT_ONCE):
        low, high = np.divmod(pairs[place : place + CHECKED_AT_ONCE], rows)
        similarity = incidence.similarities(low, high)
        alike = similarity >= np.float32(start)
        found.append((low[alike], high[alike], similarity[alike]))
    return joined(found, (np.int32, np.int32, np.float32))


def distinct(numbers: npt.NDArray[Number]) -> npt.NDArray[Number]:
    """The numbers, ascending and each once; np.unique looks each up in a table, which takes longer."""
    ascending = np.sort(numbers)
    fresh = np.ones(len(ascending), np.bool_)
    fresh[1:] = ascending[1:] != ascending[:-1]
    return ascending[fresh]
