"""Whole runs as jobs of a Ray cluster: dagster-ray's run launcher under a real daemon, with a run killed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.loopback import free_port
from autoselection_core.search.loop import run_search
from autoselection_core.store.home import Home
from autoselection_dagster.errors import RunFailedError
from autoselection_dagster.installation import Installation
from autoselection_dagster.serving.services import serving
from tests.cluster.ray_head import Head, ray_head
from tests.e2e.served import Served

BUDGET = 2
DEPLOY = Path(__file__).parents[2] / "deploy"

pytestmark = pytest.mark.e2e


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> Iterator[Head]:
    port = free_port()
    monkeypatch.setenv("DAGSTER_RAY_ADDRESS", f"http://127.0.0.1:{port}")
    with ray_head(dashboard_port=port) as started:
        for name, value in started.environment.items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture
def served_on_ray(installed: Installation, head: Head) -> Iterator[Served]:
    assert head.process.is_running()
    installed.instance.mkdir(parents=True)
    settings = (DEPLOY / "dagster.yaml").read_text() + (DEPLOY / "dagster-ray.yaml").read_text()
    (installed.instance / "dagster.yaml").write_text(settings)
    with serving(installed) as services, Served.of(services) as served:
        yield served


def do_twice_at_most(served: Served, job: str, **config: Any) -> None:
    """Run a job; once more if Ray lost it, as it does on a machine that is busy enough."""
    try:
        served.do(job, **config)
    except RunFailedError as lost:
        assert "without a failed step" in str(lost)  # noqa: PT017 - a step that fails is a finding
        served.do(job, **config)


def kill_runs(head: Head) -> int:
    """SIGKILL what runs Dagster runs on the cluster, with the shells that started it; how many there were."""
    found = [
        each for each in head.process.children(recursive=True) if "execute_run" in " ".join(each.cmdline())
    ]
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(found)


def test_a_search_whose_runs_are_ray_jobs_records_what_the_plain_loop_records_though_one_is_killed(
    served_on_ray: Served, head: Head, tmp_path: Path
) -> None:
    served = served_on_ray
    do_twice_at_most(served, "demo_prepare")
    do_twice_at_most(served, "start_search", name="first", budget=BUDGET, report_evaluations=0)

    served.wait(lambda: any(trial.state == "running" for trial in served.ledger.trials("first")))
    assert kill_runs(head)
    served.wait(lambda: served.is_done("first"), seconds=400)

    home = Home(tmp_path / "plain")
    plain = Workspace(load_campaigns(served.services.installation.campaigns, home)["demo"], home)
    pool = plain.ingest().pool
    for name in plain.signal_names:
        plain.score(name, pool)
    spec = plain.spec(pool.version, budget=BUDGET, report_evaluations=0)
    plain.ledger.register(spec, "first")
    history = run_search(plain.ledger, "first", plain.solver(spec), plain.evaluator(pool.version))
    assert served.ledger.history("first") == history
    assert served.ledger.search("first").spent == BUDGET
    assert max(trial.attempt for trial in served.ledger.trials("first")) >= 2, "the killed one began again"
