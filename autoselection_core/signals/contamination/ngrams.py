"""Occurrences of known runs of units in texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Integers
from autoselection_core.signals.joins.shingles import Hashes, batches_of, extend_runs, word_hashes
from autoselection_core.words import all_search_units, search_units

RUN_UNITS = 13
"""Units of a run that two texts share only when one was copied (Brown et al. 2020, GPT-3, appendix C)."""

_FILTER_BITS = 22

_BATCH = 65_536
"""Texts that are looked through at a time."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of units that phrases consist of; a unit is a word, or a character in scripts without spaces.

    A phrase of more than 13 units consists of all its runs of 13; a shorter one is one run of its own length.

    Attributes:
        phrase: The phrase of each run. Shape (runs,).
        length: Units of each run. Shape (runs,).
        hashes: Hash of each run; ascending, and distinct within a phrase. Shape (runs,).
        sizes: Distinct runs of each phrase. Shape (phrases,).
        length_of: Units of a run of each phrase; 0 without units. Shape (phrases,).
    """

    phrase: Integers
    length: Integers
    hashes: Hashes
    sizes: Integers
    length_of: Integers


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Shares of phrases that are found in texts; a row for each pair that shares a run.

    Attributes:
        text: The text. Shape (found,).
        phrase: The phrase. Shape (found,).
        share: Share of the phrase's distinct runs that are in the text. Shape (found,), in (0, 1].
    """

    text: Integers
    phrase: Integers
    share: npt.NDArray[np.float64]


def runs_of(phrases: Sequence[str]) -> Runs:
    """Runs of phrases; a phrase without units has none."""
    hashed, counts = word_hashes(phrases, search_units)
    length_of = np.minimum(counts, RUN_UNITS)
    cuts = zip(np.cumsum(counts) - counts, np.cumsum(counts), length_of, strict=True)
    runs = [_distinct_runs(hashed[start:stop], int(length)) for start, stop, length in cuts]
    sizes = np.array([len(each) for each in runs], np.int64)
    flat = np.concatenate([*runs, np.zeros(0, np.uint64)])
    order = np.argsort(flat, kind="stable")
    phrase = np.repeat(np.arange(len(phrases)), sizes)[order]
    return Runs(phrase, length_of[phrase], flat[order], sizes, length_of)


def occurrences(texts: Iterable[str], known: Runs) -> Occurrences:
    """Occurrences of all phrases in all texts, looked for at once in each batch of texts."""
    found, first = [_occurrences([], known)], 0
    for batch in batches_of(texts, _BATCH):
        here = _occurrences(batch, known)
        found.append(Occurrences(here.text + first, here.phrase, here.share))
        first += len(batch)
    return Occurrences(
        np.concatenate([each.text for each in found]),
        np.concatenate([each.phrase for each in found]),
        np.concatenate([each.share for each in found]),
    )


def _occurrences(texts: Sequence[str], known: Runs) -> Occurrences:
    hashed, counts = word_hashes(texts, all_search_units)
    owners = np.repeat(np.arange(len(counts)), counts)
    left = np.repeat(np.cumsum(counts), counts) - np.arange(len(hashed))
    run, pairs = np.zeros(len(hashed), np.uint64), [np.zeros((2, 0), np.int64)]
    for offset in range(int(known.length.max(initial=0))):
        run = extend_runs(run, hashed, offset)
        chosen = np.flatnonzero(known.length == offset + 1)
        places, entries = _joined(run, known.hashes[chosen])
        whole = left[places] > offset  # a run does not reach into the next text
        pairs.append(np.stack([owners[places[whole]], chosen[entries[whole]]]))
    text, entry = np.unique(np.concatenate(pairs, axis=1), axis=1)
    number = text * len(known.sizes) + known.phrase[entry]
    number, hits = np.unique(number, return_counts=True)
    phrase = number % max(1, len(known.sizes))
    return Occurrences(number // max(1, len(known.sizes)), phrase, hits / known.sizes[phrase])


def _distinct_runs(hashed: Hashes, length: int) -> Hashes:
    run = np.zeros(len(hashed), np.uint64)
    for offset in range(length):
        run = extend_runs(run, hashed, offset)
    return np.unique(run[: len(hashed) - length + 1] if length else run)


def _joined(run: Hashes, known: Hashes) -> tuple[Integers, Integers]:
    """Pairs of places and entries with one hash; a bit table rules out nearly all places."""
    if len(known) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    shift = np.uint64(64 - _FILTER_BITS)
    table = np.zeros(1 << _FILTER_BITS, np.bool_)
    table[known >> shift] = True
    likely = np.flatnonzero(table[run >> shift])
    first = np.searchsorted(known, run[likely], side="left")
    count = np.searchsorted(known, run[likely], side="right") - first
    step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(likely, count), np.repeat(first, count) + step
