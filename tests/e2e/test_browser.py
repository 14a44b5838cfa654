"""The Launchpad in a real browser, against a real webserver and daemon."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.served import Served

CHROMIUM = shutil.which("chromium")
_PATIENCE_MS = 120_000
_CONFIG = "ops: {search: {config: {name: browsed, budget: 2, seed: 3, report_evaluations: 0}}}"

pytestmark = pytest.mark.e2e


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page of a headless browser; where a test leaves it, a picture is kept beside the test's files."""
    assert CHROMIUM, "the browser tests need Debian's package chromium; scripts/e2e installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(_PATIENCE_MS)
        yield page
        page.screenshot(path=tmp_path / "last.png")
        browser.close()


def test_a_search_from_the_launchpad_runs_to_a_best_subset_with_its_lineage(
    served_with_ui: Served, page: Page
) -> None:
    served = served_with_ui
    url = f"http://127.0.0.1:{served.services.port}"
    served.do("demo_prepare")

    page.goto(f"{url}/locations/autoselection/jobs/start_search/playground")
    page.wait_for_selector(".CodeMirror")
    page.evaluate(f"document.querySelector('.CodeMirror').CodeMirror.setValue({_CONFIG!r})")
    page.get_by_role("button", name="Launch run").first.click()
    page.get_by_text("Success", exact=True).first.wait_for()
    best = dg.AssetKey(["demo", "best_subset"])
    served.wait(lambda: "browsed" in served.client.instance.get_materialized_partitions(best))
    page.goto(f"{url}/assets/demo/best_subset?view=partitions&partition=browsed")

    expect(page.get_by_text("expected_utility").first).to_be_visible(timeout=_PATIENCE_MS)
    expect(page.get_by_text("Trial").first).to_be_visible()
    page.goto(f"{url}/assets/demo/evaluation?view=partitions&partition=browsed%7C002")
    expect(page.get_by_text("utility").first).to_be_visible(timeout=_PATIENCE_MS)
    assert (served.services.installation.home / "reports" / "browsed" / "report.html").exists()
