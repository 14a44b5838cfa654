"""What the Launchpad says to the webserver."""

from typing import Any

import requests

from autoselection_dagster.installation import LOCATION
from tests.e2e.served import Served

_LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PythonError { message }
  }
}
"""


def launched(served: Served, config: dict[str, Any]) -> dict[str, Any]:
    """Start a search with a config, as the Launchpad does; returns what the webserver answers."""
    selector = {
        "repositoryLocationName": LOCATION,
        "repositoryName": "__repository__",
        "jobName": "start_search",
    }
    params = {"selector": selector, "runConfigData": {"ops": {"search": {"config": config}}}}
    answer = ask(served, _LAUNCH, {"params": params})["launchRun"]
    assert isinstance(answer, dict)
    return answer


def ask(served: Served, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The data that answers a query."""
    url = f"http://127.0.0.1:{served.services.port}/graphql"
    answer = requests.post(url, json={"query": query, "variables": variables}, timeout=60).json()
    assert "errors" not in answer, answer
    return dict(answer["data"])
