"""From shards to tables: regret against random recipe search, calibration, seconds."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.identity import Json
from bench.result import Machine, stored_lines
from bench.solver.landscapes.landscape import TUNED, UNSEEN
from bench.solver.landscapes.optimum import Optimum

Runs = Sequence[Mapping[str, Any]]
Numbers = npt.NDArray[np.float64]

_FLIPS = 4000


def paired_regrets(runs: Runs, best: Mapping[str, float], one: str, other: str, mark: str) -> Numbers:
    """Regrets of two contestants on the searches that both finished. Shape (2, m), in points."""
    both = [_by_course(runs, best, name, mark) for name in (one, other)]
    courses = sorted(set(both[0]) & set(both[1]))
    return np.array([[regrets[course] for course in courses] for regrets in both])


def chance_of_no_gain(pairs: Numbers, seed: int = 0) -> float:
    """One-sided p-value of the first contestant's lower mean regret, by flipping signs of differences."""
    differences = pairs[1] - pairs[0]
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], (_FLIPS, len(differences)))
    return float((1 + ((signs * differences).mean(axis=1) >= differences.mean()).sum()) / (1 + _FLIPS))


def average_ranks(runs: Runs, best: Mapping[str, float], mark: str) -> dict[str, tuple[float, int]]:
    """Mean rank by regret over the searches that all contestants finished, and how many there are.

    Rank 1 is the best; equal regrets share their mean rank.
    """
    from scipy.stats import rankdata

    names = sorted({run["contestant"] for run in runs})
    regrets = [_by_course(runs, best, name, mark) for name in names]
    courses = sorted(set.intersection(*(set(one) for one in regrets)))
    if not courses:
        return {}
    ranks = rankdata([[one[course] for course in courses] for one in regrets], axis=0)
    return {name: (float(rank.mean()), len(courses)) for name, rank in zip(names, ranks, strict=True)}


def _by_course(runs: Runs, best: Mapping[str, float], name: str, mark: str) -> dict[tuple[str, int], float]:
    return {
        (run["landscape"], run["seed"]): best[run["landscape"]] - run["recommended"][mark]
        for run in runs
        if run["contestant"] == name and mark in run["recommended"]
    }


BASELINE = "random"
_OURS = ("default", "default:version=4", "default:version=1")
"""The default policy; a version by name, which searches of their time have, where nothing else was raced."""

_RESAMPLES = 2000
_MARKS = ("15", "40")


def our_name(contestants: Iterable[str]) -> str:
    """Contestant that the others are compared with."""
    raced = set(contestants)
    return next((name for name in _OURS if name in raced), _OURS[0])


def report(folder: Path, optima: Mapping[str, Optimum]) -> str:
    """Markdown tables over all shards of a folder."""
    runs = _runs(folder, optima)
    best = _best_known(runs, optima)
    settings = sorted({(run["noise"], run["budget"]) for run in runs})
    parts = ["# Solvers on simulated utilities over real rows\n", _machine(), _optimum_table(optima, best)]
    parts += [
        _section([run for run in runs if (run["noise"], run["budget"]) == one], best, *one)
        for one in settings
    ]
    return "\n".join(parts)


def figures(folder: Path, optima: Mapping[str, Optimum], noise: float = 1.0) -> dict[str, Json]:
    """The figures that targets are set for, by contestant: after 15 and 40 evaluations at one noise."""
    runs = [run for run in _runs(folder, optima) if run["noise"] == noise]
    best = _best_known(runs, optima)
    found: dict[str, Json] = {}
    for name in sorted({run["contestant"] for run in runs}):
        for mark in _MARKS:
            own, base = paired_regrets(runs, best, name, BASELINE, mark)
            if len(own):
                found[f"{name}, {mark} evaluations"] = {
                    "searches": len(own),
                    "median_regret_points": round(float(np.median(own)), 3),
                    "mean_regret_points": round(float(np.mean(own)), 3),
                    "ratio_of_medians_to_random": round(float(np.median(own) / np.median(base)), 3),
                }
    return found


def _runs(folder: Path, optima: Mapping[str, Optimum]) -> Runs:
    """All finished searches on known landscapes."""
    return [run for run in stored_lines(folder / "runs.jsonl.gz") if run["landscape"] in optima]


def regrets(
    runs: Runs, best: Mapping[str, float], mark: str, key: str = "recommended"
) -> npt.NDArray[np.float64]:
    """Simple regrets, in points."""
    return np.array([best[run["landscape"]] - run[key][mark] for run in runs if mark in run[key]])


