"""Bootstrap of the scores of several runs, over items and over runs."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autoselection_core.errors.benchmarks import ItemsDifferError, NoScoresError
from autoselection_core.score.score import BenchmarkScore, utility_shares

Run: TypeAlias = tuple[BenchmarkScore, ...]
"""Scores of one model, one per benchmark."""

Arm: TypeAlias = Sequence[Run]
"""The runs of one contestant: replicates of one subset, or several random draws."""

Draws = npt.NDArray[np.float64]
"""Resampled values. Shape (draws,)."""

_BLOCK = 1 << 20
_NO_RUN = "an arm without runs"

_TWO = 2
"""Runs and items without which nothing varies between them."""

DRAWS = 4_000
"""Resamples of an interval: its ends move by about a hundredth of its width from seed to seed."""


def paired_items(first: Arm, second: Arm, weights: Mapping[str, float] | None) -> list[Draws]:
    """Each benchmark's part of the utility difference, item by item. Shapes (items,).

    Raises:
        NoScoresError: An arm has no run.
        ItemsDifferError: Runs were scored on different items.
    """
    for arm in (first, second):
        if not arm:
            raise NoScoresError(_NO_RUN)
    shares = utility_shares(first[0], weights)
    return [
        shares[score.benchmark] * score.metric.sign * item_differences(first, second, score.benchmark)
        for score in first[0]
    ]


def item_differences(first: Arm, second: Arm, benchmark: str) -> Draws:
    """Mean over the runs of the first minus mean over those of the second, for each item."""
    runs = [_by_item(run, benchmark) for run in (*first, *second)]
    items = sorted(runs[0])
    for run in runs[1:]:
        if run.keys() != runs[0].keys():
            raise ItemsDifferError(
                benchmark, len(runs[0].keys() - run.keys()), len(run.keys() - runs[0].keys())
            )
    table = np.array([[run[item] for item in items] for run in runs])
    difference: Draws = table[: len(first)].mean(axis=0) - table[len(first) :].mean(axis=0)
    return difference


def _by_item(run: Run, benchmark: str) -> dict[str, float]:
    found = next((score for score in run if score.benchmark == benchmark), None)
    return {item.item: item.value for item in found.items} if found is not None else {}


def arm_draws(
    first: Arm,
    second: Arm,
    *,
    weights: Mapping[str, float] | None,
    rng: np.random.Generator,
    beside: Sequence[Arm] = (),
) -> Draws:
    """Bootstrap draws of the utility difference of two arms, over items and runs.

    What an item does from run to run is in the runs' own variance already. Resampled means of items hold it
    a second time (items crossed with runs are overcounted by any such bootstrap, Owen & Eckles 2012), so
    the items' part is shrunk to what the items do alike in every run of an arm.

    Args:
        first: Runs of the one arm.
        second: Runs of the other on the same items.
        weights: Weight of each benchmark in the utility; None for equal weights.
        rng: Source of randomness.
        beside: Further arms, whose runs only add to the estimate of the variance between runs.

    Raises:
        NoScoresError: An arm has no run.
        ItemsDifferError: Runs were scored on different items.
    """
    pairs = paired_items(first, second, weights)
    shares = utility_shares(first[0], weights)
    draws = np.zeros(DRAWS)
    for pair, score in zip(pairs, first[0], strict=True):
        part, middle = item_draws([pair], rng), float(pair.mean())
        within = sum(_between_runs(arm, score.benchmark) for arm in (first, second))
        draws += middle + (part - middle) * _alike(pair, shares[score.benchmark] ** 2 * within)
    return draws + run_draws(first, second, weights, rng, beside)


def _alike(pair: Draws, within: float) -> float:
    """The deviation that item differences keep without their variance from run to run, as a share."""
    variance = float(pair.var(ddof=1)) if len(pair) > 1 else 0.0
    return float(np.sqrt(max(0.0, 1.0 - within / variance))) if variance > 0 else 0.0


def _between_runs(arm: Arm, benchmark: str) -> float:
    """Variance of an item's mean over an arm's runs beyond what moves all items; 0 for a single run."""
    runs = [_by_item(run, benchmark) for run in arm]
    table = np.array([[run[item] for item in sorted(runs[0])] for run in runs])
    if min(table.shape) < _TWO:
        return 0.0
    left = table - table.mean(axis=0) - table.mean(axis=1, keepdims=True) + table.mean()
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float((left**2).sum() / freedom / len(runs))


def item_draws(pairs: Sequence[Draws], rng: np.random.Generator) -> Draws:
    """The utility difference under resampled items."""
    total = np.zeros(DRAWS)
    for pair in pairs:
        total += np.concatenate([_resample(pair, draws, rng) for draws in _blocks(len(pair))])
    return total


def _resample(pair: Draws, draws: int, rng: np.random.Generator) -> Draws:
    means: Draws = pair[rng.integers(len(pair), size=(draws, len(pair)))].mean(axis=1)
    return means


def _blocks(items: int) -> list[int]:
    """The draws in blocks that stay small in memory however many items there are."""
    block = max(1, min(DRAWS, _BLOCK // items))
    return [min(block, DRAWS - start) for start in range(0, DRAWS, block)]


def run_draws(
    first: Arm,
    second: Arm,
    weights: Mapping[str, float] | None,
    rng: np.random.Generator,
    beside: Sequence[Arm] = (),
) -> Draws:
    """Draws of the part that the runs add to the utility difference; zeros where no arm has two."""
    variance, freedom = pooled_variance([utilities(arm, weights) for arm in (first, second, *beside)])
    if freedom == 0:
        return np.zeros(DRAWS)
    scale = np.sqrt(variance * (1 / len(first) + 1 / len(second)))
    draws: Draws = rng.standard_t(freedom, DRAWS) * scale
    return draws


def utilities(arm: Arm, weights: Mapping[str, float] | None) -> Draws:
    """The utility of each run. Shape (runs,)."""
    shares = utility_shares(arm[0], weights)
    return np.array(
        [sum(shares[score.benchmark] * score.metric.sign * score.mean for score in run) for run in arm]
    )


def pooled_variance(arms: Sequence[Draws]) -> tuple[float, int]:
    """Variance between runs of one arm, and its degrees of freedom."""
    freedom = sum(len(arm) - 1 for arm in arms)
    squares = sum(float(((arm - arm.mean()) ** 2).sum()) for arm in arms)
    return (squares / freedom if freedom else 0.0), freedom
