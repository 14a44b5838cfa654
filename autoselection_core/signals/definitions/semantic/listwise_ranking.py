"""Listwise ranking of many documents with a ranker that sees few at a time.

Shuffled lists and mean positions until the order is stable (after SiftRank, Gross 2025). Differs from it
in that every shuffle is seeded and no document sits a trial out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

_MIN_FOR_AN_ELBOW = 4


class Ranker(Protocol):
    """Orders a few documents by their use for a query: a cross-encoder, a language model."""

    @property
    def fingerprint(self) -> str:
        """Hash of the ranker: equal fingerprints, equal orders."""

    def best_first(self, documents: Sequence[str]) -> Sequence[int]:
        """The places of the documents, the best first."""


@dataclass(frozen=True)
class ListwiseRanking:
    """Settings of listwise ranking: batches, trials and the rule that ends them.

    Attributes:
        batch: Documents that the ranker sees at once.
        max_trials: Shuffles at most.
        min_trials: Shuffles at least.
        stable_trials: Last trials that must agree: in the whole order, or in the place of its elbow.
        tolerance: How far the elbow may move, as a share of the documents; at least one place.
        seed: Seed of the shuffles.
    """

    batch: int = 10
    max_trials: int = 50
    min_trials: int = 5
    stable_trials: int = 5
    tolerance: float = 0.05
    seed: int = 0


def rank_listwise(
    documents: Sequence[str], ranker: Ranker, ranking: ListwiseRanking | None = None
) -> npt.NDArray[np.int64]:
    """All documents, the best first; ties go to the lower place. Shape (n,)."""
    chosen = ranking or ListwiseRanking()
    rng, count = np.random.default_rng(chosen.seed), len(documents)
    total = np.zeros(count)
    orders: list[npt.NDArray[np.int64]] = []
    elbows: list[int] = []
    for trial in range(1, chosen.max_trials + 1):
        for part in np.array_split(rng.permutation(count), max(1, -(-count // chosen.batch))):
            best_first = part[np.asarray(ranker.best_first([documents[place] for place in part]), np.int64)]
            # As a share of the list, because lists differ in length by one.
            total[best_first] += np.arange(len(part)) / max(1, len(part) - 1)
        mean = total / trial
        orders.append(np.argsort(mean, kind="stable"))
        elbows.append(elbow(mean[orders[-1]]))
        if trial >= chosen.min_trials and _stands_still(orders, elbows, chosen, count):
            break
    return orders[-1] if orders else np.zeros(0, np.int64)


def elbow(ascending: npt.NDArray[np.float64]) -> int:
    """Elbow of a curve: the point furthest from the line between its ends; 0 without a bend.

    Example:
        >>> elbow(np.array([0.0, 0.05, 0.1, 0.8, 0.9, 1.0]))
        2
    """
    rise = float(ascending[-1] - ascending[0]) if len(ascending) >= _MIN_FOR_AN_ELBOW else 0.0
    if rise <= 0:
        return 0
    along = np.linspace(0, 1, len(ascending))
    return int(np.abs((ascending - ascending[0]) / rise - along).argmax())


def _stands_still(
    orders: Sequence[npt.NDArray[np.int64]], elbows: Sequence[int], ranking: ListwiseRanking, count: int
) -> bool:
    latest, last = orders[-ranking.stable_trials :], elbows[-ranking.stable_trials :]
    if len(latest) < ranking.stable_trials:
        return False
    same = all(np.array_equal(order, latest[-1]) for order in latest)
    near = max(last) - min(last) <= max(1, ranking.tolerance * count)
    return same or (near and min(last) > 0)
