"""How long pages take in a real browser, from the click to the text that people came for, and why."""

import contextlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Page, Request, sync_playwright

from autoselection_core.identity import Json

REPEATS = 5
_SHOWN_REQUESTS = 3


@dataclass(frozen=True)
class Visit:
    """One visit of a page.

    Attributes:
        seconds: From the click to the text.
        waited: Of them, seconds in which the browser had a question at the server; the rest is its own work.
        cpu_seconds: Processor time of webserver, code server and browser, which is the same beside other work.
        slowest: The questions that took longest, by name, in seconds.
    """

    seconds: float
    waited: float
    cpu_seconds: float
    slowest: Mapping[str, float]


def page_seconds(url: str, report: Path, partition: str, but: int) -> Mapping[str, Json]:
    """What each page takes: the first visit, and the best of the later ones with what it waited for.

    Args:
        url: Where the webserver listens.
        report: A report as a file.
        partition: The trial that is looked at.
        but: Process id of a child whose processor time is not the pages' (the daemon).
    """
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
        first = _visit(page, *places["assets_page"], but).seconds
        found: dict[str, Json] = {"application_first_load_seconds": first}
        for name, (address, text) in places.items():
            visits = [_visit(page, address, text, but) for _ in range(REPEATS)]
            found[f"{name}_seconds"] = _figures(visits)
        browser.close()
    return found


def _figures(visits: list[Visit]) -> Json:
    best = min(visits, key=lambda visit: visit.seconds)
    slowest: dict[str, Json] = dict(best.slowest)
    return {
        "first": visits[0].seconds,
        "best": best.seconds,
        "cpu_seconds": min(visit.cpu_seconds for visit in visits),
        "of_it_waiting_for_the_server": best.waited,
        "slowest_requests": slowest,
    }


def _visit(page: Page, address: str, text: str, but: int) -> Visit:
    page.goto("about:blank")
    asked: list[Request] = []

    def note(request: Request) -> None:
        asked.append(request)

    page.on("requestfinished", note)
    cpu_before = _cpu_seconds(but)
    began, started = time.time(), time.perf_counter()
    page.goto(address)
    page.get_by_text(text).first.wait_for()
    seconds, cpu_seconds = time.perf_counter() - started, _cpu_seconds(but) - cpu_before
    page.remove_listener("requestfinished", note)
    spans = {request: _span(request, began) for request in asked if "/graphql" in request.url}
    slowest = sorted(((end - start, _name(request)) for request, (start, end) in spans.items()), reverse=True)
    return Visit(
        round(seconds, 2),
        round(_covered(list(spans.values())), 2),
        round(cpu_seconds, 2),
        {name: round(taken, 2) for taken, name in slowest[:_SHOWN_REQUESTS]},
    )


def _cpu_seconds(but: int) -> float:
    """Processor time of the children of this process and theirs so far, one of them and its own left out."""
    left_out = {but, *(child.pid for child in psutil.Process(but).children(recursive=True))}
    used = 0.0
    for child in psutil.Process().children(recursive=True):
        if child.pid not in left_out:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                used += times.user + times.system
    return used


def _span(request: Request, began: float) -> tuple[float, float]:
    """When a request left and when its answer was there, in seconds since the click."""
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
