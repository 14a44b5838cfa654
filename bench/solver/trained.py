"""Searches in which every evaluation is a training: `python -m bench.solver.trained -h`.

A Llama of 1.4 million parameters that has read 400,000 tokens of the pool is the base model. An evaluation
trains all of its weights on 20,000 tokens of a subset and scores the likelihood of reference answers. Pool
and benchmarks are those of a table (`--on small_pool`: the utility is the mean of two benchmarks), or, with
`--on suite`, the 5,000 rows of the suite and GSM8K; `--on smollm2` trains adapters of SmolLM2-135M-Instruct.
Contestants search on dev items; what each recommends is trained again with fresh seeds and scored on test
items, beside the full pool, a random quarter and the plain filters. Nothing is simulated, so the best recipe
is not known: contestants are compared with each other. On tables every seed of a search has trainings of its
own. A training that fails is a trial without a score.

Every search is a line of `bench/results/solver/trained.jsonl.gz`; one in that file is not run again, and
trainings are kept in the home, so a killed run goes on. The tables read the shared data, so they need
`AUTOSELECTION_DATA`.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy.stats import permutation_test

from autoselection_core.benchmarks.loading import benchmark_from
from autoselection_core.errors.evaluation import TrainingFailedError
from autoselection_core.evaluation.evaluator import FineTuningEvaluator
from autoselection_core.evaluation.training.settings import FineTuning, Method
from autoselection_core.history.values import FailedTrial, History
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.operators.definitions.budget import KeepRandom
from autoselection_core.recipe import Recipe
from autoselection_core.score.resampling import Run, utilities
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.candidates.warmup import plain_filters, usual_quarters
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, realise
from autoselection_core.testing.tiny_model import tiny_model
from bench.result import REAL_DATA, RESULTS, store_lines, stored_lines, write_result
from bench.solver.contestants import Contestant, contestant, part_of_file
from bench.solver.landscapes.world import ROWS, rows_of_pool, world
from bench.solver.race import with_observation
from bench.solver.report import our_name
from bench.solver.table.setting import SETTINGS, prepare

SHARD = RESULTS / "solver" / "trained.jsonl.gz"
CONTESTANTS = ("random", "tpe", "published", "default")
SUITE = "suite"
_ONS = (SUITE, *SETTINGS)
_FULL, _PLAIN, _RANDOM = "full pool", "plain filter ", "random quarter"
_MIN_PAIRS = 2
_REPLICATES = 3
_SELECTED_BY = ("gsm8k",)
_ITEMS = {"dev_items": 60, "test_items": 240}
_PRETRAINING = FineTuning(method=Method.FULL, amount=400_000, batch=2_048, learning_rate=3e-3)
_TRAINING = FineTuning(method=Method.FULL, amount=20_000, batch=512, learning_rate=3e-4)

Line: TypeAlias = dict[str, Any]
"""One search as in the shard."""


Makes: TypeAlias = "Callable[[TrainedWorld], tuple[str, Contestant]]"
"""Name of a contestant, and a fresh one for a world."""


@dataclass(frozen=True, eq=False)
class TrainedWorld:
    """Pool, signals and evaluator that all contestants share.

    Attributes:
        name: Name of the table, or `suite`.
        signals: What a search sees of the pool.
        evaluator: Trains and scores.
    """

    name: str
    signals: SignalTable
    evaluator: FineTuningEvaluator

    def search(self, make: Makes, seed: int, budget: int) -> Line:
        """Let a contestant search, and measure what it recommends with fresh trainings."""
        # A fresh table for each search: what it caches for one is of no use to the next.
        name, who = make(replace(self, signals=replace(self.signals)))
        history, subsets, started = History("bench", seed, budget), dict[str, Subset](), time.monotonic()
        while (trial := history.next_trial) <= budget:
            (asked,) = who.ask(history)
            subsets[asked.subset.fingerprint] = asked.subset
            replicate = self._first_of(seed) + history.replicate_of(asked.subset.fingerprint)
            try:
                utility = self.evaluator.evaluate(asked.subset, replicate).utility
            except TrainingFailedError as error:
                failed = FailedTrial(trial, asked.recipe, type(error).__name__, asked.proposal.to_json())
                history = replace(history, failures=(*history.failures, failed))
            else:
                history = with_observation(history, asked, trial, utility)
        chosen = subsets[who.recommend(history)]
        seconds = time.monotonic() - started
        return {
            "on": self.name,
            "contestant": name,
            "seed": seed,
            "budget": budget,
            "dev": [round(one.utility, 5) for one in history.observations],
            "failed": len(history.failures),
            "recipe": chosen.recipe.to_json(),
            "rows": len(chosen),
            "test": self.test(chosen, first=1_000 + 10 * seed),
            "seconds": round(seconds, 1),
        }

    def _first_of(self, seed: int) -> int:
        """First replicate of a search's trainings: the suite's searches share them, as they always did."""
        return 0 if self.name == SUITE else 100_000 + 100 * seed

    def alone(self, name: str, recipe: Recipe) -> Line:
        """Measure a recipe that no search chose."""
        subset = realise(recipe, self.signals)
        tested = self.test(subset, first=900)
        return {
            "on": self.name,
            "contestant": name,
            "seed": 0,
            "budget": 0,
            "rows": len(subset),
            "test": tested,
        }

    def test(self, subset: Subset, first: int) -> list[float]:
        """Test utilities of fresh trainings; replicates from `first` on belong to this test alone."""
        keys = [self.evaluator.evaluate(subset, first + more).key for more in range(_REPLICATES)]
        runs: list[Run] = [self.evaluator.open_test(key, "benchmark of solvers") for key in keys]
        return [round(float(value), 5) for value in utilities(runs, None)]


def ours(name: str) -> Makes:
    """A contestant by name; it knows how long a training is."""

    def make(shared: TrainedWorld) -> tuple[str, Contestant]:
        signals, training = shared.signals, shared.evaluator.training
        lengths = () if shared.name == SUITE else (training.max_tokens, training.tokens)
        return name, contestant(name, signals, catalogue(signals), *lengths)

    return make


def theirs(file: Path, scale: float) -> Makes:
    """The contestant of a Python file: `contestant(signals, templates, scale)`."""

    def make(shared: TrainedWorld) -> tuple[str, Contestant]:
        made = part_of_file(file, "contestant")
        found: tuple[str, Contestant] = made(shared.signals, catalogue(shared.signals), scale)
        return found

    return make


def suite_world(home: Home, rows: int) -> TrainedWorld:
    """Build the suite's world, and train the base model."""
    made, pool = world(rows, home), rows_of_pool(rows, home)
    folder = home.models / "bench-tiny"
    if not folder.exists():
        tiny_model(folder)
    benchmarks = tuple(benchmark_from(_settings(name), REAL_DATA) for name in _SELECTED_BY)
    raw = FineTuningEvaluator(home, pool, folder, benchmarks, _PRETRAINING)
    read = raw.evaluate(realise(Recipe(), made.signals), 0)
    base = home.evaluation(read.key) / "model"
    return TrainedWorld(SUITE, made.signals, FineTuningEvaluator(home, pool, base, benchmarks, _TRAINING))


