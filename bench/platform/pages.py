"""How long pages take in a real browser, from the click to the text that people came for."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from autoselection_core.identity import Json

REPEATS = 3


def page_seconds(url: str, report: Path, search: str) -> Mapping[str, Json]:
    """Seconds of each page: the first visit, and the best of the later ones."""
    places = {
        "assets_page": (f"{url}/assets", "fine_tuned_model"),
        "asset_page": (f"{url}/assets/demo/evaluation", "The scores of the trained model"),
        "partition_page": (
            f"{url}/assets/demo/evaluation?view=partitions&partition={search}%7C050",
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
        first = _seconds(page, *places["assets_page"])
        found: dict[str, Json] = {"application_first_load_seconds": first}
        for name, (address, text) in places.items():
            visits = [_seconds(page, address, text) for _ in range(REPEATS)]
            found[f"{name}_seconds"] = {"first": visits[0], "best": min(visits)}
        browser.close()
    return found


def _seconds(page: Page, address: str, text: str) -> float:
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(address)
    page.get_by_text(text).first.wait_for()
    return round(time.perf_counter() - started, 2)
