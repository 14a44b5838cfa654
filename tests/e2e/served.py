"""A served installation, as tests work with it, and what the Launchpad asks its webserver."""

import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import psutil
import requests

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState
from autoselection_core.store.home import Home
from autoselection_dagster.installation import LOCATION
from autoselection_dagster.serving.client import Client
from autoselection_dagster.serving.services import Services

LEASE_S = 8.0
"""Short, so that a test does not wait a minute for each lost worker."""

DELAY_S = 3.0
"""An evaluation takes so long, so that it can be killed in the middle."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Served:
    """Running services with a client and the ledger.

    Attributes:
        services: The child processes.
        client: Starts and follows runs.
        ledger: What the searches spent.
    """

    services: Services
    client: Client
    ledger: Ledger

    @classmethod
    @contextmanager
    def of(cls, services: Services) -> Iterator[Self]:
        with Client.of(services) as client:
            yield cls(services, client, Ledger.open(Home(services.installation.home).history_url))

    def do(self, job: str, **config: Any) -> None:
        """Run a job to its end."""
        options = {"ops": {"search": {"config": config}}} if config else {}
        self.client.follow(self.client.launch(job, options), log.info)

    def wait(self, until: Callable[[], bool], seconds: float = 300) -> None:
        """Look after the services until something holds."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.ledger.why_idle()}"
            self.services.supervise()
            time.sleep(0.2)

    def finished(self, search: str) -> int:
        return len(self.ledger.history(search).observations)

    def is_done(self, search: str) -> bool:
        return self.ledger.search(search).state is not SearchState.ACTIVE

    def workers(self) -> list[int]:
        """Process ids of the run workers: what the code server spawned."""
        server = self.services.children[0].process
        assert server is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            children = psutil.Process(server.pid).children(recursive=True)
            return [child.pid for child in children if "--multiprocessing-fork" in _command(child)]
        return []

    def kill_worker(self) -> bool:
        """SIGKILL a run worker by its id; whether there was one."""
        workers = self.workers()
        with contextlib.suppress(ProcessLookupError):
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
        return bool(workers)

    def kill_service(self, name: str) -> None:
        """SIGKILL the process group of a service; whoever supervises starts it again."""
        (process,) = [child.process for child in self.services.children if child.name == name]
        assert process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def kill_group(self) -> bool:
        """SIGKILL the process group of a run worker, its code server included; whether there was one."""
        workers = self.workers()
        if workers:
            os.killpg(os.getpgid(workers[0]), signal.SIGKILL)
        return bool(workers)


def has_looked(served: Served) -> bool:
    """Whether the sensor of the sources has seen them, so that it can tell a change."""
    states = served.client.instance.all_instigator_state()
    found = [state for state in states if state.instigator_name == "demo_pool_changed"]
    return any(getattr(state.instigator_data, "cursor", None) for state in found)


def _command(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


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


_VALIDATE = """
query($selector: PipelineSelector!, $config: RunConfigData!) {
  isPipelineConfigValid(pipeline: $selector, runConfigData: $config, mode: "default") {
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineConfigValidationValid { pipelineName }
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


_REPOSITORY = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}


def refusals(served: Served, config: dict[str, Any]) -> list[str]:
    """Errors that the Launchpad shows beside a config of a search, before it is launched."""
    variables = {
        "selector": {**_REPOSITORY, "pipelineName": "start_search"},
        "config": {"ops": {"search": {"config": config}}},
    }
    answer = ask(served, _VALIDATE, variables)["isPipelineConfigValid"]
    return [error["message"] for error in answer.get("errors", ())]


def launched(served: Served, config: dict[str, Any]) -> dict[str, Any]:
    """Start a search with a config, as the Launchpad does; returns what the webserver answers."""
    selector = {**_REPOSITORY, "jobName": "start_search"}
    params = {"selector": selector, "runConfigData": {"ops": {"search": {"config": config}}}}
    answer = ask(served, _LAUNCH, {"params": params})["launchRun"]
    assert isinstance(answer, dict)
    return answer


def switch(served: Served, sensor: str, *, on: bool) -> None:
    """Switch a sensor on or off, as its page does."""
    selector = {**_REPOSITORY, "sensorName": sensor}
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