def table_world(home: Home, name: str) -> TrainedWorld:
    """The pool, the benchmarks and the trainings of a table."""
    ready = prepare(SETTINGS[name], home)
    benchmarks = tuple(ready.workspace.benchmarks)
    trainer = FineTuningEvaluator(home, ready.pool, ready.base, benchmarks, ready.setting.training)
    return TrainedWorld(name, ready.signals, trainer)


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
    options = _options()
    home = Home.from_environment()
    shared = suite_world(home, options.rows) if options.on == SUITE else table_world(home, options.on)
    done = {_search_of(one) for one in stored_lines(options.shard)}
    for name, recipe in beside(shared).items():
        if (options.on, name, 0, 0) not in done:
            store_lines(options.shard, shared.alone(name, recipe))
    makes = [*map(ours, options.contestants), *(theirs(file, options.scale) for file in options.contestant)]
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for make in makes:
            if (options.on, make(shared)[0], seed, options.budget) not in done:
                line = shared.search(make, seed, options.budget)
                store_lines(options.shard, line)
                print(line["contestant"], seed, line["test"], line["seconds"], flush=True)
    lines = stored_lines(options.shard)
    figures = {on: summary([one for one in lines if on_of(one) == on], options.budget) for on in _ONS}
    figures["all tables"] = over_tables(lines, options.budget)
    print(json.dumps(figures, indent=2))
    if options.shard == SHARD:
        print(write_result("solver/trained", figures, _NOTE))


