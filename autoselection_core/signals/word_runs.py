"""Which of some known runs of words stand in which texts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.signals.shingles import Hashes, lengthened, word_hashes

LONGEST_RUN = 13
"""Words that two texts share by chance only when one was copied (Brown et al. 2020, GPT-3, appendix C)."""

_FILTER_BITS = np.uint64(22)

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of words that make up some phrases.

    A phrase of more than 13 words is made of all its runs of 13; a shorter one is one run of its own length.

    Attributes:
        hashes: Hashes of the runs, by their length in words; ascending and unique.
        phrase_runs: For each phrase its length of run, and the hashes of its distinct runs.
    """

    hashes: Mapping[int, Hashes]
    phrase_runs: tuple[tuple[int, Hashes], ...]


def runs_of(phrases: Sequence[str]) -> Runs:
    """Cut phrases into runs; a phrase without words has none."""
    hashed, counts = word_hashes(phrases)
    ends = np.cumsum(counts)
    each = tuple(
        (min(int(count), LONGEST_RUN), _phrase_runs(hashed[end - count : end], min(int(count), LONGEST_RUN)))
        for count, end in zip(counts, ends, strict=True)
    )
    lengths = {length for length, _ in each if length}
    return Runs(
        {length: np.unique(np.concatenate([r for size, r in each if size == length])) for length in lengths},
        each,
    )


def occurrences(texts: Sequence[str], known: Mapping[int, Hashes]) -> Iterator[tuple[int, int, np.uint64]]:
    """Every text, length and hash of a known run that stands in the text, each once."""
    hashed, counts = word_hashes(texts)
    owners = np.repeat(np.arange(len(counts)), counts)
    left = np.repeat(np.cumsum(counts), counts) - np.arange(len(hashed))
    run = np.zeros(len(hashed), np.uint64)
    for offset in range(max(known, default=0)):
        run = lengthened(run, hashed, offset)
        if offset + 1 in known:
            places = _places_of(run, known[offset + 1])
            places = places[left[places] > offset]  # a run does not reach into the next text
            found = {(int(owners[place]), run[place]) for place in places}
            yield from ((owner, offset + 1, value) for owner, value in sorted(found))


def _phrase_runs(hashed: Hashes, length: int) -> Hashes:
    run = np.zeros(len(hashed), np.uint64)
    for offset in range(length):
        run = lengthened(run, hashed, offset)
    return np.unique(run[: len(hashed) - length + 1] if length else run)


def _places_of(run: Hashes, known: Hashes) -> Integers:
    """Where known hashes stand. A bit table answers for nearly all places; the rest are looked up."""
    table = np.zeros(1 << int(_FILTER_BITS), np.bool_)
    table[known >> (np.uint64(64) - _FILTER_BITS)] = True
    likely = np.flatnonzero(table[run >> (np.uint64(64) - _FILTER_BITS)])
    nearest = np.minimum(np.searchsorted(known, run[likely]), len(known) - 1)
    return likely[known[nearest] == run[likely]]
