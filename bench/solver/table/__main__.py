"""Tables of real trainings: record one, or play searches on those that were recorded.

    python -m bench.solver.table record small_pool        # goes on where it or the packed file ends
    python -m bench.solver.table pack small_pool       # writes what was recorded so far
    python -m bench.solver.table play                  # all tables, some minutes

The pool's files are read from the shared data, so `AUTOSELECTION_DATA` has to name its folder for `record`.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from autoselection_core.identity import Json
from autoselection_core.store.home import Home
from bench.result import write_result
from bench.solver.table.findings import forecasts, makeup, orderings, rank_correlations
from bench.solver.table.play import Player, gaps, players
from bench.solver.table.record import lines_of, record, utility
from bench.solver.table.setting import SETTINGS, prepare
from bench.solver.table.table import FOLDER, TrainingTable, load, pack, packed_lines

_PLAYERS = (
    "default",
    "default/ucb",
    "default/mean",
    "default/uncertainty",
    "default/plain",
    "third-default",
    "third-default/ucb",
    "third-default/uncertainty",
    "third-composition",
    "third-shares",
    "third-shares/uncertainty",
    "composition",
    "composition/ucb",
    "composition/plain",
    "state",
    "distance",
    "program",
    "groups:cluster/10",
    "groups:cluster/20",
    "groups:cluster/40",
    "groups:cluster/",
    "groups:topic",
    "groups:source",
    "groups:cluster/+source",
    "groups:mean embedding",
    "groups:relevance+ifd+response_loss",
)
_ORDERING_SEEDS = 20
_PACKED_EVERY = 20


def main() -> None:
    """Run a subcommand."""
    options = _options()
    if options.command == "play":
        figures = {path.stem: played(load(path), options) for path in sorted(options.folder.glob("*.npz"))}
        print(json.dumps(figures, indent=2))
        write_result("solver/tables", figures, "gaps in nats, dev items, the second training judges")
        return
    home = Home.from_environment()
    prepared = prepare(SETTINGS[options.name], home)
    file = home.root / "tables" / options.name / "lines.jsonl"
    packed = options.folder / f"{options.name}.npz"
    if packed.exists() and not file.exists():
        kept = packed_lines(packed, prepared.signals.pool_version)
        file.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
    for line in record(prepared, file, options.recipes) if options.command == "record" else ():
        print(line["kind"], line["rows"], [round(utility(run), 4) for run in line["runs"]], flush=True)
        if len(lines_of(file)) % _PACKED_EVERY == 0:
            pack(options.name, prepared.signals, lines_of(file), options.folder)
    print(pack(options.name, prepared.signals, lines_of(file), options.folder))


def played(table: TrainingTable, options: argparse.Namespace) -> dict[str, Json]:
    """Gaps of every player on one table, with random recipes beside."""
    both = table.dev
    figures: dict[str, Json] = {
        "recipes": len(table),
        "deviation_between_recipes": round(float(_between(both)), 4),
        "deviation_between_runs": round(float(np.std(both[:, 0] - both[:, 1]) / 2**0.5), 4),
        "rank_correlations": dict(rank_correlations(table)),
        "correlations_with_makeup": dict(makeup(table)),
    }
    made = players(table, options.players)
    figures["orders_the_others_after"] = {**orderings(table, made, _ORDERING_SEEDS)}
    figures["log density and coverage after"] = {**forecasts(table, made, _ORDERING_SEEDS)}
    for left_out in (0, 2):
        every: dict[str, Player | str] = {"random": "random", "single": "single", **made}
        found = {
            name: gaps(table, player, seeds=options.seeds, budget=options.budget, left_out=left_out)
            for name, player in every.items()
        }
        figures[f"gap to the best 2 %, {left_out} left out"] = {
            name: {**_summary(values, found["random"][0]), **_covered(covered)}
            for name, (values, covered) in found.items()
        }
    return figures


def _covered(covered: Mapping[str, float]) -> dict[str, Json]:
    return {"covered": {level: round(share, 3) for level, share in covered.items()}} if covered else {}


def _between(both: np.ndarray) -> float:
    """Deviation of recipes without that of runs."""
    runs = np.var(both[:, 0] - both[:, 1]) / 2
    return float(max(np.var(both.mean(axis=1)) - runs / 2, 0.0) ** 0.5)


def _summary(values: np.ndarray, random: np.ndarray) -> dict[str, Json]:
    less = values - random
    return {
        "mean": round(float(values.mean()), 4),
        "standard_error": round(float(values.std(ddof=1) / len(values) ** 0.5), 4),
        "minus_random": round(float(less.mean()), 4),
        "minus_random_error": round(float(less.std(ddof=1) / len(less) ** 0.5), 4),
    }


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("record", "pack", "play"))
    parser.add_argument("name", nargs="?", choices=tuple(SETTINGS), default=next(iter(SETTINGS)))
    parser.add_argument("--recipes", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--budget", type=int, default=15)
    parser.add_argument("--players", nargs="+", default=_PLAYERS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
