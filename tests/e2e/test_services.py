"""Services start, stop and come back, whoever dies."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import requests

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.errors.history import NewerSchemaError
from autoselection_core.history.ledger import Ledger
from autoselection_core.history.records import SearchState
from autoselection_core.history.specification import SearchSpec
from autoselection_core.loopback import free_port
from autoselection_core.report.serving import report_path
from autoselection_core.store.home import Home
from autoselection_dagster.errors import AlreadyServedError
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import Services, serving
from autoselection_dagster.trials.workers import MAX_FALSE_STARTS
from tests.dagster.installations import installation
from tests.e2e.served import Served

pytestmark = pytest.mark.e2e


@pytest.fixture
def installed(tmp_path: Path, model: Path) -> Installation:
    return installation(tmp_path / "installation", model)


def test_a_home_is_served_once(installed: Installation) -> None:
    with serving(installed) as services:
        assert _alive(services)

        with pytest.raises(AlreadyServedError), serving(installed):
            pass

        assert _alive(services)


def test_reports_are_read_beside_the_ui(installed: Installation) -> None:
    written = installed.home / "reports" / "first" / "report.html"
    written.parent.mkdir(parents=True)
    written.write_text("<h1>Search first</h1>")

    with serving(installed, free_port()) as services:
        url = services.environment["AUTOSELECTION_REPORTS_URL"] + report_path("first")
        _within(120, lambda: _read(url) == "<h1>Search first</h1>")


def test_a_service_that_dies_is_started_again(installed: Installation) -> None:
    with serving(installed) as services:
        daemon = services.children[1].process
        assert daemon is not None
        os.killpg(daemon.pid, signal.SIGKILL)
        daemon.wait()

        services.supervise()

        assert _alive(services)


def test_a_report_server_whose_port_is_taken_for_a_while_comes_back(installed: Installation) -> None:
    with serving(installed, free_port()) as services:
        (reports,) = [child for child in services.children if child.name == "reports"]
        assert reports.process is not None
        os.killpg(reports.process.pid, signal.SIGKILL)
        reports.process.wait()
        with socket.create_server(("127.0.0.1", services.reports_port)):
            until = time.monotonic() + 6
            while time.monotonic() < until:
                services.supervise()
                time.sleep(0.2)
            assert "Address already in use" in reports.failure().last

        url = f"http://127.0.0.1:{services.reports_port}/reports"
        _within(120, lambda: _answers(services, url))


def test_what_a_killed_parent_left_behind_is_stopped_by_the_next_one(installed: Installation) -> None:
    with _served(installed) as (parent, left):
        parent.kill()
        parent.wait()
        assert all(child.is_running() for child in left)

        with serving(installed) as services:
            assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in left)
            assert _alive(services)


def test_serving_says_what_keeps_the_campaigns_from_loading(installed: Installation) -> None:
    """The UI starts all the same, with no job in it, and shows the reason two clicks away only."""
    installed.campaigns.write_text(installed.campaigns.read_text().replace("budget: 3", "budget: three"))
    command = [sys.executable, "-m", "autoselection_dagster.serve", "--port", str(free_port())]
    environment = {**os.environ, **installed.environment}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stderr is not None
        said = next(line for line in parent.stderr if "cannot be loaded" in line)
        parent.terminate()

    assert "search.budget is 'three'" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_in_the_background_of_a_shell_stops_when_asked_to(
    installed: Installation, number: signal.Signals
) -> None:
    # A shell without job control makes a background process ignore SIGINT.
    with _served(installed, ignore_interrupts=True) as (parent, children):
        parent.send_signal(number)
        time.sleep(0.5)
        parent.send_signal(number)  # an impatient second one must leave no child behind

        parent.wait(90)
        _within(20, lambda: not any(child.is_running() for child in children))


@contextmanager
def _served(
    installed: Installation, *, ignore_interrupts: bool = False
) -> Iterator[tuple["subprocess.Popen[bytes]", list[psutil.Process]]]:
    """A process that serves, and its children; whatever is left at the end is killed."""
    command = [sys.executable, "-m", "autoselection_dagster.serve", "--port", str(free_port())]
    shell = ["bash", "-c", 'trap "" INT; exec "$@"', "bash"] if ignore_interrupts else []
    parent = subprocess.Popen([*shell, *command], env={**os.environ, **installed.environment})
    children: list[psutil.Process] = []
    try:
        _within(120, (installed.instance / "services.json").exists)
        children = psutil.Process(parent.pid).children()
        assert len(children) == 4, "code server, daemon, reports and webserver"
        yield parent, children
    finally:
        parent.kill()
        parent.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def _answers(services: Services, url: str) -> bool:
    services.supervise()
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(url, timeout=60).ok
    return False


def _alive(services: Services) -> bool:
    return all(child.alive for child in services.children)


def _within(seconds: float, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_workers_go_on_with_the_campaigns_that_were_loaded_when_the_file_breaks(served: Served) -> None:
    file = served.services.installation.campaigns
    served.do("demo_prepare")
    file.write_text(file.read_text().replace("budget: 3", "budget: three"))

    served.do("start_search", name="first", budget=2, report_evaluations=0)
    served.wait(lambda: served.is_done("first"))

    assert served.finished("first") == 2
    assert served.ledger.search("first").state is SearchState.DONE


_FRAGILE = """
import multiprocessing
import os
from pathlib import Path

from autoselection_dagster.definitions import defs

