"""`python -m bench.kills [--kills 200] [--minutes 60]`: kill workers of the core's loop at random moments.

Each round is a search of its own on the cheap evaluator, compared at its end with an undisturbed one: same
history, budget spent to the unit, no finished evaluation made again. A difference ends the program.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from bench.result import write_result
from tests.search.test_kills import kill_and_compare

KILLS_A_ROUND = 20
BUDGET = 12


def main() -> None:
    """Kill until enough workers were met or the time is over, and leave the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=60.0)
    asked = parser.parse_args()
    started, killed, rounds = time.monotonic(), 0, 0
    seeds: list[int] = []
    while killed < asked.kills and time.monotonic() - started < 60 * asked.minutes:
        seed = int.from_bytes(os.urandom(4))
        with tempfile.TemporaryDirectory() as folder:
            killed += kill_and_compare(Path(folder), KILLS_A_ROUND, BUDGET, seed)
        seeds.append(seed)
        rounds += 1
        print(f"{killed} workers killed in {rounds} searches")
    figures = {
        "kills": killed,
        "searches": rounds,
        "evaluations_a_search": BUDGET,
        "evaluations_lost": 0,
        "evaluations_paid_twice": 0,
        "different_answers": 0,
        "seconds": round(time.monotonic() - started),
    }
    note = f"Every search ended as an undisturbed one; a difference raises. Seeds: {seeds}."
    print(write_result("kills", {**figures}, note))


if __name__ == "__main__":
    main()
