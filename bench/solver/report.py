"""From shards to tables: regret against random recipe search, calibration, seconds."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.result import Machine
from bench.solver.landscapes import TUNED, UNSEEN
from bench.solver.optimum import Optimum

BASELINE = "random"
_RESAMPLES = 2000
_MARKS = ("15", "40")

Runs = Sequence[Mapping[str, Any]]


def report(folder: Path, optima: Mapping[str, Optimum]) -> str:
    """Markdown tables over all shards of a folder."""
    runs: Runs = [
        json.loads(line) for shard in sorted((folder / "runs").glob("*.jsonl")) for line in shard.open()
    ]
    best = _best_known(runs, optima)
    runs = _shared(runs)
    settings = sorted({(run["noise"], run["budget"]) for run in runs})
    parts = ["# Solvers on simulated utilities over real rows\n", _machine(), _optimum_table(optima, best)]
    parts += [
        _section([run for run in runs if (run["noise"], run["budget"]) == one], best, *one)
        for one in settings
    ]
    return "\n".join(parts)


def _shared(runs: Runs) -> Runs:
    """The runs of those landscapes and seeds that every contestant has finished at one noise and budget."""
    courses: dict[tuple[float, int], dict[str, set[tuple[str, int]]]] = {}
    for run in runs:
        contestants = courses.setdefault((run["noise"], run["budget"]), {})
        contestants.setdefault(run["contestant"], set()).add((run["landscape"], run["seed"]))
    shared = {setting: set.intersection(*done.values()) for setting, done in courses.items()}
    return [run for run in runs if (run["landscape"], run["seed"]) in shared[run["noise"], run["budget"]]]


def regrets(
    runs: Runs, best: Mapping[str, float], mark: str, key: str = "recommended"
) -> npt.NDArray[np.float64]:
    """Simple regrets, in points."""
    return np.array([best[run["landscape"]] - run[key][mark] for run in runs if mark in run[key]])


def _machine() -> str:
    here = Machine.here()
    return (
        f"{here.processor}, {here.cores} cores, one thread; {here.load:.1f} processes wanted to run when "
        "this was written, so seconds are upper bounds. Only seeds that all contestants finished count.\n"
    )


def _best_known(runs: Runs, optima: Mapping[str, Optimum]) -> dict[str, float]:
    """The optimum, or better if any contestant found it."""
    best = {name: one.utility for name, one in optima.items()}
    for run in runs:
        best[run["landscape"]] = max(best[run["landscape"]], *run["best"].values())
    return best


def _optimum_table(optima: Mapping[str, Optimum], best: Mapping[str, float]) -> str:
    rows = [
        f"| {name} | {one.random:.2f} | {one.utility:.2f} | {best[name]:.2f} |"
        for name, one in optima.items()
    ]
    head = "| landscape | best random recipe | after climbing | best known |\n|---|---:|---:|---:|"
    return "\n".join(
        ["Utilities in points; random recipes have mean 0 and standard deviation 3.\n", head, *rows, ""]
    )


def _section(runs: Runs, best: Mapping[str, float], noise: float, budget: int) -> str:
    groups = {"all": (*TUNED, *UNSEEN), "tuned": TUNED, "unseen": UNSEEN}
    names = sorted({run["contestant"] for run in runs})
    marks = [mark for mark in _MARKS if int(mark) <= budget]
    parts = [f"## Noise {noise:g}, budget {budget}\n"]
    for mark in marks:
        head = "| contestant | runs | ratio | ratio tuned | ratio unseen | median | mean |"
        rows = [_row(runs, best, name, mark, groups) for name in names]
        parts += [
            f"After {mark} evaluations (ratio of median regrets to random recipe search, 90 % interval):\n"
        ]
        parts += [
            head,
            "|---|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            _by_landscape(runs, best, names, mark),
            "",
        ]
    return "\n".join([*parts, _calibration(runs, names)])


def _row(
    runs: Runs, best: Mapping[str, float], name: str, mark: str, groups: Mapping[str, Sequence[str]]
) -> str:
    cells = []
    for landscapes in groups.values():
        ours, base = (
            [run for run in runs if run["contestant"] == who and run["landscape"] in landscapes]
            for who in (name, BASELINE)
        )
        cells.append(_ratio(regrets(ours, best, mark), regrets(base, best, mark)))
    own = regrets([run for run in runs if run["contestant"] == name], best, mark)
    return f"| {name} | {len(own)} | {' | '.join(cells)} | {np.median(own):.2f} | {np.mean(own):.2f} |"


def _ratio(ours: npt.NDArray[np.float64], base: npt.NDArray[np.float64]) -> str:
    if not len(ours) or not len(base):
        return "-"
    rng = np.random.default_rng(0)
    draws = [
        np.median(rng.choice(ours, len(ours))) / max(np.median(rng.choice(base, len(base))), 1e-9)
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(draws, [0.05, 0.95])
    return f"{np.median(ours) / np.median(base):.2f} ({low:.2f} to {high:.2f})"


def _by_landscape(runs: Runs, best: Mapping[str, float], names: Sequence[str], mark: str) -> str:
    landscapes = [name for name in (*TUNED, *UNSEEN) if any(run["landscape"] == name for run in runs)]
    head = f"| mean regret | {' | '.join(landscapes)} |\n|---|{'---:|' * len(landscapes)}"
    rows = []
    for name in names:
        cells = []
        for landscape in landscapes:
            own = regrets(
                [run for run in runs if run["contestant"] == name and run["landscape"] == landscape],
                best,
                mark,
            )
            cells.append(f"{own.mean():.2f}" if len(own) else "-")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([head, *rows])


def _calibration(runs: Runs, names: Sequence[str]) -> str:
    head = (
        "| contestant | 50 % interval covers | 90 % covers | log density | of a constant | s an answer |\n"
        "|---|---:|---:|---:|---:|---:|"
    )
    rows = []
    for name in names:
        own = [run for run in runs if run["contestant"] == name]
        seconds = f"{np.mean([run['ask_seconds'] for run in own]):.3f}"
        known = [run for run in own if run["predictions"]]
        if not known:
            rows.append(f"| {name} | - | - | - | - | {seconds} |")
            continue
        weights = [run["predictions"] for run in known]
        half, most = (
            np.average([run["covered"][level] for run in known], weights=weights) for level in ("50", "90")
        )
        ours, flat = (
            np.average([run["log_density"][place] for run in known], weights=weights) for place in (0, 1)
        )
        rows.append(f"| {name} | {half:.2f} | {most:.2f} | {ours:.2f} | {flat:.2f} | {seconds} |")
    return "\n".join([head, *rows, ""])