def beside(shared: TrainedWorld) -> dict[str, Recipe]:
    """What no search chose: the full pool, and on a table's pool plain filters and rows drawn by chance."""
    if shared.name == SUITE:
        return {_FULL: Recipe()}
    plain = usual_quarters(plain_filters(catalogue(shared.signals), 0))
    labelled = {_PLAIN + recipe.steps[0].label: recipe for recipe in plain}
    return {_FULL: Recipe(), _RANDOM: Recipe((KeepRandom(fraction=0.25),)), **labelled}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--on", choices=_ONS, default=SUITE, help="a table's pool, or the suite's")
    parser.add_argument("--contestants", nargs="*", default=CONTESTANTS)
    parser.add_argument("--contestant", type=Path, nargs="*", default=(), help="Python files of others")
    parser.add_argument("--scale", type=float, default=50.0, help="utility's factor for `--contestant`")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--budget", type=int, default=15)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the suite's pool")
    parser.add_argument("--shard", type=Path, default=SHARD)
    return parser.parse_args()


def on_of(line: Line) -> str:
    """Where a search was made; the first records were made on the suite's pool."""
    return str(line.get("on", SUITE))


def _search_of(line: Line) -> tuple[str, str, int, int]:
    return on_of(line), line["contestant"], line["seed"], line["budget"]


def summary(lines: Sequence[Line], budget: int) -> dict[str, Json]:
    """Mean test utility of every contestant, and ours minus each other one over the seeds of both.

    What no search chose, the full pool and plain filters, has one mean, which all seeds of ours are compared
    with; the error of the difference holds that of both.
    """
    of = _tests(lines, budget)
    figures: dict[str, Json] = {
        name: {
            "searches": len(found),
            "test_utility": round(float(np.mean(list(found.values()))), 4),
        }
        for name, found in of.items()
        if found
    }
    own = our_name(of)
    for name, found in of.items():
        if name != own and own in of:
            figures |= _difference(of[own], own, found, name)
    return figures


def over_tables(lines: Sequence[Line], budget: int) -> dict[str, Json]:
    """Ours minus each other contestant, search by search over all tables on which both have the seed."""
    on = [_tests([one for one in lines if on_of(one) == name], budget) for name in SETTINGS]
    own = our_name({name for of in on for name in of})
    names = dict.fromkeys(name for of in on for name in of if name != own and not _is_alone(name))
    figures = {
        name: [
            float(np.mean(of[own][seed]) - np.mean(of[name][seed]))
            for of in on
            if own in of and name in of
            for seed in sorted(of[own].keys() & of[name].keys())
        ]
        for name in names
    }
    return {
        f"{own} minus {name}": _of_gains(np.array(gains), 0.0)
        for name, gains in figures.items()
        if len(gains) >= _MIN_PAIRS
    }


def _tests(lines: Sequence[Line], budget: int) -> dict[str, dict[int, list[float]]]:
    """Test utilities by contestant and seed."""
    return {
        name: {one["seed"]: one["test"] for one in lines if _is(one, name, budget)}
        for name in dict.fromkeys(one["contestant"] for one in lines)
    }


def _is_alone(name: str) -> bool:
    """Whether no search chose it."""
    return name in (_FULL, _RANDOM) or name.startswith(_PLAIN)


def _of_gains(gains: np.ndarray, other_variance: float) -> dict[str, Json]:
    """Mean of paired differences; the two-sided p flips their signs."""
    flipped = permutation_test((gains,), np.mean, permutation_type="samples", n_resamples=100_000, rng=0)
    return {
        "mean": round(float(gains.mean()), 4),
        "standard_error": round(float((np.var(gains, ddof=1) / len(gains) + other_variance) ** 0.5), 4),
        "better_in": int((gains > 0).sum()),
        "of": len(gains),
        "p": round(float(flipped.pvalue), 4),
    }


def _difference(
    own: dict[int, list[float]], own_name: str, other: dict[int, list[float]], name: str
) -> dict[str, Json]:
    alone = _is_alone(name)
    shared = sorted(own) if alone else sorted(own.keys() & other.keys())
    if len(shared) < _MIN_PAIRS or not other:
        return {}
    level = [float(np.mean(other[0 if alone else seed])) for seed in shared]
    gains = np.array([np.mean(own[seed]) for seed in shared]) - level
    runs = float(np.var(other[0], ddof=1) / _REPLICATES) if alone else 0.0
    figures = _of_gains(gains, runs)
    # Flipping signs knows nothing of the error of a level that is the same in every pair.
    return {f"{own_name} minus {name}": {key: figures[key] for key in figures if key != "p" or not alone}}


def _is(line: Line, name: str, budget: int) -> bool:
    return line["contestant"] == name and line["budget"] in (0, budget)


_NOTE = (
    "test utility is the mean log likelihood of a token of the reference answers, in nats; higher is better"
)

if __name__ == "__main__":
    main()
