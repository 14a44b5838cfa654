"""Rates of claimed winners, with nothing to find and with a gain: `python -m bench.solver.claims -h`.

Whole searches of the product: its policy, its recommendation, its report with fresh replicates on test
items, its verdict over random subsets of equal tokens. Only the training is simulated, because what is asked
here is about luck: runs differ, items differ from run to run, and every subset has its own profile over the
items. The ledger is left out: it decides nothing, and would take most of the time.

Without a gain all recipes are equal (A/A), so every claim is false. With one, whatever a search tries is
better than the random draws by three standard errors of the difference that the report measures. Every
search is a line of `bench/results/solver/claims.jsonl.gz`; one in that file is not run again.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.history.records import ArmPlan
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import History
from autoselection_core.identity import Json, fingerprint
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.budget import KeepRandom, TokenBudget
from autoselection_core.recipe import Recipe
from autoselection_core.report.sections.verdict import compare
from autoselection_core.score.comparison import Verdict
from autoselection_core.score.evaluation import Cost, Evaluation
from autoselection_core.score.resampling import Run
from autoselection_core.score.score import BenchmarkScore, ItemScore
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from autoselection_core.search.report_evaluations import arms_after
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Policy, Solver
from autoselection_core.subset import Subset, realise
from bench.result import RESULTS, store_lines, stored_lines, write_result
from bench.solver.race import with_observation

_SHARD = RESULTS / "solver" / "claims.jsonl.gz"
_ROWS, _BUDGET = 300, 6
_POLICY = Policy(version=1, min_share=0.1, fresh=60, edits=40, generations=2, draws=4)
"""Few candidates: a claim is about the report's runs, and which subset won does not matter to them.
The stored searches have the first version."""

EVALUATIONS = (6, 9)
"""Report budgets: the default, and a larger one."""

RUNS = ((2, 3), (4, 4))
"""Runs of the winner and random draws that each of them pays for, beside a second run of the full pool."""

GAIN_ERRORS = 3.0
"""The true gain that is to be claimed, in standard errors of the difference."""


Line: TypeAlias = dict[str, Any]
"""One search under one report budget, as in the shard."""


@dataclass(frozen=True)
class Luck:
    """Standard deviations of a simulated training's score, in points.

    Attributes:
        run: Of a training as a whole.
        item: Of one item from run to run.
        profile: Of one item from subset to subset: what a training on other rows answers differently.
        items: Items on either side.
    """

    run: float = 0.5
    item: float = 7.0
    profile: float = 7.0
    items: int = 200

    def standard_error(self, winners: int, draws: int) -> float:
        """Standard error of the difference between runs of one subset and one run each of others."""
        runs = (self.run**2 + self.item**2 / self.items) * (1 / winners + 1 / draws)
        return float(np.sqrt(runs + self.profile**2 / self.items * (1 + 1 / draws)))


@dataclass(frozen=True, eq=False)
class Simulated:
    """Evaluator without a training: a score is luck, and a gain for all but the report's random draws.

    Attributes:
        seed: Of the luck.
        gain: Points that every subset but the report's random draws has more.
        luck: Standard deviations of the scores.
        made: Evaluations, by key.
    """

    seed: int
    gain: float
    luck: Luck = field(default_factory=Luck)
    made: dict[str, tuple[Evaluation, float]] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Hash of seed, gain and luck."""
        return fingerprint({"seed": self.seed, "gain": self.gain, "luck": asdict(self.luck)})

    def key(self, subset: str, replicate: int) -> str:
        """The name of an evaluation."""
        return fingerprint([self.fingerprint, subset, replicate])

    def evaluate(self, subset: Subset, replicate: int) -> Evaluation:
        """Score dev items, or repeat what they scored."""
        key = self.key(subset.fingerprint, replicate)
        if key not in self.made:
            level = self._level(subset, key)
            score = self._score(subset.fingerprint, key, level, Side.DEV)
            made = Evaluation(key, subset.fingerprint, replicate, score.mean, score.standard_error, (score,),
                              Cost(0.0, len(subset), self.luck.items, 0), {"run": replicate}, len(subset),
                              len(subset), subset.fingerprint)  # fmt: skip
            self.made[key] = made, level
        return self.made[key][0]

    def open_test(self, key: str) -> Run:
        """Score test items."""
        evaluation, level = self.made[key]
        return (self._score(evaluation.subset, key, level, Side.TEST),)

    def _level(self, subset: Subset, key: str) -> float:
        return (0.0 if _is_random_arm(subset) else self.gain) + self.luck.run * float(
            _normal(1, key, "run")[0]
        )

    def _score(self, subset: str, key: str, level: float, side: Side) -> BenchmarkScore:
        count = self.luck.items
        values = 10.0 * _normal(count, str(self.seed), side, "difficulty") + level
        values += self.luck.profile * _normal(count, str(self.seed), subset, side, "profile")
        values += self.luck.item * _normal(count, key, side, "item")
        items = (ItemScore(f"{side} {place}", float(value)) for place, value in enumerate(values))
        return BenchmarkScore("luck", Metric.LOG_LIKELIHOOD, side, tuple(items))


def _is_random_arm(subset: Subset) -> bool:
    """Whether a report drew it: a search writes shares into recipes, and never counts."""
    steps = subset.recipe.steps
    return len(steps) == 1 and isinstance(steps[0], TokenBudget | KeepRandom) and steps[0].count is not None


