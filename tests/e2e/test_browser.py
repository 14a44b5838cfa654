"""The Launchpad in a real browser, against a real webserver and daemon."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from autoselection_core.history.records import TrialKind
from autoselection_core.loopback import free_port
from autoselection_dagster.installation import LOCATION, Installation
from autoselection_dagster.serving.services import serving
from tests.dagster.installations import installation, write_samples
from tests.e2e.served import Served, ask, has_looked
from tests.e2e.walk import HIDDEN, PATIENCE_MS, Walk

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
_STATES_MS = 5_000
"""The lineage is drawn before the states of its assets are known."""


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
    installed: Installation, page: Page, tmp_path: Path
) -> None:
    file = installed.campaigns
    declared = file.read_text().replace("report_evaluations: 2", "report_evaluations: 0").rstrip()
    file.write_text(declared + "\n    on_pool_change: {when: on_change, budget: 3}\n")
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
        _long_recipe(served)
        Walk(page, url, tmp_path).cuts_nothing(*_pages(again, "003"), *_pages("long", "001"))


def test_the_longest_recipe_is_shown_whole(served_with_ui: Served, page: Page) -> None:
    served = served_with_ui
    served.do("demo_prepare")
    _long_recipe(served)

    page.goto(
        f"http://127.0.0.1:{served.services.port}/assets/demo/recipe?view=partitions&partition=long%7C001"
    )
    page.get_by_text("process:").first.wait_for()
    assert page.get_by_text("fraction: 0.99").first.is_visible()


def _long_recipe(served: Served) -> None:
    """Evaluate a recipe of six steps by itself."""
    step = "{signal: word_entropy, fraction: 0.99}"
    recipe = "seed: 0\nprocess:\n" + "".join(f"- keep_top: {step}\n" for _ in range(6))
    config = {"ops": {"evaluate": {"config": {"recipe": recipe, "name": "long"}}}}
    served.client.follow(served.client.launch("evaluate_recipe", config), print)
    served.wait(lambda: _made(served, "evaluation", "long|001") and _made(served, "best_subset", "long"))


def _pages(search: str, trial: str) -> list[str]:
    """Overview and events of every asset, and its partition of a search or trial, from the root of the UI."""
    alone = ["pool", "raw_sources", "base_model", "next_search", "signal/tokens", "signal/near_duplicates"]
    of_search = ["search_report", "best_subset"]
    of_trial = ["recipe", "subset", "subset_state", "fine_tuned_model", "evaluation"]
    shown = [
        *(f"{name}{view}" for name in (*alone, *of_search, *of_trial) for view in ("", "?view=events")),
        *(f"{name}?view=partitions&partition={search}" for name in of_search),
        *(f"{name}?view=partitions&partition={search}%7C{trial}" for name in of_trial),
    ]
    return [f"/assets/demo/{each}" for each in shown]


def _made(served: Served, asset: str, partition: str) -> bool:
    key = dg.AssetKey(["demo", asset])
    return partition in served.client.instance.get_materialized_partitions(key)


def test_a_search_is_started_followed_to_its_report_and_traced_to_a_sample(
    tmp_path: Path, model: Path, page: Page, request: pytest.FixtureRequest
) -> None:
    """As a person walks through it; `--pictures docs/images` makes the pictures of the docs."""
    made = installation(tmp_path / "installation", model, samples=120, delay_s=0.5)
    declared = made.campaigns.read_text().replace(
        "search: {budget: 3, report_evaluations: 2}", "search: {budget: 8, report_evaluations: 6}"
    )
    made.campaigns.write_text(declared)
    with serving(made, free_port()) as services, Served.of(services) as served:
        pictures = Path(request.config.getoption("--pictures") or tmp_path)
        walk = Walk(page, f"http://127.0.0.1:{services.port}", pictures)
        _start_and_follow(walk, served)
        _trace(walk)


def _start_and_follow(walk: Walk, served: Served) -> None:
    """From the job that prepares to the report of a search."""
    walk.open("/locations/autoselection/jobs/demo_prepare", "Materialize all")
    walk.page.get_by_text("Hide navigation").click()
    walk.page.get_by_text("Materialize all").first.click()
    served.wait(lambda: _has_signals(served))

    walk.open("/locations/autoselection/jobs/start_search/playground", "Launch")
    assert "budget: 8" in walk.config
    walk.photograph("ui-launchpad")
    walk.fill("ops: {search: {config: {name: walked, seed: 3}}}")
    walk.launch()
    walk.reads(
        "at most 14 evaluations by the formula", "it can decide whether the winner beats random subsets"
    )
    page = "/assets/demo/search_report?view=partitions&partition=walked"
    assert walk.page.locator(f'a[href="{page}"]').count()
    # The UI does not load a partition anew by itself.
    served.wait(lambda: len(served.ledger.history("walked").observations) > 0)
    walk.open(page, "progress", "of 8 evaluations spent", "trial_pages")
    served.wait(lambda: _is_reported(served, "walked"))
    walk.open(page, "Better than random subsets of equal tokens?", "candidate_map")
    walk.shows_whole(page, "verdict", "comparisons", "further_runs", "progress")

    assert walk.shows_pictures() >= 5
    trials = [*walk.links("trial_pages"), *walk.links("trial_pages_2")]
    everyone = [*served.ledger.trials("walked"), *served.ledger.trials("walked", TrialKind.REPORT)]
    assert len(trials) == sum(each.state.has_ended for each in everyone), "none that will never be"
    assert all("partition=walked%7C" in each for each in trials), "of this search and no other"
    walk.open(trials[1], "won and lost against full pool")
    walk.open(trials[-1], "utility", "standard_error")
    walk.open(page, "open the report")
    report = str(walk.page.get_by_role("link", name="open the report").get_attribute("href"))
    walk.fits(report)
    walk.page.goto(report)
    walk.photograph("report-search", walk.page.locator("#trials .figures"))


def _trace(walk: Walk) -> None:
    """From the best subset to a sample, and from the sample to its subsets in three clicks."""
    best = "/assets/demo/best_subset?view=partitions&partition=walked"
    walk.open(best, "expected_utility", "explain_rows")
    walk.shows_pictures()
    for link in walk.links("made_of", "ancestors"):
        assert "partition=walked" in link, "of this search and no other"
        walk.open(link, "Latest materialization")
        expect(walk.page.get_by_text("No metadata entries")).to_have_count(0, timeout=PATIENCE_MS)
    walk.open(best, "explain_rows")
    walk.row("explain_every_row").get_by_text(HIDDEN).click()
    every = walk.page.get_by_role("dialog").locator('a[href*="/guess/explain/playground"]')
    every.first.wait_for()
    assert every.count() > walk.row("explain_rows").locator("a").count()
    walk.open(best, "explain_rows")
    sample = walk.row("explain_rows").locator("a").first

    launchpad = walk.follow(sample)
    assert "name:" in launchpad.config
    launchpad.launch()
    subset = launchpad.page.locator('a[href*="/assets/demo/subset?view=partitions"]').first
    launchpad.follow(subset).reads("rows_per_step", "explain_rows")

    walk.open("/assets/demo/subset?view=partitions&partition=walked%7C004", "signal_histograms")
    walk.shows_pictures()
    walk.photograph("ui-histograms", walk.row("signal_histograms"))
    walk.open("/assets/demo/best_subset?view=lineage&lineageScope=upstream&lineageDepth=5", "best_subset")
    walk.page.wait_for_timeout(_STATES_MS)
    walk.photograph("ui-lineage")


def _has_signals(served: Served) -> bool:
    keys = [dg.AssetKey(["demo", "signal", name]) for name in ("tokens", "word_entropy", "near_duplicates")]
    return all(served.client.instance.get_latest_materialization_event(key) for key in keys)


def _is_reported(served: Served, search: str) -> bool:
    """Whether the page of a search shows its verdict, and its best subset was made with it."""
    if not served.is_done(search) or served.ledger.search(search).open_arms:
        return False
    wanted = dg.AssetRecordsFilter(dg.AssetKey(["demo", "search_report"]), asset_partitions=[search])
    records = served.client.instance.fetch_materializations(wanted, limit=1).records
    made = None if not records else records[0].asset_materialization
    shown = "" if made is None else str(made.metadata.get("comparisons", ""))
    run = None if not records else served.client.instance.get_run_by_id(records[0].run_id)
    return "Better than" in shown and run is not None and run.is_success