def _machine() -> str:
    here = Machine.here()
    return (
        f"{here.processor}, {here.cores} cores, one thread; {here.load:.1f} processes wanted to run when "
        "this was written, so seconds are upper bounds. Contestants are compared with random recipe search "
        "on the landscapes and seeds that both finished.\n"
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
    head = "| landscape | best random recipe | after local search | best known |\n|---|---:|---:|---:|"
    return "\n".join(
        ["Utilities in points; random recipes have mean 0 and standard deviation 3.\n", head, *rows, ""]
    )


def _section(runs: Runs, best: Mapping[str, float], noise: float, budget: int) -> str:
    groups = {"all": tuple(best), "tuned": TUNED, "unseen": UNSEEN}
    names = sorted({run["contestant"] for run in runs})
    marks = [mark for mark in _MARKS if int(mark) <= budget]
    parts = [f"## Noise {noise:g}, budget {budget}\n"]
    for mark in marks:
        columns = (
            "contestant",
            "runs",
            "ratio",
            "tuned",
            "unseen",
            "median",
            "mean",
            "default there",
            "rank",
        )
        head = f"| {' | '.join(columns)} |"
        ranks = average_ranks(runs, best, mark)
        rows = [_row(runs, best, name, mark, groups=groups, ranks=ranks) for name in names]
        parts += [
            f"After {mark} evaluations (ratio of median regrets to random recipe search, 90 % interval):\n"
        ]
        parts += [
            head,
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
            *rows,
            "",
            _by_landscape(runs, best, names, mark),
            "",
            _tests(runs, best, mark),
            "",
        ]
    return "\n".join([*parts, _calibration(runs, names)])


def _row(
    runs: Runs,
    best: Mapping[str, float],
    name: str,
    mark: str,
    *,
    groups: Mapping[str, Sequence[str]],
    ranks: Mapping[str, tuple[float, int]],
) -> str:
    cells = []
    for landscapes in groups.values():
        inside = [run for run in runs if run["landscape"] in landscapes]
        cells.append(_ratio(paired_regrets(inside, best, name, BASELINE, mark)))
    own, ours = paired_regrets(runs, best, name, our_name(run["contestant"] for run in runs), mark)
    if not len(own):
        return f"| {name} | 0 | {' | '.join(cells)} | - | - | - | - |"
    rank = f"{ranks[name][0]:.2f}" if name in ranks else "-"
    middle = f"{np.median(own):.2f} | {np.mean(own):.2f} | {np.median(ours):.2f}"
    return f"| {name} | {len(own)} | {' | '.join(cells)} | {middle} | {rank} |"


def _ratio(pairs: npt.NDArray[np.float64]) -> str:
    """Ratio of median regrets, with a 90 % interval from resampling the pairs."""
    if not pairs.size:
        return "-"
    rng = np.random.default_rng(0)
    places = rng.integers(pairs.shape[1], size=(_RESAMPLES, pairs.shape[1]))
    ours, base = (np.median(side[places], axis=1) for side in pairs)
    low, high = np.quantile(ours / np.maximum(base, 1e-9), [0.05, 0.95])
    middle = np.median(pairs[0]) / max(float(np.median(pairs[1])), 1e-9)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _tests(runs: Runs, best: Mapping[str, float], mark: str) -> str:
    """The default policy against random recipe search, landscape by landscape."""
    rows, ours = [], our_name(run["contestant"] for run in runs)
    for landscape in best:
        here = [run for run in runs if run["landscape"] == landscape]
        pairs = paired_regrets(here, best, ours, BASELINE, mark)
        if pairs.size:
            means = f"{pairs[0].mean():.2f} | {pairs[1].mean():.2f}"
            rows.append(f"| {landscape} | {pairs.shape[1]} | {means} | {chance_of_no_gain(pairs):.4f} |")
    head = f"| landscape | pairs | {ours} | random | p, by flipping signs |\n|---|---:|---:|---:|---:|"
    return "\n".join([head, *rows])


def _by_landscape(runs: Runs, best: Mapping[str, float], names: Sequence[str], mark: str) -> str:
    landscapes = [name for name in best if any(run["landscape"] == name for run in runs)]
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
        "| contestant | best observed over recommended | 50 % interval covers | 90 % covers "
        "| log density | of a constant | s an answer |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    rows = []
    for name in names:
        own = [run for run in runs if run["contestant"] == name]
        seconds = f"{np.mean([run['ask_seconds'] for run in own]):.3f}"
        last = [str(run["budget"]) for run in own]
        luck = np.mean([run["luckiest"][m] - run["recommended"][m] for run, m in zip(own, last, strict=True)])
        known = [run for run in own if run["predictions"]]
        if not known:
            rows.append(f"| {name} | {luck:.2f} | - | - | - | - | {seconds} |")
            continue
        weights = [run["predictions"] for run in known]
        half, most = (
            np.average([run["covered"][level] for run in known], weights=weights) for level in ("50", "90")
        )
        ours, flat = (
            np.average([run["log_density"][place] for run in known], weights=weights) for place in (0, 1)
        )
        rows.append(
            f"| {name} | {luck:.2f} | {half:.2f} | {most:.2f} | {ours:.2f} | {flat:.2f} | {seconds} |"
        )
    return "\n".join([head, *rows, ""])
