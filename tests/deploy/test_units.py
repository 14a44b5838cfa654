"""The systemd units: read by systemd itself, their commands run as written, and who may reach Ray."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from autoselection_core.loopback import free_port
from autoselection_core.testing.tiny_model import tiny_model
from autoselection_dagster.installation import Installation
from tests.dagster.installations import installation

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"


def lines(unit: str) -> list[str]:
    return (UNITS / unit).read_text().splitlines()


@pytest.mark.parametrize("unit", ["autoselection-ray.service", "autoselection-worker.service"])
def test_no_process_of_ray_runs_without_a_token_or_listens_on_every_interface(unit: str) -> None:
    assert "Environment=RAY_AUTH_MODE=token" in lines(unit)
    assert "Environment=RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0" in lines(unit)


def test_the_head_listens_on_loopback() -> None:
    (command,) = [line for line in lines("autoselection-ray.service") if line.startswith("ExecStart=")]

    assert "--node-ip-address=127.0.0.1" in command
    assert "--dashboard-host=127.0.0.1" in command


def test_the_environment_that_clients_read_names_the_token() -> None:
    assert {"RAY_AUTH_MODE=token", "RAY_AUTH_TOKEN_PATH=/etc/autoselection.ray-token"} <= set(
        lines("autoselection.env")
    )


_INSTALLED = "/opt/autoselection/.venv/bin"
_CLONE = "/opt/autoselection"
_BIN = Path(sys.executable).parent
_LAUNCH = """
mutation($selector: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $selector, runConfigData: {}}) { __typename }
}
"""
_JOBS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"
_PATIENCE_S = 20


@pytest.mark.e2e
@pytest.mark.parametrize(
    "unit", sorted(file.name for file in UNITS.iterdir() if file.suffix in (".service", ".timer"))
)
def test_systemd_understands_every_unit(tmp_path: Path, unit: str) -> None:
    for file in UNITS.iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace(_INSTALLED, str(_BIN)))

    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.e2e
def test_the_viewer_of_the_units_shows_everything_and_starts_nothing(tmp_path: Path) -> None:
    made = installation(tmp_path / "installation", tiny_model(tmp_path / "model"))
    code, viewer = free_port(), free_port()
    made.prepare(code)
    with _unit("code", made, {"4266": code}), _unit("viewer", made, {"3001": viewer}):
        url = f"http://127.0.0.1:{viewer}/view/graphql"
        _await_location(url)

        answer = requests.post(
            url,
            json={
                "query": _LAUNCH,
                "variables": {
                    "selector": {
                        "repositoryLocationName": "autoselection",
                        "repositoryName": "__repository__",
                        "jobName": "demo_prepare",
                    }
                },
            },
            timeout=60,
        ).json()

    assert answer["data"]["launchRun"]["__typename"] == "UnauthorizedError"


@contextmanager
def _unit(name: str, made: Installation, ports: dict[str, int]) -> Iterator[None]:
    """The command of a unit, with this machine's folders and free ports in place of its own."""
    lines = (UNITS / f"autoselection-{name}.service").read_text().splitlines()
    (command,) = [line.partition("=")[2] for line in lines if line.startswith("ExecStart=")]
    command = command.replace(_INSTALLED, str(_BIN))
    command = command.replace(f"{_CLONE}/deploy/systemd/workspace.yaml", str(made.workspace))
    arguments = [str(ports.get(each, each)) for each in command.split()]
    with (made.instance / f"unit-{name}.log").open("wb") as log:
        process = subprocess.Popen(
            arguments, env={**os.environ, **made.environment}, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            _stopped(process)


def _stopped(process: "subprocess.Popen[bytes]") -> None:
    """As systemd does with these units: ask, and kill what has not ended in time."""
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await_location(url: str) -> None:
    deadline = time.monotonic() + 300
    while not _is_loaded(url):
        assert time.monotonic() < deadline, "the viewer does not show the code location"
        time.sleep(0.5)


def _is_loaded(url: str) -> bool:
    try:
        answer = requests.post(url, json={"query": _JOBS}, timeout=60)
    except requests.ConnectionError:
        return False
    return '"demo_prepare"' in answer.text
