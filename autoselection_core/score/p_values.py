"""P-value of a paired difference, and P(best), each arm's probability to be the best."""

from collections.abc import Mapping, Sequence

import numpy as np

from autoselection_core.score.resampling import (
    DRAWS,
    Arm,
    item_differences,
    item_draws,
    paired_items,
    pooled_variance,
    utilities,
)
from autoselection_core.score.score import BenchmarkScore

_TIED = 1e-12
"""Levels that differ by less are equal, but for rounding."""


def paired_p_value(first: BenchmarkScore, second: BenchmarkScore, *, seed: int) -> float:
    """Two-sided p-value of "both models are equally good" on one benchmark.

    Items of 0 and 1 have McNemar's exact test: a fair coin decides the items on which the models differ.
    Other values have the sign-flip test, with `DRAWS` random flips.

    Raises:
        ItemsDifferError: The models were scored on different items.
    """
    differences = item_differences([(first,)], [(second,)], first.benchmark)
    if set(np.unique(differences)) <= {-1.0, 0.0, 1.0}:
        from scipy.stats import binomtest

        decided = int((differences != 0).sum())
        won = int((differences > 0).sum())
        return float(binomtest(won, decided).pvalue) if decided else 1.0
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(DRAWS, len(differences)))
    as_far = np.abs(signs @ differences) >= np.abs(differences.sum()) * (1 - 1e-12)
    return float((as_far.sum() + 1) / (DRAWS + 1))


def best_probabilities(
    arms: Sequence[Arm], *, seed: int, weights: Mapping[str, float] | None = None
) -> list[float] | None:
    """For each arm, the share of resamples of runs and items in which it is the best; None where unknown.

    Runs vary by the variance s^2 pooled over all arms, which has few degrees of freedom f: in each draw it is
    s^2 f / chi^2_f for all arms alike, so that their levels have a multivariate Student's t. An arm of one
    run borrows the variance of the others. Where no arm has two runs, nothing is known of how runs vary.
    Arms that lead together, as equal ones do where runs do not vary, share the resample.
    `python -m bench.best_arm` counts how often a leading arm is the best one.

    Raises:
        NoScoresError: There is no arm, or one has no run.
        ItemsDifferError: Runs were scored on different items.
    """
    over_items = [paired_items(arm, arms[0], weights) for arm in arms]
    variance, freedom = pooled_variance([utilities(arm, weights) for arm in arms])
    if freedom == 0:
        return None
    rng = np.random.default_rng([seed, 1])
    deviations = np.sqrt(variance * freedom / rng.chisquare(freedom, DRAWS))
    levels = np.stack(
        [
            # One seed for all: the same items are drawn for every arm.
            item_draws(pairs, np.random.default_rng([seed, 0]))
            + rng.standard_normal(DRAWS) * deviations / np.sqrt(len(arm))
            for arm, pairs in zip(arms, over_items, strict=True)
        ]
    )
    leads = levels >= levels.max(axis=0) - _TIED
    return [float(share) for share in (leads / leads.sum(axis=0)).mean(axis=1)]
