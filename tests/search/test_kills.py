import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState
from autoselection_core.history.values import History
from tests.search.worlds import evaluator, spec

WORKER = Path(__file__).parent / "worker.py"
REPOSITORY = Path(__file__).parents[2]
DELAY_S = 0.7


def start(folder: Path, search: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, str(WORKER), str(folder), search, str(DELAY_S)]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, start_new_session=True
    )


def registered(folder: Path, budget: int) -> tuple[Ledger, str]:
    folder.mkdir(exist_ok=True)
    ledger = Ledger.open(f"sqlite:///{folder / 'history.sqlite'}")
    # Every kill may hit the same trial: how many it survives is another test's matter.
    ledger = replace(ledger, max_losses=1000)
    return ledger, ledger.register(spec(evaluator(folder), budget=budget), "killed")


def finished(folder: Path) -> dict[str, int]:
    """When each complete evaluation was made."""
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("evaluations/*/result.json")}


def undisturbed(folder: Path, budget: int) -> History:
    ledger, search = registered(folder, budget)
    assert start(folder, search).wait(timeout=120) == 0
    return ledger.history(search)


def moments(seed: int, kills: int) -> Iterator[float]:
    rng = random.Random(seed)  # noqa: S311 - any moment will do
    return (rng.uniform(0.0, 1.5 * DELAY_S) for _ in range(kills))


def wait_for_work(ledger: Ledger, search: str, worker: "subprocess.Popen[bytes]") -> None:
    """Starting Python takes longer than a trial: wait until the worker holds one."""
    deadline = time.monotonic() + 60
    while worker.poll() is None and not ledger.search(search).held and time.monotonic() < deadline:
        time.sleep(0.05)


def kill_and_compare(folder: Path, kills: int, budget: int, seed: int) -> int:
    """Kill workers of a search at random moments; how many were met. Raises where anything differs."""
    print(f"seed {seed}")  # noqa: T201 - what a failing run is repeated with
    ledger, search = registered(folder / "killed", budget)
    seen: dict[str, int] = {}
    killed = 0
    for moment in moments(seed, kills):
        worker = start(folder / "killed", search)
        wait_for_work(ledger, search, worker)
        time.sleep(moment)
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        killed += worker.wait() == -signal.SIGKILL
        seen = {**finished(folder / "killed"), **seen}
        assert ledger.search(search).spent + ledger.search(search).held <= budget
    assert start(folder / "killed", search).wait(timeout=120) == 0

    assert killed > 0
    assert {key: made for key, made in finished(folder / "killed").items() if key in seen} == seen
    assert ledger.search(search).state is SearchState.DONE
    assert sum(payment.cost for payment in ledger.money(search)) == budget
    expected = undisturbed(folder / "undisturbed", budget)
    assert replace(ledger.history(search), search=expected.search) == expected
    return killed


@pytest.mark.e2e
def test_twenty_kills_at_random_moments_cost_nothing_and_change_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, kills=20, budget=6, seed=int.from_bytes(os.urandom(4)))
