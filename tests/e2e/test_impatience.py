"""Ten clicks on launch at once, a daemon too many, and a stop while all slots are busy."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import dagster as dg
import pytest

from autoselection_core.history.records import SearchState
from tests.e2e.served import Served, launched

CLICKS = 10
BUDGET = 3

pytestmark = pytest.mark.e2e


def test_ten_clicks_under_two_daemons_make_one_search_that_pays_for_each_evaluation_once(
    served_with_ui: Served,
) -> None:
    served = served_with_ui
    served.do("demo_prepare")
    with _second_daemon(served) as second, ThreadPoolExecutor(CLICKS) as hands:
        served.wait(lambda: _both_look(served))  # the second one takes its time to start
        config = {"budget": BUDGET, "slots": 2, "seed": 5, "report_evaluations": 0}
        answers = list(hands.map(lambda _: launched(served, config), range(CLICKS)))
        served.wait(lambda: _ended(served) == CLICKS)
        (search,) = served.ledger.searches()
        served.wait(lambda: served.is_done(search.search))
        assert second.poll() is None, "the second daemon ran to the end"

    assert {answer["__typename"] for answer in answers} == {"LaunchRunSuccess"}
    paid = [payment for payment in served.ledger.payments() if payment.outcome == "paid"]
    assert served.ledger.search(search.search).spent == BUDGET == len(paid)
    assert max(Counter(payment.evaluation for payment in paid).values()) == 1


def test_a_search_that_keeps_four_slots_busy_is_stopped_at_once(served: Served) -> None:
    served.do("demo_prepare")
    served.do("start_search", name="first", budget=500, slots=4, report_evaluations=0)
    served.wait(lambda: len(served.ledger.open_trials()) == 4)

    served.client.launch("stop_search", {"ops": {"stop": {"config": {"search": "first"}}}})

    served.wait(lambda: served.ledger.search("first").state is SearchState.STOPPED, seconds=240)


@contextmanager
def _second_daemon(served: Served) -> Iterator["subprocess.Popen[bytes]"]:
    """A daemon beside that of the services, as somebody starts who forgot the first."""
    log = served.services.installation.instance / "second-daemon.log"
    command = [sys.executable, *served.services.children[1].command]
    with log.open("wb") as output:
        daemon = subprocess.Popen(
            command,
            env=served.services.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield daemon
        finally:
            os.killpg(daemon.pid, signal.SIGTERM)
            daemon.wait(60)


def _ended(served: Served) -> int:
    runs = served.client.instance.get_runs(dg.RunsFilter(job_name="start_search"))
    assert not any(run.status is dg.DagsterRunStatus.FAILURE for run in runs)
    return sum(run.is_finished for run in runs)


def _both_look(served: Served) -> bool:
    """Whether the sensor loop of either daemon wrote to its log.

    Not whether either looked at the search sensor: a tick is due some seconds after the last one by whichever
    daemon, so of two loops with one period the earlier may take every tick of a sensor.
    """
    logs = [served.services.installation.instance / f"{name}.log" for name in ("daemon", "second-daemon")]
    return all("SensorDaemon" in log.read_text() for log in logs)
