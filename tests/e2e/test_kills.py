"""Run workers killed at random moments, under a real daemon."""

import logging
import random
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.values import History
from autoselection_core.search.loop import run_search
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from tests.e2e.served import DELAY_S, Served

log = logging.getLogger(__name__)


@pytest.mark.e2e
def test_workers_killed_three_times_leave_budget_and_answer_as_they_would_have_been(
    served: Served, tmp_path: Path
) -> None:
    kill_runs_and_compare(served, tmp_path / "plain", kills=3, budget=5, seed=int(time.time()))


@pytest.mark.e2e
def test_daemon_and_webserver_killed_at_random_moments_leave_budget_and_answer_as_they_would_have_been(
    served_with_ui: Served, tmp_path: Path
) -> None:
    served, seed, budget = served_with_ui, int(time.time()), 4
    log.warning("seed of the kills: %d", seed)
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    served.do("demo_prepare")
    served.do("start_search", name="killed", budget=budget, report_evaluations=0)

    for number, service in enumerate(["daemon", "webserver"] * 2):
        served.wait(lambda number=number: served.finished("killed") >= min(number, budget - 1))  # type: ignore[misc] # mypy cannot type defaults of a lambda
        time.sleep(draw.uniform(0, 2 * DELAY_S))
        served.kill_service(service)
    served.wait(lambda: served.is_done("killed"), seconds=400)

    _compare(served, tmp_path / "plain", budget)
    # The last kill may be so late that the webserver is still starting again when the search is done.
    served.wait(lambda: _is_served(served.services.port))


def kill_runs_and_compare(served: Served, plain: Path, kills: int, budget: int, seed: int) -> int:
    """Kill run workers of a search at random moments; how many were met. Raises where anything differs."""
    log.warning("seed of the kills: %d", seed)
    draw, met = random.Random(seed), 0  # noqa: S311 - moments, not secrets
    served.do("demo_prepare")
    served.do("start_search", name="killed", budget=budget, report_evaluations=0)

    while met < kills and not served.is_done("killed"):
        least = met
        served.wait(lambda least=least: served.finished("killed") >= least and bool(served.workers()))  # type: ignore[misc] # mypy cannot type defaults of a lambda
        time.sleep(draw.uniform(0, 2 * DELAY_S))
        # The first one takes the code server along, as a crash of the machine would.
        met += served.kill_group() if met == 0 else served.kill_worker()
        log.info("kills that met a worker: %d; %s", met, served.ledger.trials("killed"))
    served.wait(lambda: served.is_done("killed"), seconds=400)
    _compare(served, plain, budget)
    return met


def _is_served(port: int | None) -> bool:
    try:
        answer = requests.get(f"http://127.0.0.1:{port}/server_info", timeout=60)
    except requests.ConnectionError:
        return False
    return bool(answer.status_code == requests.codes.ok)


def _compare(served: Served, plain: Path, budget: int) -> None:
    """Nothing lost, nothing paid twice, and the history of a search that nobody disturbed."""
    paid = [payment for payment in served.ledger.payments("killed") if payment.outcome == "paid"]
    assert served.ledger.search("killed").spent == budget == len(paid)
    assert max(Counter(payment.evaluation for payment in paid).values()) == 1
    assert served.ledger.history("killed") == _undisturbed(served.services.installation, plain, budget)


def _undisturbed(installed: Installation, folder: Path, budget: int) -> History:
    home = Home(folder)
    workspace = Workspace(load_campaigns(installed.campaigns, home)["demo"], home)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    spec = workspace.spec(pool.version, budget=budget, report_evaluations=0)
    workspace.ledger.register(spec, "killed")
    return run_search(workspace.ledger, "killed", workspace.solver(spec), workspace.evaluator(pool.version))
