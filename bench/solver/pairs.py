"""Contestants compared on the searches that both did: same landscape, same seed, same noise."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Runs = Sequence[Mapping[str, Any]]
Numbers = npt.NDArray[np.float64]

_FLIPS = 4000


def paired_regrets(runs: Runs, best: Mapping[str, float], one: str, other: str, mark: str) -> Numbers:
    """Regrets of two contestants on the searches that both finished. Shape (2, m), in points."""
    both = [_by_course(runs, best, name, mark) for name in (one, other)]
    courses = sorted(set(both[0]) & set(both[1]))
    return np.array([[regrets[course] for course in courses] for regrets in both])


def chance_of_no_gain(pairs: Numbers, seed: int = 0) -> float:
    """One-sided p-value of the first contestant's lower mean regret, by flipping signs of differences."""
    differences = pairs[1] - pairs[0]
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (_FLIPS, len(differences)))
    return float((1 + ((signs * differences).mean(axis=1) >= differences.mean()).sum()) / (1 + _FLIPS))


def average_ranks(runs: Runs, best: Mapping[str, float], mark: str) -> dict[str, tuple[float, int]]:
    """Mean rank by regret over the searches that all contestants finished, and how many there are.

    Rank 1 is the best; equal regrets share their mean rank.
    """
    from scipy.stats import rankdata

    names = sorted({run["contestant"] for run in runs})
    regrets = [_by_course(runs, best, name, mark) for name in names]
    courses = sorted(set.intersection(*(set(one) for one in regrets)))
    if not courses:
        return {}
    ranks = rankdata([[one[course] for course in courses] for one in regrets], axis=0)
    return {name: (float(rank.mean()), len(courses)) for name, rank in zip(names, ranks, strict=True)}


def _by_course(runs: Runs, best: Mapping[str, float], name: str, mark: str) -> dict[tuple[str, int], float]:
    return {
        (run["landscape"], run["seed"]): best[run["landscape"]] - run["recommended"][mark]
        for run in runs
        if run["contestant"] == name and mark in run["recommended"]
    }
