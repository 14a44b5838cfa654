"""Evaluations that a warm start saves after the pool has changed: `python -m bench.solver.warm --help`.

A search on one part of the pool, then two on another part that shares 90 % of the rows: one that starts cold
with the whole budget, one that starts from the first search and has half of it. Every finished trio is one
line of `bench/results/solver/warm.jsonl.gz`; a trio in that file is not run again.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.history.values import EarlierObservation, History, Observation
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Policy, Solver
from autoselection_core.subset import Subset, realise_many
from bench.result import store_lines, stored_lines
from bench.solver.__main__ import FOLDER, course
from bench.solver.landscapes.landscape import TUNED, UNSEEN
from bench.solver.landscapes.optimum import RANDOM_RECIPES
from bench.solver.landscapes.world import ROWS

_CHANGED = 0.1
_POLICY = Policy(version=1, fresh=300, edits=240)
"""Fewer candidates than by default, alike for warm and cold, so that a trio costs seconds. The stored
searches have the first version."""


@dataclass(frozen=True, eq=False)
class PartOfWorld:
    """Some rows of the world as a pool of its own.

    Attributes:
        signals: The part.
        rows: Its rows of the world.
    """

    signals: SignalTable
    rows: Rows

    @classmethod
    def of(cls, signals: SignalTable, rows: Rows, name: str) -> "PartOfWorld":
        """Those rows; pairs with one of the others are left out."""
        place = np.full(len(signals), -1)
        place[rows] = np.arange(len(rows))
        pairs = {key: _pairs(value, place) for key, value in signals.pairs.items()}
        columns = {key: signals[key][rows] for key in signals.columns}
        labels = {key: value[rows] for key, value in signals.labels.items()}
        ids = signals.ids[rows]
        made = SignalTable(
            name,
            signals.keys[rows],
            columns,
            pairs=pairs,
            labels=labels,
            label_names=signals.label_names,
            ids=ids,
        )
        return cls(made, rows)


def _pairs(pairs: PairList, place: Rows) -> PairList:
    low, high = place[pairs.low], place[pairs.high]
    kept = (low >= 0) & (high >= 0)
    return replace(
        pairs,
        low=low[kept].astype(np.int32),
        high=high[kept].astype(np.int32),
        similarity=pairs.similarity[kept],
    )


def parts(signals: SignalTable, seed: int) -> tuple[PartOfWorld, PartOfWorld]:
    """Two parts; a tenth of the rows of either is not in the other."""
    order = np.random.default_rng((seed, 5)).permutation(len(signals))
    out = round(_CHANGED * len(signals))
    return tuple(  # type: ignore[return-value]  # two by construction
        PartOfWorld.of(signals, np.sort(np.delete(order, np.arange(start, start + out))), f"part {start}")
        for start in (0, out)
    )


def search(
    part: PartOfWorld,
    utility: Callable[[Rows], float],
    seed: int,
    budget: int,
    earlier: tuple[EarlierObservation, ...] = (),
) -> tuple[History, list[float]]:
    """A search with noise of one point; also the true utility of its recommendation after each evaluation."""
    solver = Solver(part.signals, catalogue(part.signals), _POLICY, earlier)
    rng = np.random.default_rng((seed, 6, len(earlier)))
    history, found, truths = History("warm", seed, budget), list[float](), dict[str, float]()
    for trial in range(1, budget + 1):
        (asked,) = solver.ask(history)
        name = asked.subset.fingerprint
        truths[name] = utility(part.rows[asked.subset.rows])
        seen = Observation(
            trial,
            asked.recipe,
            name,
            history.replicate_of(name),
            truths[name] + float(rng.normal()),
            {},
            None,
            1.0,
            len(asked.subset),
        )
        history = replace(history, observations=(*history.observations, seen))
        found.append(truths[solver.recommend(history).subset])
    return history, found


def told(history: History, old: PartOfWorld, new: PartOfWorld) -> tuple[EarlierObservation, ...]:
    """Observations of the first search, transferred to the changed pool."""
    recipes = [one.recipe for one in history.observations]
    both = [realise_many(recipes, part.signals) for part in (old, new)]
    return tuple(
        EarlierObservation(
            "old", one.trial, one.recipe, one.utility, _jaccard(old.rows[then.rows], new.rows[now.rows])
        )
        for one, then, now in zip(history.observations, *both, strict=True)
        if isinstance(then, Subset) and isinstance(now, Subset)
    )


def _jaccard(then: Rows, now: Rows) -> float:
    shared = len(np.intersect1d(then, now, assume_unique=True))
    return shared / (len(then) + len(now) - shared)


def main() -> None:
    """Run what is missing, and print how often a warm start paid."""
    options = _options()
    built, file = course(options.folder, ROWS, RANDOM_RECIPES), options.folder / "warm.jsonl.gz"
    done = stored_lines(file)
    known = {(one["landscape"], one["seed"]) for one in done}
    for seed in range(options.seeds):
        old, new = parts(built.world.signals, seed)
        for name in (name for name in (*TUNED, *UNSEEN) if (name, seed) not in known):
            landscape, optimum = built.landscapes[name], built.optima[name].utility
            first, _ = search(old, landscape, seed, options.budget)
            _, cold = search(new, landscape, seed + 1000, options.budget)
            _, warm = search(new, landscape, seed + 1000, options.budget // 2, told(first, old, new))
            trio = {"landscape": name, "seed": seed, "cold": cold, "warm": warm, "optimum": optimum}
            store_lines(file, trio)
            done.append(trio)
    print(summary(done))


def summary(trios: list[dict[str, Any]]) -> str:
    """Median regrets of the cold and the warm searches by number of evaluations."""
    lines = []
    for kind in ("cold", "warm"):
        regrets = np.array([[one["optimum"] - value for value in one[kind]] for one in trios])
        shown = ", ".join(
            f"{count + 1}: {value:.2f}" for count, value in enumerate(np.median(regrets, axis=0))
        )
        lines.append(f"{kind}, median regret over {len(trios)} searches after n evaluations: {shown}")
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budget", type=int, default=15)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
