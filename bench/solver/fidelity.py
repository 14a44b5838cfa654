"""Gain by a cheaper fidelity at equal cost: `python -m bench.solver.fidelity --help`.

Four searches with the same budget, seed and landscape: one without a cheaper fidelity, one with a fidelity
that ranks recipes nearly as the full one does, one with a fidelity that does so loosely, one with a fidelity
that misleads. Cheap scores are of another utility: the full one mixed with that of the next landscape, or the
full one with the opposite sign; all are noisy by one point. Each four are one line of
`bench/results/solver/fidelity.jsonl.gz`; what that file holds is not run again. Summaries with commit and
machine are left in `bench/results/solver.json`, under `fidelity_BUDGET_COST`.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.history.values import CheapTrial, History
from autoselection_core.identity import Json
from autoselection_core.operators.catalogue import catalogue
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver import Candidate, Policy, Solver
from bench.result import store_lines, stored_lines, write_result
from bench.solver.__main__ import FOLDER, course
from bench.solver.landscapes.landscape import TUNED, UNSEEN, Landscape
from bench.solver.landscapes.optimum import RANDOM_RECIPES
from bench.solver.landscapes.world import ROWS
from bench.solver.race import with_observation

_CLOSE, _LOOSE = 0.98, 0.9
"""Weights of the full utility in the cheap one, of squares that add up to 1."""

KINDS = ("without", "close", "loose", "misleading")

_POLICY = Policy(version=1, fresh=300, edits=240)
"""Fewer candidates than by default, alike for all, so that a search costs seconds. The stored searches have
the first version."""

Utility = Callable[[Rows], float]


def cheap_utilities(landscapes: Mapping[str, Landscape], name: str) -> dict[str, Utility | None]:
    """Utility that the cheap scores of each search are of; None for the search without."""
    names = (*TUNED, *UNSEEN)
    full, other = landscapes[name], landscapes[names[(names.index(name) + 1) % len(names)]]

    def mixed(share: float) -> Utility:
        return lambda rows: share * full(rows) + (1 - share**2) ** 0.5 * other(rows)

    utilities = (None, mixed(_CLOSE), mixed(_LOOSE), lambda rows: -full(rows))
    return dict(zip(KINDS, utilities, strict=True))


def search(
    signals: SignalTable, full: Utility, cheap: Utility | None, *, seed: int, budget: int, cost: float
) -> dict[str, Any]:
    """A search with noise of one point: what it recommends in truth, and how it spent its budget."""
    prices = {} if cheap is None else {"short": cost}
    solver = Solver(signals, catalogue(signals), _POLICY, prices=prices)
    rng, truths = np.random.default_rng((seed, 8)), dict[str, float]()
    history = History("fidelity", seed, budget)
    while history.spent + 1 <= budget + 1e-9:
        (asked,) = solver.ask(history)
        noise = float(rng.normal())
        if asked.proposal.fidelity:
            assert cheap is not None, "only a declared fidelity is chosen"
            history = _with_low_fidelity(history, asked, cheap(asked.subset.rows) + noise, cost)
            continue
        truth = truths.setdefault(asked.subset.fingerprint, full(asked.subset.rows))
        history = with_observation(history, asked, history.next_trial, truth + noise)
    found = truths[solver.recommend(history).subset]
    weighed: list[Any] = [one.proposal.get("weighed") for one in history.observations]
    trusts = [each["trust"] for one in weighed for each in one or () if "trust" in each]
    return {
        "recommended": round(found, 4),
        "full": len(history.observations),
        "cheap": len(history.cheap),
        "trust": [round(trusts[0], 3), round(trusts[-1], 3)] if trusts else [],
    }


def _with_low_fidelity(history: History, asked: Candidate, utility: float, cost: float) -> History:
    proposal = asked.proposal.to_json()
    name = asked.subset.fingerprint
    cheap = CheapTrial(
        history.next_trial, asked.proposal.fidelity, asked.recipe, name, utility, cost, proposal
    )
    return replace(history, cheap=(*history.cheap, cheap))


def main() -> None:
    """Run what is missing, and print the gain by each fidelity."""
    options = _options()
    built, file = course(options.folder, ROWS, RANDOM_RECIPES), options.folder / "fidelity.jsonl.gz"
    done = stored_lines(file)
    fixed = {"budget": options.budget, "cost": options.cost}
    asked = [
        {"landscape": name, "seed": seed, **fixed}
        for seed in range(options.seeds)
        for name in (*TUNED, *UNSEEN)
    ]
    for one in asked:
        if any(one.items() <= each.items() for each in done):
            continue
        name = str(one["landscape"])
        full, optimum = built.landscapes[name], built.optima[name].utility
        found = {
            kind: search(built.world.signals, full, cheap, seed=int(one["seed"]), **fixed)
            for kind, cheap in cheap_utilities(built.landscapes, name).items()
        }
        four = {**one, "optimum": optimum, **found}
        store_lines(file, four)
        done.append(four)
    mine = [each for each in done if fixed.items() <= each.items()]
    found_figures = {kind: figures(mine, kind) for kind in KINDS}
    for kind, values in found_figures.items():
        print(f"{kind}: {values}")
    name = f"solver/fidelity_{options.budget}_{options.cost:g}"
    write_result(name, {**fixed, "fours": len(mine), **found_figures})


def figures(fours: Sequence[Mapping[str, Any]], kind: str) -> dict[str, Json]:
    """Regret of one kind of search, paired difference from the one without, and what was paid for."""
    regret, without = (
        np.array([one["optimum"] - one[each]["recommended"] for one in fours]) for each in (kind, "without")
    )
    less = without - regret
    return {
        "mean_regret": round(float(regret.mean()), 2),
        "median_regret": round(float(np.median(regret)), 2),
        "less_than_without": round(float(less.mean()), 2),
        "standard_error": round(float(less.std(ddof=1)) / len(less) ** 0.5, 2) if len(less) > 1 else None,
        "better": int((less > 0).sum()),
        "worse": int((less < 0).sum()),
        "full_evaluations": round(float(np.mean([one[kind]["full"] for one in fours])), 1),
        "cheap_evaluations": round(float(np.mean([one[kind]["cheap"] for one in fours])), 1),
        "heeded": sum(bool(one[kind]["trust"]) for one in fours),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--budget", type=int, default=15)
    parser.add_argument("--cost", type=float, default=0.1, help="of a cheap score, in full trainings")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    return parser.parse_args()


if __name__ == "__main__":
    main()
