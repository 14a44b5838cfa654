"""Frequency with which the leading arm of a study is the best one, beside the P(best) that the study says.

python -m bench.best_arm [--repeats N]
python -m bench.best_arm --priors [--repeats N]

Arms of true levels are drawn, with runs of a standard deviation of 1 and items of a deviation of their own,
and given to the study's own rule. A row says how many arms there are, how many runs each has, and how far the
true levels are apart, in deviations of a run. `said` is the mean P(best) of the leading arm and `true` how
often it is the best; `sure` is the share of studies that say 0.95 or more, and `sure_true` how often those
are right. Beside it stands the rule before: a normal distribution with the variance pooled, or none.

`--priors` compares rules that take arms for alike until their runs say otherwise: levels are normal around a
common one, and the share B of the variance between arms that runs explain is estimated (moments: DerSimonian
and Laird 1986) or has a prior (uniform: Strawderman 1971). Its studies are normal means without items.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.identity import Json
from autoselection_core.score.p_values import best_probabilities
from autoselection_core.score.resampling import (
    DRAWS,
    Arm,
    item_draws,
    paired_items,
    pooled_variance,
    utilities,
)
from autoselection_core.score.score import BenchmarkScore, ItemScore
from bench.result import write_result

RUNS = {
    "one run each": (1,) * 5,
    "two runs of one arm": (2, 1, 1, 1, 1),
    "two runs each": (2,) * 5,
    "three runs each": (3,) * 5,
    "two arms, one run each": (1, 1),
    "two arms, two runs each": (2, 2),
}
SPREADS = (0.0, 0.5, 1.0, 2.0, 4.0)
_ITEMS, _ITEM_NOISE, _SURE = 40, 1.0, 0.95

Rule = Callable[[Sequence[Arm], int], list[float] | None]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=1000, help="studies of each row")
    parser.add_argument("--priors", action="store_true", help="rules with a prior, on means without items")
    asked = parser.parse_args()
    repeats = asked.repeats
    if asked.priors:
        print(write_result("best_arm/priors", {"repeats": repeats, "rates": _prior_rates(repeats)}, _NOTE))
        return
    figures: dict[str, Json] = {
        name: {f"levels {spread:g} apart": _rates(counts, spread, repeats) for spread in SPREADS}
        for name, counts in RUNS.items()
    }
    print(json.dumps(figures, indent=2))
    print(write_result("best_arm/study", {"repeats": repeats, "rates": figures}, _NOTE))


def _rates(counts: Sequence[int], spread: float, repeats: int) -> dict[str, Json]:
    return {name: _of_rule(rule, counts, spread, repeats) for name, rule in RULES.items()}


def _of_rule(rule: Rule, counts: Sequence[int], spread: float, repeats: int) -> Json:
    said, right = [], []
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        levels = spread * rng.standard_normal(len(counts))
        shares = rule([_arm(level, count, rng) for level, count in zip(levels, counts, strict=True)], seed)
        if shares is None:
            return "unknown"
        said.append(max(shares))
        right.append(int(np.argmax(shares)) == int(levels.argmax()))
    sure = [is_right for share, is_right in zip(said, right, strict=True) if share >= _SURE]
    return {
        "said": round(float(np.mean(said)), 3),
        # Equal levels have no best one: every arm leads by luck.
        "true": round(float(np.mean(right)), 3) if spread else round(1 / len(counts), 3),
        "sure": round(len(sure) / repeats, 3),
        "sure_true": round(float(np.mean(sure)), 3) if sure and spread else None,
    }


def _arm(level: float, runs: int, rng: np.random.Generator) -> Arm:
    return [_run(level + float(rng.standard_normal()), rng) for _ in range(runs)]


def _run(level: float, rng: np.random.Generator) -> tuple[BenchmarkScore, ...]:
    values = level + _ITEM_NOISE * rng.standard_normal(_ITEMS)
    items = tuple(ItemScore(f"item {place}", float(value)) for place, value in enumerate(values))
    return (BenchmarkScore("levels", Metric.LOG_LIKELIHOOD, Side.TEST, items),)


def _student(arms: Sequence[Arm], seed: int) -> list[float] | None:
    return best_probabilities(arms, seed=seed)


def _normal(arms: Sequence[Arm], seed: int) -> list[float]:
    variance, _ = pooled_variance([utilities(arm, None) for arm in arms])
    rng = np.random.default_rng([seed, 1])
    levels = np.stack(
        [
            item_draws(paired_items(arm, arms[0], None), np.random.default_rng([seed, 0]))
            + rng.standard_normal(DRAWS) * np.sqrt(variance / len(arm))
            for arm in arms
        ]
    )
    return [float(share) for share in np.bincount(levels.argmax(axis=0), minlength=len(arms)) / DRAWS]


_PRIOR_STUDIES = {
    "five arms, two runs": (5, 2),
    "five arms, three runs": (5, 3),
    "two arms, two runs": (2, 2),
}
_PRIOR_SPREADS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
_PRIOR_DRAWS = 300
_SHARES = (np.arange(40) + 0.5) / 40
"""Values of B, the share of the variance between means of arms that runs alone explain."""

Means: TypeAlias = npt.NDArray[np.float64]
"""Mean utility of each arm. Shape (arms,)."""


def _prior_rates(repeats: int) -> dict[str, Json]:
    rates: dict[str, Json] = {}
    for name, (arms, runs) in _PRIOR_STUDIES.items():
        for spread in _PRIOR_SPREADS:
            rates[f"{name}, levels {spread:g} apart"] = _prior_rate(arms, runs, spread, repeats)
            print(name, spread, rates[f"{name}, levels {spread:g} apart"], flush=True)
    return rates


def _prior_rate(arms: int, runs: int, spread: float, repeats: int) -> dict[str, Json]:
    """Mean of what each rule says of its leading arm, and how often the first one is right."""
    rng, said, right = np.random.default_rng(0), {name: list[float]() for name in PRIORS}, list[bool]()
    for _ in range(repeats):
        levels = spread * rng.standard_normal(arms)
        utility = levels[:, None] + rng.standard_normal((arms, runs))
        right.append(bool(utility.mean(axis=1).argmax() == levels.argmax()))
        freedom = arms * (runs - 1)
        variance = utility.var(axis=1, ddof=1).mean() * freedom / rng.chisquare(freedom, _PRIOR_DRAWS) / runs
        for name, prior in PRIORS.items():
            drawn = prior(utility.mean(axis=1), variance, rng)
            said[name].append(np.bincount(drawn.argmax(axis=1), minlength=arms).max() / _PRIOR_DRAWS)
    true = float(np.mean(right)) if spread else 1 / arms
    return {"true": round(true, 3), **{name: round(float(np.mean(each)), 3) for name, each in said.items()}}


def _no_prior(means: Means, variance: Means, rng: np.random.Generator) -> Means:
    return _levels(means, variance, np.zeros(len(variance)), rng)


def _by_moments(means: Means, variance: Means, rng: np.random.Generator) -> Means:
    within = float(np.median(variance))
    between = max(0.0, float(means.var(ddof=1)) - within)
    return _levels(means, variance, np.full(len(variance), within / (within + between)), rng)


def _uniform(means: Means, variance: Means, rng: np.random.Generator) -> Means:
    """B drawn from its posterior, jointly with the variance of runs."""
    squares, half = float(((means - means.mean()) ** 2).sum()), (len(means) - 1) / 2
    density = half * (np.log(_SHARES) - np.log(variance[:, None])) - squares * _SHARES / (
        2 * variance[:, None]
    )
    cumulative = np.cumsum(np.exp(density - density.max()).ravel())
    place = np.searchsorted(cumulative, rng.random(len(variance)) * cumulative[-1])
    return _levels(means, variance[place // len(_SHARES)], _SHARES[place % len(_SHARES)], rng)


def _levels(means: Means, variance: Means, share: Means, rng: np.random.Generator) -> Means:
    """Levels of the arms, drawn towards the common mean by a share. Shape (draws, arms)."""
    shape = (len(variance), len(means))
    common = means.mean() + rng.standard_normal(len(variance)) * np.sqrt(
        variance / len(means) / np.maximum(share, 1e-12) * (share > 0)
    )
    drawn = (1 - share)[:, None] * means + (share * common)[:, None]
    levels: Means = (
        drawn + rng.standard_normal(shape) * np.sqrt(variance * np.maximum(1 - share, 1e-9))[:, None]
    )
    return levels


PRIORS = {"none": _no_prior, "moments": _by_moments, "uniform": _uniform}

RULES: dict[str, Rule] = {"Student's t": _student, "normal": _normal}
_NOTE = "a rule is right where `said` equals `true`"

if __name__ == "__main__":
    main()
