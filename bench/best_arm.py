"""Frequency with which the leading arm of a study is the best one, beside the P(best) that the study says.

python -m bench.best_arm [--repeats N]

Arms of true levels are drawn, with runs of a standard deviation of 1 and items of a deviation of their own,
and given to the study's own rule. A row says how many arms there are, how many runs each has, and how far the
true levels are apart, in deviations of a run. `said` is the mean P(best) of the leading arm and `true` how
often it is the best; `sure` is the share of studies that say 0.95 or more, and `sure_true` how often those
are right. Beside it stands the rule before: a normal distribution with the variance pooled, or none.
"""

import argparse
import json
from collections.abc import Callable, Sequence

import numpy as np

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.identity import Json
from autoselection_core.score.resampling import (
    DRAWS,
    Arm,
    item_draws,
    paired_items,
    pooled_variance,
    utilities,
)
from autoselection_core.score.score import BenchmarkScore, ItemScore
from autoselection_core.score.significance import best_probabilities
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
    repeats = parser.parse_args().repeats
    figures: dict[str, Json] = {
        name: {f"levels {spread:g} apart": _rates(counts, spread, repeats) for spread in SPREADS}
        for name, counts in RUNS.items()
    }
    print(json.dumps(figures, indent=2))
    print(write_result("best_arm", {"repeats": repeats, "rates": figures}, _NOTE))


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


RULES: dict[str, Rule] = {"Student's t": _student, "normal": _normal}
_NOTE = "a rule is right where `said` equals `true`"

if __name__ == "__main__":
    main()
