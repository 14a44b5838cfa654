"""The Launchpad in a real browser, against a real webserver and daemon."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from autoselection_core.loopback import free_port
from autoselection_dagster.installation import LOCATION, Installation
from autoselection_dagster.serving.services import serving
from tests.dagster.installations import write_samples
from tests.e2e.served import Served, ask, has_looked

_RELOAD = """
mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }
"""
_LOADED = """
{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
  __typename
  ... on PythonError { message errorChain { error { message } } }
  ... on RepositoryLocation { repositories { jobs { name } } }
} } } } }
"""

pytestmark = pytest.mark.e2e


def reloaded(served: Served) -> dict[str, Any]:
    """Text of the page of the code location after a click on Reload."""
    ask(served, _RELOAD, {"name": LOCATION})
    (entry,) = ask(served, _LOADED, {})["workspaceOrError"]["locationEntries"]
    return dict(entry["locationOrLoadError"])


def test_reload_shows_a_mistake_of_the_campaigns_file_and_then_a_new_campaign(served_with_ui: Served) -> None:
    file = served_with_ui.services.installation.campaigns
    good = file.read_text()
    _, _, declared = good.partition("  demo:\n")

    file.write_text(good.replace("budget: 3", "budget: three"))
    broken = reloaded(served_with_ui)
    file.write_text(f"{good.rstrip()}\n  second:\n{declared}")
    mended = reloaded(served_with_ui)

    assert broken["__typename"] == "PythonError"
    told = [broken["message"], *(each["error"]["message"] for each in broken["errorChain"])]
    assert any("search.budget is 'three'" in message for message in told)
    jobs = {job["name"] for each in mended["repositories"] for job in each["jobs"]}
    assert {"demo_prepare", "second_prepare"} <= jobs


def test_three_quick_changes_lead_to_one_warm_search(installed: Installation) -> None:
    file = installed.campaigns
    declared = file.read_text().replace("report_evaluations: 2", "report_evaluations: 0").rstrip()
    file.write_text(declared + "\n    on_pool_change: {when: on_change, budget: 1}\n")
    with serving(installed) as services, Served.of(services) as served:
        served.do("demo_prepare")
        served.do("start_search", name="first", budget=1, report_evaluations=0)
        served.wait(lambda: served.is_done("first"))
        # The sensor has to have seen the files as they were before they change.
        served.wait(lambda: has_looked(served))

        for number in range(3):
            write_samples(file.parent / "raw" / f"more{number}.jsonl", 10, seed=number)
        served.wait(lambda: len(served.ledger.searches()) > 1)
        again = served.ledger.searches()[1].search
        served.wait(lambda: served.is_done(again))

        assert served.ledger.search(again).spec.warm_from == "first"
        assert len(served.ledger.searches()) == len(served.client.instance.get_runs(_RESEARCH)) + 1 == 2


_RESEARCH = dg.RunsFilter(job_name="demo_search_again")


CHROMIUM = shutil.which("chromium")
_PATIENCE_MS = 120_000
_CONFIG = "ops: {search: {config: {name: browsed, budget: 2, seed: 3, report_evaluations: 0}}}"


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


def test_a_changed_source_file_starts_a_warm_search_that_the_ui_shows(
    installed: Installation, page: Page
) -> None:
    file = installed.campaigns
    declared = file.read_text().replace("report_evaluations: 2", "report_evaluations: 0").rstrip()
    file.write_text(declared + "\n    on_pool_change: {when: on_change, budget: 1}\n")
    with serving(installed, free_port()) as services, Served.of(services) as served:
        url = f"http://127.0.0.1:{services.port}"
        served.do("demo_prepare")
        served.do("start_search", name="first", budget=1, report_evaluations=0)
        served.wait(lambda: served.is_done("first") and has_looked(served))

        # A name with a space and letters beyond ASCII, as people's files have.
        write_samples(file.parent / "raw" / "größere Übung 日本.jsonl", 10, seed=1)
        served.wait(lambda: len(served.ledger.searches()) > 1)
        again = served.ledger.searches()[1].search
        served.wait(lambda: _made(served, "best_subset", again))

        page.goto(f"{url}/assets/demo/next_search")
        page.get_by_text(f"{again} starts from first").first.wait_for()
        page.goto(f"{url}/assets/demo/pool")
        page.get_by_text("größere Übung 日本").first.wait_for()
        page.goto(f"{url}/assets/demo/best_subset?view=partitions&partition={again}")
        page.get_by_text("expected_utility").first.wait_for()


def test_the_longest_recipe_is_shown_whole(served_with_ui: Served, page: Page) -> None:
    served = served_with_ui
    served.do("demo_prepare")
    step = "{signal: word_entropy, fraction: 0.99}"
    recipe = "seed: 0\nprocess:\n" + "".join(f"- keep_top: {step}\n" for _ in range(6))
    config = {"ops": {"evaluate": {"config": {"recipe": recipe, "name": "long"}}}}
    served.client.follow(served.client.launch("evaluate_recipe", config), print)
    served.wait(lambda: _made(served, "recipe", "long|001"))

    page.goto(
        f"http://127.0.0.1:{served.services.port}/assets/demo/recipe?view=partitions&partition=long%7C001"
    )
    page.get_by_text("process:").first.wait_for()
    assert page.get_by_text("fraction: 0.99").first.is_visible()


def _made(served: Served, asset: str, partition: str) -> bool:
    key = dg.AssetKey(["demo", asset])
    return partition in served.client.instance.get_materialized_partitions(key)


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
