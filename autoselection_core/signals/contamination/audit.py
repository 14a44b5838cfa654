"""What stands in a file of samples, told in a minute without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Scope
from autoselection_core.signals.contamination.contamination import DEFAULT_LIMIT, items_found, match_codes
from autoselection_core.signals.contamination.matches import MATCHES, Match
from autoselection_core.signals.contamination.overlap import Overlap, overlap
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.similar_pairs import PairList

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
NEAR_DUPLICATE = 0.8
"""Jaccard similarity of word 5-grams from which on two samples say the same."""


@dataclass(frozen=True)
class Contaminated:
    """What of a benchmark stands in a pool.

    Attributes:
        rows: Samples that hold an item.
        items: Ids of the items that are held.
        matches: Samples that hold an item, by how it stands there at best.
        overlap: What stands twice in the benchmark itself.
    """

    rows: tuple[int, ...]
    items: tuple[str, ...]
    matches: Mapping[Match, int]
    overlap: Overlap


@dataclass(frozen=True)
class Audit:
    """Findings about a pool.

    Attributes:
        samples: How many samples there are.
        sources: Samples of each source.
        instruction_words: Quantiles (`QUANTILES`) of the words that are asked.
        response_words: Quantiles of the words that are answered.
        exact_duplicates: Samples equal to an earlier one but for case and white space.
        near_duplicates: Samples that nearly say what an earlier one says.
        contamination: What stands in the pool, by benchmark.
    """

    samples: int
    sources: Mapping[str, int]
    instruction_words: tuple[int, ...]
    response_words: tuple[int, ...]
    exact_duplicates: int
    near_duplicates: int
    contamination: Mapping[str, Contaminated]

    @property
    def has_findings(self) -> bool:
        """Whether there is something to look at: duplicates or benchmark items."""
        held = any(each.rows for each in self.contamination.values())
        return held or self.exact_duplicates > 0 or self.near_duplicates > 0


def audit(pool: Pool, benchmarks: Sequence[Benchmark] = (), limit: float = DEFAULT_LIMIT) -> Audit:
    """Count duplicates, lengths and benchmark items of a pool.

    Args:
        pool: At least one sample.
        benchmarks: Whose items are looked for.
        limit: Share of an item from which on a sample counts as holding it.
    """
    groups = np.asarray(ExactGroups().compute(pool, {})["exact"])
    pairs = JaccardPairs(min_similarity=NEAR_DUPLICATE).compute(pool, {})["near_duplicates"]
    assert isinstance(pairs, PairList), "pairs are pairs"
    counts = np.bincount(pool.source_codes, minlength=len(pool.source_names))
    return Audit(
        samples=len(pool),
        sources=dict(zip(pool.source_names, counts.tolist(), strict=True)),
        instruction_words=_word_quantiles(pool, Scope.INSTRUCTION),
        response_words=_word_quantiles(pool, Scope.RESPONSE),
        exact_duplicates=len(pool) - len(np.unique(groups)),
        near_duplicates=len(np.unique(pairs.high)),
        contamination={benchmark.name: _contaminated(pool, benchmark, limit) for benchmark in benchmarks},
    )


def _word_quantiles(pool: Pool, scope: Scope) -> tuple[int, ...]:
    words = [len(text.split()) for text in pool.texts(scope)]
    return tuple(int(value) for value in np.quantile(words, QUANTILES, method="nearest"))


def _contaminated(pool: Pool, benchmark: Benchmark, limit: float) -> Contaminated:
    found = items_found(pool, benchmark.items)
    held = found.share >= limit
    items = sorted({benchmark.items[number].id for number in found.phrase[held]})
    codes = match_codes(pool, benchmark.items, found)[held]
    rows, place = np.unique(found.text[held], return_inverse=True)
    best = np.full(len(rows), len(MATCHES), np.int8)
    np.minimum.at(best, place, codes)
    counts = {each: int((best == number).sum()) for number, each in enumerate(MATCHES, start=1)}
    return Contaminated(tuple(rows.tolist()), tuple(items), counts, overlap(benchmark))
