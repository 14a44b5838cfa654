"""`python -m bench.kills core|daemon [--kills N]`: kill workers at random moments.

Workers of the core's loop, or run workers under a real daemon. Each round is a search of its own on the cheap
evaluator, compared at its end with an undisturbed one: same history, budget spent to the unit, no finished
evaluation made again. A difference ends the program.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from autoselection_core import environment_variables
from autoselection_core.identity import Json
from autoselection_core.testing.tiny_model import tiny_model
from autoselection_dagster.serving.services import serving
from bench.result import write_result
from tests.dagster.installations import installation
from tests.e2e.served import DELAY_S, LEASE_S, Served
from tests.e2e.test_kills import kill_runs_and_compare
from tests.search.test_kills import kill_and_compare

KILLS_A_ROUND = 20
BUDGET = 12


def main() -> None:
    """Kill as often as asked, and leave the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("who", choices=WHO)
    parser.add_argument("--kills", type=int)
    asked = parser.parse_args()
    kill, usual = WHO[asked.who]
    figures = kill(usual if asked.kills is None else asked.kills)
    note = "Every search ended as an undisturbed one; a difference raises."
    print(write_result(f"kills/{asked.who}", figures, note))


def _core(kills: int) -> Mapping[str, Json]:
    started, killed = time.monotonic(), 0
    seeds: list[int] = []
    while killed < kills:
        seeds.append(int.from_bytes(os.urandom(4)))
        with tempfile.TemporaryDirectory() as folder:
            killed += kill_and_compare(Path(folder), KILLS_A_ROUND, BUDGET, seeds[-1])
        print(f"{killed} workers killed in {len(seeds)} searches", flush=True)
    return {
        **_counts(killed, started),
        "searches": len(seeds),
        "evaluations_a_search": BUDGET,
        "seeds": [*seeds],
    }


def _daemon(kills: int) -> Mapping[str, Json]:
    started, seed = time.monotonic(), int.from_bytes(os.urandom(4))
    os.environ[environment_variables.LEASE_S] = str(LEASE_S)
    with tempfile.TemporaryDirectory() as folder:
        model = tiny_model(Path(folder) / "model")
        installed = installation(Path(folder) / "installation", model, delay_s=DELAY_S)
        with serving(installed) as services, Served.of(services) as served:
            killed = kill_runs_and_compare(served, Path(folder) / "plain", kills, kills + 2, seed)
    return {**_counts(killed, started), "evaluations_a_search": kills + 2, "seeds": [seed]}


def _counts(killed: int, started: float) -> dict[str, Json]:
    return {
        "kills": killed,
        "evaluations_lost": 0,
        "evaluations_paid_twice": 0,
        "different_answers": 0,
        "seconds": round(time.monotonic() - started),
    }


WHO: Mapping[str, tuple[Callable[[int], Mapping[str, Json]], int]] = {
    "core": (_core, 200),
    "daemon": (_daemon, 10),
}
"""Whose workers are killed, and how often unless it is said."""

if __name__ == "__main__":
    main()
