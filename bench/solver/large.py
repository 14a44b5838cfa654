"""Searches over large pools whose candidates are compared on a sample, beside ones that compare all rows.

    python -m bench.solver.large --rows 250000 --seeds 2

The pool repeats real rows with noise on every signal, and has near copies in cliques; the landscapes are a
draw that is not reported elsewhere. Both searches see the same pool, noise and seed, and what counts is the
true utility of what each recommends. Few candidates a round: an answer over all rows takes minutes.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from autoselection_core.history.values import History
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Policy, Solver
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.subset import Subset, realise, realise_many
from bench.engine.pools import made_up_keys, near_duplicates
from bench.result import write_result
from bench.solver.landscapes.landscape import Landscape, landscapes
from bench.solver.landscapes.world import LandscapeWorld, world
from bench.solver.race import with_observation

DRAW, NOISE, BUDGET = 22, 1.0, 10
FEW = Policy(fresh=80, edits=240, generations=3)
NAMES = ("quality", "mix")
_REFERENCE, _JITTER = 40, 0.1


def large_world(rows: int, base: LandscapeWorld) -> LandscapeWorld:
    """Rows drawn from a world with replacement, with noise of a tenth of its spread on every column."""
    rng = np.random.default_rng(rows)
    drawn = rng.integers(0, len(base.signals), rows)
    near = near_duplicates(rows, rng)
    columns = {
        name: (values[drawn] + _JITTER * np.nanstd(values) * rng.normal(size=rows)).astype(np.float32)
        for name, values in base.signals.columns.items()
    }
    copies = np.arange(rows)
    copies[near.high[::-1]] = near.low[::-1]  # the lowest row of each clique
    signals = SignalTable(
        f"large {rows}",
        made_up_keys(rows, rng),
        columns,
        pairs={"near_duplicates": near},
        labels={"source": base.signals.label("source")[drawn]},
        label_names=base.signals.label_names,
    )
    style = {name: values[drawn] for name, values in base.style.items()}
    return LandscapeWorld(signals, base.themes[drawn], style, base.topics[drawn], copies)


def search(signals: SignalTable, landscape: Landscape, policy: Policy, seed: int) -> tuple[float, float]:
    """True utility of the recommended subset in points, and seconds of an answer on average."""
    solver, rng = Solver(signals, catalogue(signals), policy), np.random.default_rng((seed, 5))
    history, seconds = History("large", seed, BUDGET), 0.0
    for trial in range(1, BUDGET + 1):
        started = time.perf_counter()
        (asked,) = solver.ask(history)
        seconds += time.perf_counter() - started
        utility = landscape(asked.subset.rows) + NOISE * float(rng.normal())
        history = with_observation(history, asked, trial, utility)
    chosen = solver.recommend(history).recipe
    return landscape(realise(chosen, signals).rows), seconds / BUDGET


def made(rows: int) -> tuple[SignalTable, Mapping[str, Landscape]]:
    """The pool, and the landscapes over it."""
    large = large_world(rows, world())
    recipes = latin_recipes(catalogue(large.signals), _REFERENCE, 4, 0)
    found = [each.rows for each in realise_many(recipes, large.signals) if isinstance(each, Subset)]
    return large.signals, landscapes(large, found, DRAW)


def main() -> None:
    """Run the searches, and leave the result file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=250_000)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    signals, known = made(asked.rows)
    whole = replace(FEW, sample_rows=asked.rows)
    pairs: list[Json] = []
    for seed in range(asked.seeds):
        for name in NAMES:
            (left, fast), (right, slow) = (search(signals, known[name], each, seed) for each in (FEW, whole))
            pairs.append({"landscape": name, "seed": seed, "sample": left, "whole": right, "s": [fast, slow]})
            print(pairs[-1], flush=True)
            gaps = np.array([float(each["sample"]) - float(each["whole"]) for each in pairs])  # type: ignore[call-overload,index,arg-type] # JSON
            error = float(gaps.std(ddof=1) / len(gaps) ** 0.5) if len(gaps) > 1 else None
            figures: dict[str, Json] = {
                "rows": asked.rows,
                "points, sample minus whole": round(float(gaps.mean()), 3),
                "standard error": error,
                "searches": pairs,
            }
            write_result(f"solver/large_{asked.rows}", figures, "other work shared the cores")


if __name__ == "__main__":
    main()
