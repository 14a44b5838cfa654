"""Searches in which every evaluation is a training: `python -m bench.solver.trained -h`.

A Llama of 1.4 million parameters reads 400,000 tokens of the 5,000-row pool of the suite; that is the base
model. An evaluation trains all of its weights on 20,000 tokens of a subset and scores the likelihood of
reference answers of GSM8K. Contestants search on 60 dev items; what each recommends is trained again with
fresh seeds and scored on 240 test items, beside the full pool. Nothing is simulated, so the best recipe is
not known: contestants are compared with each other. Every search is a line of
`bench/results/solver/trained.jsonl.gz`; one in that file is not run again, and trainings are kept in the
home, so a killed run goes on.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.training.settings import FineTuning, Method
from autoselection_core.history.values import History
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import Template, catalogue
from autoselection_core.recipe import Recipe
from autoselection_core.score.resampling import Run, utilities
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise
from autoselection_core.testing.tiny_model import tiny_model
from bench.result import REAL_DATA, RESULTS, store_lines, stored_lines, write_result
from bench.solver.contestants import contestant
from bench.solver.landscapes.world import ROWS, LandscapeWorld, rows_of_pool, world
from bench.solver.race import with_observation
from bench.solver.report import our_name

SHARD = RESULTS / "solver" / "trained.jsonl.gz"
CONTESTANTS = ("random", "tpe", "published", "default")
_FULL = "full pool"
_REPLICATES = 3
_SELECTED_BY = ("gsm8k",)
_ITEMS = {"dev_items": 60, "test_items": 240}
_PRETRAINING = FineTuning(method=Method.FULL, amount=400_000, batch=2_048, learning_rate=3e-3)
_TRAINING = FineTuning(method=Method.FULL, amount=20_000, batch=512, learning_rate=3e-4)

Line: TypeAlias = dict[str, Any]
"""One search as in the shard."""


@dataclass(frozen=True, eq=False)
class TrainedWorld:
    """World, templates and evaluator that all contestants share.

    Attributes:
        world: Rows and signals.
        templates: What programs are written with.
        evaluator: Trains and scores.
    """

    world: LandscapeWorld
    templates: tuple[Template, ...]
    evaluator: FineTuningEvaluator

    def search(self, name: str, seed: int, budget: int) -> Line:
        """Let a contestant search, and measure what it recommends with fresh trainings."""
        who = contestant(name, self.world.signals, self.templates)
        history, subsets, started = History("bench", seed, budget), dict[str, Subset](), time.monotonic()
        for trial in range(1, budget + 1):
            (asked,) = who.ask(history)
            subsets[asked.subset.fingerprint] = asked.subset
            replicate = history.replicate_of(asked.subset.fingerprint)
            utility = self.evaluator.evaluate(asked.subset, replicate).utility
            history = with_observation(history, asked, trial, utility)
        chosen = subsets[who.recommend(history)]
        seconds = time.monotonic() - started
        return {
            "contestant": name,
            "seed": seed,
            "budget": budget,
            "dev": [round(one.utility, 5) for one in history.observations],
            "recipe": chosen.recipe.to_json(),
            "rows": len(chosen),
            "test": self.test(chosen, first=1_000 + 10 * seed),
            "seconds": round(seconds, 1),
        }

    def test(self, subset: Subset, first: int) -> list[float]:
        """Test utilities of fresh trainings; replicates from `first` on belong to this test alone."""
        keys = [self.evaluator.evaluate(subset, first + more).key for more in range(_REPLICATES)]
        runs: list[Run] = [self.evaluator.open_test(key, "benchmark of solvers") for key in keys]
        return [round(float(value), 5) for value in utilities(runs, None)]


def train(home: Home, rows: int) -> TrainedWorld:
    """Build the world, train the base model, and make the evaluator."""
    made, pool = world(rows, home), rows_of_pool(rows, home)
    folder = home.models / "bench-tiny"
    if not folder.exists():
        tiny_model(folder)
    benchmarks = tuple(benchmark_from(_settings(name), REAL_DATA) for name in _SELECTED_BY)
    raw = FineTuningEvaluator(home, pool, folder, benchmarks, _PRETRAINING)
    read = raw.evaluate(realise(Recipe(), made.signals), 0)
    base = home.evaluation(read.key) / "model"
    return TrainedWorld(
        made, catalogue(made.signals), FineTuningEvaluator(home, pool, base, benchmarks, _TRAINING)
    )


def _settings(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "format": name,
        "items": f"benchmarks/{name}.parquet",
        "targets": f"targets/{name}.parquet",
        "metric": "log_likelihood",
        "shots": 0,
        **_ITEMS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--contestants", nargs="+", default=CONTESTANTS)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--budget", type=int, default=15)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--shard", type=Path, default=SHARD)
    options = parser.parse_args()
    done = {(one["contestant"], one["seed"], one["budget"]) for one in stored_lines(options.shard)}
    shared = train(Home.from_environment(), options.rows)
    if (_FULL, 0, 0) not in done:
        everything = realise(Recipe(), shared.world.signals)
        full = {"contestant": _FULL, "seed": 0, "budget": 0, "test": shared.test(everything, first=900)}
        store_lines(options.shard, full)
    for seed in range(options.seeds):
        for name in options.contestants:
            if (name, seed, options.budget) not in done:
                store_lines(options.shard, shared.search(name, seed, options.budget))
    figures = summary(stored_lines(options.shard), options.budget)
    print(json.dumps(figures, indent=2))
    if options.shard == SHARD:
        print(write_result("solver/trained", figures, _NOTE))


def summary(lines: Sequence[Line], budget: int) -> dict[str, Json]:
    """Mean test utility of every contestant, and ours minus each other one over the seeds of both."""
    of = {
        name: {one["seed"]: float(np.mean(one["test"])) for one in lines if _is(one, name, budget)}
        for name in dict.fromkeys(one["contestant"] for one in lines)
    }
    figures: dict[str, Json] = {
        name: {"searches": len(found), "test_utility": round(float(np.mean(list(found.values()))), 4)}
        for name, found in of.items()
    }
    ours = our_name(of)
    for name, found in of.items():
        shared = sorted(found.keys() & of.get(ours, {}).keys()) if name != ours else []
        gains = [of[ours][seed] - found[seed] for seed in shared if name != _FULL]
        if len(gains) > 1:
            error = float(np.std(gains, ddof=1) / len(gains) ** 0.5)
            figures[f"{ours} minus {name}"] = {
                "mean": round(float(np.mean(gains)), 4),
                "standard_error": round(error, 4),
                "better_in": sum(gain > 0 for gain in gains),
                "of": len(gains),
            }
    return figures


def _is(line: Line, name: str, budget: int) -> bool:
    return line["contestant"] == name and line["budget"] in (0, budget)


_NOTE = (
    "test utility is the mean log likelihood of a token of the reference answers, in nats; higher is better"
)

if __name__ == "__main__":
    main()