if multiprocessing.parent_process() and (Path(os.environ["AUTOSELECTION_HOME"]) / "broken").exists():
    raise ModuleNotFoundError("no module called campaign_extension")
"""
"""A code location that a run worker cannot load while the home folder holds a file called `broken`."""


def test_a_job_that_cannot_be_loaded_stops_its_search_with_the_reason_and_resuming_it_goes_on(
    installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fragile_location.py").write_text(_FRAGILE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    with serving(installed, module="fragile_location") as services, Served.of(services) as served:
        served.do("demo_prepare")
        broken = installed.home / "broken"
        broken.touch()
        served.ledger.register(_spec(installed), "first")
        served.wait(lambda: served.ledger.search("first").state is SearchState.STOPPED)

        assert "no module called campaign_extension" in served.ledger.search("first").reason
        assert len(served.client.instance.get_runs(dg.RunsFilter(job_name="demo_work"))) == MAX_FALSE_STARTS

        broken.unlink()
        served.ledger.resume("first")
        served.wait(lambda: served.is_done("first"))
        assert served.finished("first") == 1


def _spec(installed: Installation) -> SearchSpec:
    home = Home(installed.home)
    workspace = Workspace(load_campaigns(installed.campaigns, home)["demo"], home)
    return workspace.spec(workspace.pool().version, budget=1, report_evaluations=0)


def _read(url: str) -> str:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(url, timeout=60).text
    return ""


_REPOSITORY = Path(__file__).parents[2]


def test_services_go_on_after_an_upgrade_whose_other_process_migrated_the_history(
    installed: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = _copied(tmp_path / "release")
    monkeypatch.chdir(release)
    monkeypatch.setenv("PYTHONPATH", str(release))
    with _served(installed):
        _within(120, lambda: _has_ticked_well(installed, since=0.0))

        migrations = release / "autoselection_core" / "history" / "storage" / "migrations.py"
        before, after = migrations.read_text().split("\n)\n\n\ndef migrate(")
        added = '\n    ("CREATE TABLE of_a_newer_release (id INTEGER)",),\n)\n\n\ndef migrate('
        migrations.write_text(f"{before}{added}{after}")
        command = [sys.executable, "-m", "autoselection_core.cli", "status"]
        subprocess.run(command, env={**os.environ, **installed.environment}, check=True)

        with pytest.raises(NewerSchemaError):
            Ledger.open(Home(installed.home).history_url)
        migrated = time.time()
        _within(300, lambda: _has_ticked_well(installed, since=migrated))


def _has_ticked_well(installed: Installation, since: float) -> bool:
    """Whether the sensor of searches began a tick after a time, and it ended without an error."""
    with dg.DagsterInstance.from_config(str(installed.instance)) as instance:
        return any(
            tick.timestamp > since and tick.status.name == "SKIPPED"
            for state in instance.all_instigator_state()
            if state.instigator_name == "search_sensor"
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=5)
        )


def _copied(release: Path) -> Path:
    """What a checkout holds of the program."""
    for folder in ("autoselection_core", "autoselection_dagster", "deploy"):
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(_REPOSITORY / folder, release / folder, ignore=without)
    for file in ("dagster.yaml", "workspace.yaml"):
        shutil.copyfile(_REPOSITORY / file, release / file)
    return release


def test_dagster_dev_in_a_checkout_has_the_limits_and_the_telemetry_of_make_ui(
    installed: Installation, tmp_path: Path
) -> None:
    with serving(installed, free_port()) as services:
        served = _settings(f"http://127.0.0.1:{services.port}")
    with _developed(installed, _copied(tmp_path / "checkout")) as url:
        developed = _settings(url)

    assert developed == served
    assert developed["poolConfig"]["defaultPoolLimit"] == 1, "one training at a time"
    assert developed["jobs"] >= {"start_search", "demo_prepare"}
    assert not developed["telemetry"]


@contextmanager
def _developed(installed: Installation, checkout: Path) -> Iterator[str]:
    """Address of the UI of `dagster dev` in a checkout; its process group is killed at the end."""
    port = free_port()
    command = [sys.executable, "-m", "dagster", "dev", "--port", str(port)]
    environment = {**os.environ, **installed.environment, "PYTHONPATH": str(checkout)}
    del environment["DAGSTER_HOME"]
    with (checkout / "dev.log").open("wb") as log:
        parent = subprocess.Popen(
            command, cwd=checkout, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _within(120, lambda: bool(_read(f"{url}/server_info")))
        yield url
    finally:
        children = psutil.Process(parent.pid).children(recursive=True)
        parent.terminate()
        psutil.wait_procs(children, timeout=30)
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        parent.wait(60)


_SETTINGS = """
{
  instance {
    runQueueConfig { maxConcurrentRuns }
    poolConfig { poolGranularity defaultPoolLimit }
    runQueuingSupported
  }
  repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } }
}
"""


def _settings(url: str) -> dict[str, Any]:
    """Limits of an installation that is served, its jobs, and whether its pages report to others."""
    answer = requests.post(f"{url}/graphql", json={"query": _SETTINGS}, timeout=60).json()["data"]
    nodes = answer["repositoriesOrError"]["nodes"]
    telemetry = '"telemetryEnabled": true' in _read(url)
    return {
        **answer["instance"],
        "jobs": {job["name"] for each in nodes for job in each["jobs"]},
        "telemetry": telemetry,
    }
