"""How long pages take in a real browser, from the click to the text that people came for, and why."""

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
        slowest: The questions that took longest, by name, in seconds.
    """

    seconds: float
    waited: float
    slowest: Mapping[str, float]


def page_seconds(url: str, report: Path, partition: str) -> Mapping[str, Json]:
    """What each page takes: the first visit, and the best of the later ones with what it waited for."""
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
