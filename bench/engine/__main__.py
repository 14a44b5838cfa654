"""Seconds and memory of the recipe engine, each figure beside a floor timed in the same run.

python -m bench.engine            measures everything and writes bench/results/engine.json
python -m bench.engine --check    measures a cheap part again and compares it with the committed figures
python -m bench.engine --pool P   measures one pool (real, made_up, or a number of rows) and prints it; the
                                  first form starts one process for each, so that memory is the pool's own
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from autoselection_core.identity import Json
from bench.engine.floors import StateFloor
from bench.engine.pools import PLAIN, Parts, prepare, realistic
from bench.engine.work import large, ninety_thousand, opening, recipe_with_state
from bench.result import REAL_DATA, REPOSITORY, RESULTS, write_result

HOME = REPOSITORY / ".autoselection" / "bench"
TARGETS_S = {1_000_000: 0.7, 10_000_000: 10.0}
_WITHIN = 2.0
REAL, MADE_UP = "real", "made_up"

NOTE = (
    "Columns that need a model, SAE activations, vectors and SAE neighbours are made up in realistic "
    "shapes; texts, sources, lengths, word entropies, exact groups and near-duplicate pairs of the "
    "90,000-record pool are real. Pools of 1 and 10 million rows have 9 columns, 30 sources and "
    "activations of 200,000 evenly spaced rows. Each figure is the median of several runs; work and floor"
    " ran in turn. Other programs were running (see load): cpu_seconds and times_the_floor are what to "
    "compare."
)


def main() -> int:
    asked = _arguments()
    if asked.check:
        return _check()
    if asked.pool:
        print(json.dumps(_measure(asked.pool)))
        return 0
    print(write_result("engine", _figures(), NOTE))
    return 0


def _measure(pool: str) -> Mapping[str, Json]:
    if pool == REAL:
        real = prepare(HOME)
        return {"open": opening(real), **ninety_thousand(real.with_model_signals())}
    if pool == MADE_UP:
        return ninety_thousand(realistic(90_000, Parts(vectors=True, neighbours=True)))
    rows = int(pool)
    return large(realistic(rows, Parts(vectors=False, neighbours=False)), TARGETS_S.get(rows, 0.0))


def _figures() -> dict[str, Json]:
    pools = [*([REAL] if REAL_DATA.exists() else []), MADE_UP, *map(str, TARGETS_S)]
    figures: dict[str, Json] = {pool: _in_its_own_process(pool) for pool in pools}
    return {**figures, "growth": _growth(figures)}


def _in_its_own_process(pool: str) -> Mapping[str, Json]:
    command = [sys.executable, "-m", "bench.engine", "--pool", pool]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.PIPE, text=True)
    found: Mapping[str, Json] = json.loads(done.stdout)
    return found


def _growth(figures: Mapping[str, Any]) -> dict[str, Json]:
    """Growth factors of the times from one size to ten times as many rows."""
    small, large_ = (figures[str(rows)]["four_steps_with_state"] for rows in TARGETS_S)
    parts = ("seconds", "cpu_seconds", "floor_seconds", "peak_mb")
    return {"rows": 10, **{part: round(large_[part] / small[part], 2) for part in parts}}


def _check() -> int:
    """1 where the work takes more than twice, or less than half, as many times its floor as committed."""
    committed = json.loads((RESULTS / "engine.json").read_text())["figures"][MADE_UP]
    signals = realistic(90_000, Parts(vectors=True, neighbours=False))
    figure = recipe_with_state(PLAIN, signals, StateFloor.of(signals), 0.06)
    expected = committed["four_steps_with_state"]["times_the_floor"]
    is_off = not 1 / _WITHIN <= figure.ratio / expected <= _WITHIN
    print(f"four steps with state: {figure.ratio:.2f} times the floor, committed {expected}")
    return int(is_off)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--pool")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
