"""False claims of a winner among equals, where some arms vary more from run to run.

python -m bench.verdicts [--repeats N]

Scores of equal arms are drawn, with the runs that the default report buys, and given to the report's own
comparison. A row says which deviations between runs the winner, the random subsets and the full pool have;
every "yes" is false, and should be there in one of forty. Beside the report's rule stand two others: all
three arms pooled in every comparison, and the two compared ones only.
"""

import argparse
import json
from collections.abc import Sequence

import numpy as np

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import Json
from autoselection_core.report.sections.verdict import compare
from autoselection_core.score.comparison import Verdict, arm_difference
from autoselection_core.score.resampling import Arm, Run
from autoselection_core.score.score import BenchmarkScore, ItemScore
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from bench.result import write_result

NAMES = (WINNER, RANDOM, FULL_POOL)
RUNS = (2, 3, 2)
"""Of the winner, of random draws, and of the full pool with the second run that a larger budget buys."""

DEVIATIONS = {
    "all alike": (1.0, 1.0, 1.0),
    "full pool varies more": (1.0, 1.0, 4.0),
    "small winner varies less": (1.0, 2.0, 4.0),
    "winner and random draws of a small share": (1.0, 4.0, 4.0),
    "winner varies more": (4.0, 1.0, 1.0),
}
_ITEMS, _ITEM_NOISE = 20, 0.1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=1000, help="comparisons of each row")
    repeats = parser.parse_args().repeats
    figures: dict[str, Json] = {name: _rates(spread, repeats) for name, spread in DEVIATIONS.items()}
    print(json.dumps(figures, indent=2))
    print(write_result("verdicts", {"repeats": repeats, "runs": list(RUNS), "claims": figures}, _NOTE))


def _rates(deviations: Sequence[float], repeats: int) -> dict[str, Json]:
    """False claims over random subsets and over the full pool, as shares."""
    claims: dict[str, int] = {}
    for seed in range(repeats):
        for name, verdict in _verdicts(_arms(deviations, np.random.default_rng(seed))).items():
            claims[name] = claims.get(name, 0) + (verdict is Verdict.YES)
    return {name: round(count / repeats, 4) for name, count in claims.items()}


def _arms(deviations: Sequence[float], rng: np.random.Generator) -> dict[str, Arm]:
    return {
        name: [_run(deviation * float(rng.standard_normal()), rng) for _ in range(count)]
        for name, deviation, count in zip(NAMES, deviations, RUNS, strict=True)
    }


def _run(level: float, rng: np.random.Generator) -> Run:
    values = level + _ITEM_NOISE * rng.standard_normal(_ITEMS)
    items = tuple(ItemScore(f"item {place}", float(value)) for place, value in enumerate(values))
    return (BenchmarkScore("luck", Metric.LOG_LIKELIHOOD, Side.TEST, items),)


def _verdicts(arms: dict[str, Arm]) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    for opponent, third in ((RANDOM, FULL_POOL), (FULL_POOL, RANDOM)):
        ours = compare(arms, opponent, _SPEC)
        assert ours is not None
        pooled = arm_difference(arms[WINNER], arms[opponent], seed=0, beside=[arms[third]])
        alone = arm_difference(arms[WINNER], arms[opponent], seed=0)
        found[f"over {opponent}"] = ours.difference.verdict
        found[f"over {opponent}, three arms pooled"] = pooled.verdict
        found[f"over {opponent}, two arms pooled"] = alone.verdict
    return found


_SPEC = SearchSpec(campaign="bench")
_NOTE = "every claim is false; 0.025 would be right"

if __name__ == "__main__":
    main()
