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


_SENSOR = """
query($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) { ... on Sensor { id sensorState { id } } }
}
"""
_START_SENSOR = """
mutation($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }
"""
_STOP_SENSOR = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"


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


def switch(served: Served, sensor: str, *, on: bool) -> None:
    """Switch a sensor on or off, as its page does."""
    selector = {
        "repositoryLocationName": LOCATION,
        "repositoryName": "__repository__",
        "sensorName": sensor,
    }
    if on:
        answer = ask(served, _START_SENSOR, {"selector": selector})["startSensor"]
    else:
        state = ask(served, _SENSOR, {"selector": selector})["sensorOrError"]["sensorState"]
        answer = ask(served, _STOP_SENSOR, {"id": state["id"]})["stopSensor"]
    assert answer["__typename"] in ("Sensor", "StopSensorMutationResult"), answer


def ask(served: Served, query: str, variables: dict[str, Any]) -> dict[str, Any]:
    """The data that answers a query."""
    url = f"http://127.0.0.1:{served.services.port}/graphql"
    answer = requests.post(url, json={"query": query, "variables": variables}, timeout=60).json()
    assert "errors" not in answer, answer
    return dict(answer["data"])
