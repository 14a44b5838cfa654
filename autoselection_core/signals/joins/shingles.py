"""Word n-grams (shingles) of texts as sets of hashes, which Jaccard similarity compares."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.shards import IN_MEMORY, Scratch, Shard, blocks, sharded
from autoselection_core.words import words_and_signs

_BATCH = 8192
"""Texts whose words exist at a time: as lists of words they take twenty times their bytes."""

_SHARD_ROWS = 1 << 14
"""Rows whose texts are read in one shard."""

_MAX_WORDS = 1 << 20
"""Distinct words that are remembered."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)

Hashes = npt.NDArray[np.uint64]
"""64-bit hashes, the same in every process. Shape (k,)."""


@dataclass(frozen=True, eq=False)
class Shingles:
    """Sets of hashed word n-grams, one for each text.

    Attributes:
        hashes: The sets, one after the other; ascending and unique within a set. Shape (entries,).
        starts: Index of the first member of each set. Shape (texts + 1,), int64.
    """

    hashes: Hashes
    starts: npt.NDArray[np.int64]

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Members of each set. Shape (texts,)."""
        return np.diff(self.starts)


def shingles(texts: Iterable[str], words: int) -> Shingles:
    """Runs of consecutive words of each text, operators and brackets included (see `words_and_signs`).

    A text with fewer words has one run, all of it; a text without words has an empty set.

    Args:
        texts: The texts.
        words: Words of a run.
    """
    known, hashes, sizes = _WordHashes(), [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for batch in batches_of(texts):
        part = _shingles(batch, words, known)
        hashes.append(part.hashes)
        sizes.append(part.sizes)
    return Shingles(np.concatenate(hashes), _starts(np.concatenate(sizes)))


def pool_shingles(pool: Pool, scope: Scope, words: int, scratch: Scratch = IN_MEMORY) -> Shingles:
    """Runs of words of each text of a pool, as `shingles` has them.

    Args:
        pool: The samples.
        scope: Messages that are read.
        words: Words of a run.
        scratch: Where the sets are kept.
    """
    sizes = [np.zeros(0, np.int64)]
    shards = (
        Shard((pool, scope, words, *rows), rows[1] - rows[0]) for rows in blocks(len(pool), _SHARD_ROWS)
    )

    def members() -> Iterator[tuple[Hashes]]:
        for hashes, counts in scratch.each(shingles_of_rows, shards):
            sizes.append(counts)
            yield (hashes,)

    (hashes,) = scratch.keep(members(), (np.uint64,), "sets")
    return Shingles(hashes, _starts(np.concatenate(sizes)))


@sharded
def shingles_of_rows(pool: Pool, scope: str, words: int, start: int, stop: int) -> Iterator[npt.NDArray[Any]]:
    """Members of the sets of some rows, one row after the other, and the size of each set."""
    found = shingles(pool.iter_texts(Scope(scope), start, stop), words)
    yield found.hashes
    yield found.sizes


def _starts(sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _shingles(texts: Sequence[str], words: int, known: "_WordHashes") -> Shingles:
    hashed, counts = _hashed(texts, words_and_signs, known)
    owners = np.repeat(np.arange(len(counts)), counts)
    run, complete = _run_hashes(hashed, counts, owners, words)
    return as_sets(run[complete], owners[complete], len(counts))


def batches_of(texts: Iterable[str], size: int = _BATCH) -> Iterator[list[str]]:
    """Texts in batches, so that no step holds the words of all of them."""
    waiting = iter(texts)
    while batch := list(islice(waiting, size)):
        yield batch


def mix(values: Hashes) -> Hashes:
    """Bits of 64-bit numbers, spread by the finaliser of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


class _WordHashes(dict[str, int]):
    """Cache of the hashes of distinct words; it begins anew once it is full."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MAX_WORDS:
            self.clear()
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return self.setdefault(word, int.from_bytes(digest, "little"))


def word_hashes(
    texts: Iterable[str], segment: Callable[[str], list[str]]
) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Hashes of the words of all texts, one text after the other, and the number of words of each text.

    Args:
        texts: The texts.
        segment: Splits a text into words.
    """
    known = _WordHashes()
    parts = [_hashed(batch, segment, known) for batch in batches_of(texts)]
    hashes = np.concatenate([np.zeros(0, np.uint64), *(hashes for hashes, _ in parts)])
    return hashes, np.concatenate([np.zeros(0, np.int64), *(counts for _, counts in parts)])


def _hashed(
    texts: Sequence[str], segment: Callable[[str], list[str]], known: _WordHashes
) -> tuple[Hashes, npt.NDArray[np.int64]]:
    found = [segment(text) for text in texts]
    counts = np.array([len(words) for words in found], np.int64)
    flat = map(known.__getitem__, chain.from_iterable(found))
    return np.fromiter(flat, np.uint64, int(counts.sum())), counts


def _run_hashes(
    hashed: Hashes, counts: npt.NDArray[np.int64], owners: npt.NDArray[np.int64], words: int
) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hash of the run that starts at each word, and whether the run is complete within its text."""
    place = np.arange(len(hashed)) - (np.cumsum(counts) - counts)[owners]
    left = counts[owners] - place
    run = np.zeros(len(hashed), np.uint64)
    for offset in range(words):
        run = np.where(left > offset, extend_runs(run, hashed, offset), run)
    return run, (left >= words) | ((place == 0) & (counts[owners] < words))


def extend_runs(run: Hashes, hashed: Hashes, offset: int) -> Hashes:
    """Hashes of runs extended by the word `offset` places behind their first one. Shape (words,)."""
    following = np.zeros_like(run)
    following[: max(0, len(run) - offset)] = hashed[offset:]
    return mix(run * _MULTIPLIER + following)


def as_sets(run: Hashes, owners: npt.NDArray[np.int64], texts: int) -> Shingles:
    """Sets of some hashes, each once and ascending; owners ascend."""
    order = np.lexsort((run, owners))
    run, owners = run[order], owners[order]
    fresh = np.ones(len(run), np.bool_)
    fresh[1:] = (run[1:] != run[:-1]) | (owners[1:] != owners[:-1])
    starts = np.concatenate([[0], np.cumsum(np.bincount(owners[fresh], minlength=texts))])
    return Shingles(run[fresh], starts.astype(np.int64))