def _normal(count: int, *names: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.random.default_rng(int(fingerprint(list(names)), 16)).standard_normal(count)


def table(rows: int = _ROWS) -> SignalTable:
    """A small pool of random numbers."""
    rng = np.random.default_rng(0)
    names = np.array(sorted(rng.bytes(16).hex() for _ in range(rows)), "S32")
    keys = np.array([int(name[:16], 16) for name in names], np.uint64)
    columns = {name: rng.standard_normal(rows).astype(np.float32) for name in ("ifd", "word_entropy")}
    columns["tokens"] = rng.integers(10, 100, rows).astype(np.float32)
    return SignalTable("pool", keys, columns, ids=names)


def search(signals: SignalTable, seed: int, gain: float, budgets: Sequence[int]) -> list[Line]:
    """One search, and what each report budget claims of its winner.

    Args:
        signals: The pool.
        seed: Of the search and of all luck.
        gain: The true gain, in points.
        budgets: The report's budgets, ascending: a larger one adds runs to those of a smaller one.
    """
    simulated, solver = Simulated(seed, gain), Solver(signals, catalogue(signals), _POLICY)
    history = History("claims", seed, _BUDGET)
    for trial in range(1, _BUDGET + 1):
        (asked,) = solver.ask(history)
        name = asked.subset.fingerprint
        seen = simulated.evaluate(asked.subset, history.replicate_of(name))
        history = with_observation(history, asked, trial, seen.utility)
    # Random draws also where the full pool won: every search has the same runs, for luck alone counts here.
    drawn = {realise(Recipe(), signals).fingerprint}
    plans = [arms_after(history, solver, budget, drawn) for budget in budgets]
    return [
        {
            "seed": seed,
            "gain": gain,
            "evaluations": budget,
            **_claimed(simulated, signals, plan, seed),
            "rows": len(realise(solver.recommend(history).recipe, signals)),
        }
        for budget, plan in zip(budgets, plans, strict=True)
    ]


def _claimed(simulated: Simulated, signals: SignalTable, plan: Sequence[ArmPlan], seed: int) -> Line:
    tests: dict[str, list[Run]] = {WINNER: [], RANDOM: [], FULL_POOL: []}
    for arm in plan:
        made = simulated.evaluate(realise(arm.recipe, signals), arm.replicate)
        tests[arm.arm].append(simulated.open_test(made.key))
    found = compare(tests, RANDOM, SearchSpec(campaign="claims", seed=seed, budget=_BUDGET))
    assert found is not None, "a report has both arms"
    difference = found.difference
    return {
        "runs": list(found.runs),
        "verdict": difference.verdict.value,
        "value": round(difference.value, 4),
        "low": round(difference.low, 4),
        "high": round(difference.high, 4),
    }


def upper_bound(claims: int, searches: int) -> float:
    """The upper 95 % bound of a rate, exact (Clopper & Pearson 1934).

    Example:
        >>> round(upper_bound(10, 400), 4)
        0.042
    """
    from scipy.stats import beta

    return 1.0 if claims == searches else float(beta.ppf(0.95, claims + 1, searches - claims))


def summary(lines: Sequence[Line]) -> dict[str, Json]:
    """Claims by report budget, without a gain and with one.

    A draw of as many tokens as the full pool is the full pool: where it won, there is nothing to claim.
    """
    lines = [line for line in lines if line["rows"] < _ROWS]
    figures: dict[str, Json] = {}
    for budget in sorted({line["evaluations"] for line in lines}):
        here = [line for line in lines if line["evaluations"] == budget]
        none, some = ([line for line in here if bool(line["gain"]) is has] for has in (False, True))
        for name, part in (("equal", none), ("gain", some)):
            claims = sum(line["verdict"] == Verdict.YES for line in part)
            if part:
                figures[f"{name}, {budget} report evaluations"] = {
                    "searches": len(part),
                    "runs": part[0]["runs"],
                    "gain_points": round(part[0]["gain"], 3),
                    "claimed": claims,
                    "share": round(claims / len(part), 4),
                    "upper_95_bound": round(upper_bound(claims, len(part)), 4),
                    "denied": sum(line["verdict"] == Verdict.NO for line in part),
                    "spread_of_differences": round(float(np.std([line["value"] for line in part])), 4),
                    "true_standard_error": round(Luck().standard_error(*part[0]["runs"]), 4),
                }
    return figures


def main() -> None:
    """Run what is missing, and write the rates."""
    options = _options()
    signals, done = table(), stored_lines(options.shard)
    wanted: list[tuple[int, float, tuple[int, ...]]] = [
        (seed, 0.0, EVALUATIONS) for seed in range(options.equal)
    ]
    for budget, runs in zip(EVALUATIONS, RUNS, strict=True):
        gain = GAIN_ERRORS * Luck().standard_error(*runs)
        wanted += [(seed, gain, (budget,)) for seed in range(options.gain)]
    for seed, gain, budgets in wanted:
        if (seed, gain, budgets[0]) in {(line["seed"], line["gain"], line["evaluations"]) for line in done}:
            continue
        lines = search(signals, seed, gain, budgets)
        store_lines(options.shard, *lines)
        done += lines
    figures = summary(done)
    if options.shard == _SHARD:
        write_result("solver/claims", figures, "searches ran one by one; each is a line of the shard")
    print(json.dumps(figures, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--equal", type=int, default=550, help="searches in which all recipes are equal")
    parser.add_argument("--gain", type=int, default=250, help="searches with a gain, for each report budget")
    parser.add_argument("--shard", type=Path, default=_SHARD, help="where finished searches are kept")
    return parser.parse_args()


if __name__ == "__main__":
    main()
