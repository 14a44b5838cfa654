"""The sets of word runs that Jaccard similarity compares, as numbers."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

_WORD = re.compile(r"\w+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]
"""64-bit hashes, the same in every process. Shape (k,)."""


@dataclass(frozen=True, eq=False)
class Shingles:
    """One set of hashed word runs for each text.

    Attributes:
        hashes: The sets, one after the other; ascending and unique within a set. Shape (entries,).
        starts: Where each set starts. Shape (texts + 1,), int64.
    """

    hashes: Hashes
    starts: npt.NDArray[np.int64]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Members of each set. Shape (texts,)."""
        return np.diff(self.starts)


def shingles(texts: Iterable[str], words: int) -> Shingles:
    """The runs of some words of each text, lower-cased, punctuation ignored.

    A text with fewer words has one run, all of it; a text without words has an empty set.

    Args:
        texts: The texts.
        words: Length of a run.
    """
    hashed, counts = word_hashes(texts)
    owners = np.repeat(np.arange(len(counts)), counts)
    run, complete = _run_hashes(hashed, counts, owners, words)
    return _as_sets(run[complete], owners[complete], len(counts))


def mix(values: Hashes) -> Hashes:
    """Spread the bits of 64-bit numbers (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class _WordHashes(dict[str, int]):
    """The hash of every distinct word, computed once."""

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return self.setdefault(word, int.from_bytes(digest, "little"))


def word_hashes(texts: Iterable[str]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The hash of every lower-cased word, one text after the other, and how many words each text has."""
    known = _WordHashes()
    found = [_WORD.findall(text.lower()) for text in texts]
    counts = np.array([len(words) for words in found], np.int64)
    flat = map(known.__getitem__, chain.from_iterable(found))
    return np.fromiter(flat, np.uint64, int(counts.sum())), counts


def _run_hashes(
    hashed: Hashes, counts: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], words: int
) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """The hash of the run that starts at each word, and whether it is a complete run of its text."""
    place = np.arange(len(hashed)) - (np.cumsum(counts) - counts)[owners]
    left = counts[owners] - place
    run = np.zeros(len(hashed), np.uint64)
    for offset in range(words):
        run = np.where(left > offset, extend_runs(run, hashed, offset), run)
    return run, (left >= words) | ((place == 0) & (counts[owners] < words))


def extend_runs(run: Hashes, hashed: Hashes, offset: int) -> Hashes:
    """The hashes of runs with the word that stands `offset` places after their first one. Shape (words,)."""
    following = np.zeros_like(run)
    following[: max(0, len(run) - offset)] = hashed[offset:]
    return mix(run * _MULTIPLIER + following)


def _as_sets(run: Hashes, owners: npt.NDArray[np.int64], texts: int) -> Shingles:
    order = np.lexsort((run, owners))
    run, owners = run[order], owners[order]
    fresh = np.ones(len(run), np.bool_)
    fresh[1:] = (run[1:] != run[:-1]) | (owners[1:] != owners[:-1])
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners[fresh], minlength=texts))])
    return Shingles(run[fresh], starts.astype(np.int64))
