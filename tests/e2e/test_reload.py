"""Reload, as the button of the UI does it: new campaigns show, and mistakes of their file."""

from typing import Any

import pytest

from autoselection_dagster.installation import LOCATION
from tests.e2e.graphql import ask
from tests.e2e.served import Served

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
    """What the page of the code location shows after a click on Reload."""
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
