"""Run workers killed at random moments, under a real daemon."""

import logging
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from autoselection_core.campaign.loading import load_campaigns
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.history.values import History
from autoselection_core.search.loop import run_search
from autoselection_core.store.home import Home
from autoselection_dagster.installation import Installation
from tests.e2e.served import Served

BUDGET = 5
KILLS = 3

log = logging.getLogger(__name__)

pytestmark = pytest.mark.e2e


def test_workers_killed_three_times_leave_budget_and_answer_as_they_would_have_been(
    served: Served, tmp_path: Path
) -> None:
    seed = int(time.time())
    log.warning("seed of the kills: %d", seed)
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    served.do("demo_prepare")
    served.do("start_search", name="killed", budget=BUDGET, report_evaluations=0)

    for number in range(KILLS):
        served.wait(lambda least=number: served.finished("killed") >= least and bool(served.workers()))  # type: ignore[misc] # mypy cannot type defaults of a lambda
        time.sleep(draw.uniform(0, 6))
        # The first one takes the code server along, as a crash of the machine would.
        killed = served.kill_group() if number == 0 else served.kill_worker()
        log.info("kill %d met a worker: %s; %s", number, killed, served.ledger.trials("killed"))
    served.wait(lambda: served.is_done("killed"), seconds=400)

    paid = [payment for payment in served.ledger.money("killed") if payment.outcome == "paid"]
    assert served.ledger.search("killed").spent == BUDGET == len(paid)
    assert max(Counter(payment.evaluation for payment in paid).values()) == 1
    assert served.ledger.history("killed") == _undisturbed(served.services.installation, tmp_path / "plain")


def _undisturbed(installed: Installation, folder: Path) -> History:
    home = Home(folder)
    workspace = Workspace(load_campaigns(installed.campaigns, home)["demo"], home)
    pool = workspace.ingest().pool
    for name in workspace.signal_names:
        workspace.score(name, pool)
    spec = workspace.spec(pool.version, budget=BUDGET, report_evaluations=0)
    workspace.ledger.register(spec, "killed")
    return run_search(workspace.ledger, "killed", workspace.solver(spec), workspace.evaluator(pool.version))
