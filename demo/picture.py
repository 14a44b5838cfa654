"""Pictures of the demo's result in the README: `python -m demo.picture docs/images`.

They show the finished demo of the home folder. The one of the UI needs the packages of `make test` and a
Chromium browser.
"""

import shutil
import sys
from pathlib import Path

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.loopback import free_port
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sections.arms_plot import arms_plot
from autoselection_core.report.sections.lead import arm_scores
from autoselection_core.report.sections.verdict import findings
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import serving
from demo.searching import CAMPAIGN, SEARCH

_PATIENCE_MS = 120_000


def result_picture(facts: SearchFacts) -> bytes:
    """Test score of every arm's runs, and the winner's differences with intervals, as SVG."""
    return arms_plot(arm_scores(facts), findings(facts), "nats a token", columns=1)  # a phone shows it, too


def ui_picture(installation: Installation) -> bytes:
    """The report in Dagster's own pages, as PNG."""
    from playwright.sync_api import sync_playwright

    with serving(installation, free_port()) as services, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        report = f"http://127.0.0.1:{services.port}/assets/{CAMPAIGN}/search_report"
        page.goto(f"{report}?view=partitions&partition={SEARCH}", timeout=_PATIENCE_MS)
        page.get_by_text("Better than random").first.wait_for(timeout=_PATIENCE_MS)
        page.get_by_text("Hide navigation").click()
        picture = page.screenshot()
        browser.close()
    return picture


def main() -> None:
    """Write the pictures into a folder."""
    folder, home = Path(sys.argv[1]), Home.from_environment()
    workspace = installed_workspace(load_campaigns(home=home)[CAMPAIGN], home)
    (folder / "demo.svg").write_bytes(result_picture(SearchFacts.of(workspace, SEARCH)))
    (folder / "ui-report.png").write_bytes(ui_picture(Installation.from_environment()))


if __name__ == "__main__":
    main()
