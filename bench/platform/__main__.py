"""`python -m bench.platform [--home FOLDER]`: measure the platform at 10,000 trials in 100 searches."""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import requests

from autoselection_core.history.ledger import Ledger
from autoselection_core.identity import Json
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.installation import Installation
from autoselection_dagster.names import key
from autoselection_dagster.serving.services import free_port, serving
from bench.platform.fixture import Size, fixture, real_name
from bench.platform.pages import page_seconds
from bench.result import write_result

TICKS = 5


def main() -> None:
    """Write the fixture if it is not there, measure, and leave the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=Path(".autoselection/bench-platform"))
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--real", type=int, default=5)
    asked = parser.parse_args()
    size = Size(asked.searches, asked.trials, asked.real)
    started = time.perf_counter()
    made = fixture(asked.home.resolve(), size)
    small = fixture(asked.home.resolve().with_name(f"{asked.home.name}-floor"), Size(1, 1, 1))
    print(f"fixture: {time.perf_counter() - started:.0f} s")
    load = os.getloadavg()[0]
    figures: dict[str, Json] = {
        "trials": size.searches * size.trials,
        "searches": size.searches,
        "full_chains": size.real * size.trials,
        "code_location": _code_location(made),
        "sensor_tick_seconds": _ticks(made),
        **_pages(made, f"{real_name(0)}|{size.trials // 2:03d}"),
        "floor_with_one_trial": _pages(small, f"{real_name(0)}|001"),
    }
    print(figures)
    note = f"Load average before measuring: {load:.1f} on {os.cpu_count()} cores."
    print(write_result("platform", figures, note))


def _code_location(made: Installation) -> Json:
    """What a fresh process takes that loads the code location, beside one that imports Dagster alone."""
    loading = "import sys, autoselection_dagster.definitions; print('torch' in sys.modules)"
    runs = [(_process(made, loading), _process(made, "import dagster")) for _ in range(3)]
    loaded, floor = (min((run[side] for run in runs), key=lambda run: run.seconds) for side in (0, 1))
    return {
        "seconds": loaded.seconds,
        "cpu_seconds": loaded.cpu_seconds,
        "of_it_importing_dagster": floor.seconds,
        "imports_torch": loaded.output == "True",
    }


@dataclass(frozen=True)
class _Process:
    """A fresh interpreter: its seconds, and what it printed."""

    seconds: float
    cpu_seconds: float
    output: str


def _process(made: Installation, code: str) -> _Process:
    started, before = time.perf_counter(), os.times()
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **made.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, after = time.perf_counter() - started, os.times()
    user, system = (
        after.children_user - before.children_user,
        after.children_system - before.children_system,
    )
    return _Process(round(seconds, 2), round(user + system, 2), finished.stdout.strip())


def _ticks(made: Installation) -> Json:
    """Seconds of ticks that find nothing to do, after a first one that imports."""
    definitions = definitions_of(made)
    repository = definitions.get_repository_def()
    ledger = Ledger.open(Home(made.home).history_url)
    seconds, cpu_seconds = [], []
    with dg.DagsterInstance.from_config(str(made.instance)) as instance:
        for _ in range(TICKS):
            with dg.build_sensor_context(
                instance=instance, repository_def=repository, resources={key("ledger"): ledger}
            ) as context:
                started, cpu_started = time.perf_counter(), time.process_time()
                found = repository.get_sensor_def("search_sensor")(context)
                seconds.append(round(time.perf_counter() - started, 3))
                cpu_seconds.append(round(time.process_time() - cpu_started, 3))
                assert isinstance(found, dg.SkipReason), "the fixture was to leave nothing to do"
    return {"first": seconds[0], "best": min(seconds), "cpu_seconds": min(cpu_seconds)}


def _pages(made: Installation, partition: str) -> dict[str, Json]:
    report = made.home / "reports" / real_name(0) / "report.html"
    with serving(made, free_port()) as services:
        url = f"http://127.0.0.1:{services.port}"
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and not _answers(url):
            time.sleep(0.5)
        return dict(page_seconds(url, report, partition))


def _answers(url: str) -> bool:
    query = {"query": "{ repositoriesOrError { __typename } }"}
    return "RepositoryConnection" in requests.post(f"{url}/graphql", json=query, timeout=60).text


if __name__ == "__main__":
    main()
