"""The platform at 10,000 trials in 100 searches, and what many campaigns cost that have nothing to do.

python -m bench.platform [--home FOLDER]
python -m bench.platform --idle 1 50      # prints processor seconds a second of the services
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import requests
from playwright.sync_api import Page, Request, sync_playwright

from autoselection_core.history.ledger import Ledger
from autoselection_core.identity import Json
from autoselection_core.loopback import free_port
from autoselection_core.store.home import Home
from autoselection_dagster.assembly import definitions_of
from autoselection_dagster.installation import Installation
from autoselection_dagster.names import key
from autoselection_dagster.serving.services import serving
from bench.platform.fixture import FixtureSize, fixture, real_name
from bench.result import write_result

REPEATS = 5
_SHOWN_REQUESTS = 3


@dataclass(frozen=True)
class Visit:
    """One visit of a page.

    Attributes:
        seconds: From the click to the text.
        waited: Of them, seconds in which the browser had a question at the server; the rest is its own work.
        slowest: The questions that took longest, by name, in seconds.
    """

    seconds: float
    waited: float
    slowest: Mapping[str, float]


def page_seconds(url: str, report: Path, partition: str) -> Mapping[str, Json]:
    """Seconds of each page: of the first visit, and of the best later one with its waiting time."""
    places = {
        "assets_page": (f"{url}/assets", "fine_tuned_model"),
        "asset_page": (f"{url}/assets/demo/evaluation", "The scores of the trained model"),
        "partition_page": (
            f"{url}/assets/demo/evaluation?view=partitions&partition={partition.replace('|', '%7C')}",
            "standard_error",
        ),
        "report": (report.as_uri(), "Provenance"),
    }
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        # The application itself is fetched once by a browser, whatever page comes first.
        first = _visit(page, *places["assets_page"]).seconds
        found: dict[str, Json] = {"application_first_load_seconds": first}
        for name, (address, text) in places.items():
            visits = [_visit(page, address, text) for _ in range(REPEATS)]
            found[f"{name}_seconds"] = _figures(visits)
        browser.close()
    return found


def _figures(visits: list[Visit]) -> Json:
    best = min(visits, key=lambda visit: visit.seconds)
    slowest: dict[str, Json] = dict(best.slowest)
    return {
        "first": visits[0].seconds,
        "best": best.seconds,
        "of_it_waiting_for_the_server": best.waited,
        "slowest_requests": slowest,
    }


def _visit(page: Page, address: str, text: str) -> Visit:
    page.goto("about:blank")
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("requestfinished", note)
    began, started = time.time(), time.perf_counter()
    page.goto(address)
    page.get_by_text(text).first.wait_for()
    seconds = time.perf_counter() - started
    page.remove_listener("requestfinished", note)
    spans = {request: _span(request, began) for request in asked if "/graphql" in request.url}
    slowest = sorted(((end - start, _name(request)) for request, (start, end) in spans.items()), reverse=True)
    return Visit(
        round(seconds, 2),
        round(_covered(list(spans.values())), 2),
        {name: round(taken, 2) for taken, name in slowest[:_SHOWN_REQUESTS]},
    )


def _span(request: Request, began: float) -> tuple[float, float]:
    """Times of a request and of its answer, in seconds since the click."""
    left = request.timing["startTime"] / 1000 - began
    return left, left + max(request.timing["responseEnd"], 0.0) / 1000


def _covered(spans: list[tuple[float, float]]) -> float:
    """Seconds that lie in at least one span."""
    covered, reached = 0.0, 0.0
    for start, end in sorted(spans):
        covered += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return covered


def _name(request: Request) -> str:
    return str((request.post_data_json or {}).get("operationName", "unnamed"))


TICKS = 5
_SETTLING_S, _IDLE_S = 40.0, 60.0


def main() -> None:
    """Write the fixture if it is not there, measure, and leave the result file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", type=Path, default=Path(".autoselection/bench-platform"))
    parser.add_argument("--searches", type=int, default=100)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--real", type=int, default=5)
    parser.add_argument("--idle", type=int, nargs="+", default=[], help="numbers of campaigns")
    asked = parser.parse_args()
    if asked.idle:
        print({count: _idle_cores(count) for count in asked.idle})
        return
    size = FixtureSize(asked.searches, asked.trials, asked.real)
    started = time.perf_counter()
    made = fixture(asked.home.resolve(), size)
    small = fixture(asked.home.resolve().with_name(f"{asked.home.name}-floor"), FixtureSize(1, 1, 1))
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


def _idle_cores(count: int) -> Mapping[str, float]:
    """Processor seconds a second of daemon and servers while campaigns watch files that stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "a.jsonl").write_text('{"question": "one?", "answer": "two"}\n', "utf-8")
        formula = "signals: [exact], closed_form: {size_weight: 1}"
        entry = f"{{pool: [{{path: a.jsonl}}], {formula}, on_pool_change: on_change}}"
        entries = "".join(f"  c{number}: {entry}\n" for number in range(count))
        (place / "autoselection.yaml").write_text(f"campaigns:\n{entries}", "utf-8")
        installed = Installation(place / "home", place / "autoselection.yaml")
        assert len(definitions_of(installed).get_repository_def().sensor_defs) > 2 * count
        with serving(installed, free_port()):
            time.sleep(_SETTLING_S)
            before = _processor_seconds()
            time.sleep(_IDLE_S)
            after = _processor_seconds()
    return {name: round((seconds - before.get(name, 0.0)) / _IDLE_S, 3) for name, seconds in after.items()}


def _processor_seconds() -> dict[str, float]:
    """Processor seconds of each process that this one started, by the last part of its command."""
    children = psutil.Process().children(recursive=True)
    return {" ".join(each.cmdline()[2:4]): sum(each.cpu_times()[:2]) for each in children}


def _code_location(made: Installation) -> Json:
    """Cost of a fresh process that loads the code location, beside one that imports Dagster alone."""
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
