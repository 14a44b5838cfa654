"""Requests of the Launchpad over GraphQL, of impatient people too, against a real webserver and daemon."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import dagster as dg
import pytest

from autoselection_core.history.records import SearchState, TrialState
from tests.e2e.served import Served, ask, launched, refusals, switch

_TERMINATE = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
_MATERIALISED = """
query($key: AssetKeyInput!) {
  assetOrError(assetKey: $key) {
    ... on Asset { assetMaterializations { partition metadataEntries { label } } }
  }
}
"""
_FAILURES = """
query($run: ID!) {
  logsForRun(runId: $run) {
    ... on EventConnection { events { ... on ExecutionStepFailureEvent { error { message } } } }
  }
}
"""
_SEVERAL_TICKS_S = 12.0
_CLICKS = 10
_BUDGET = 3

pytestmark = pytest.mark.e2e


def test_a_search_started_over_graphql_runs_to_its_report(served_with_ui: Served) -> None:
    served = served_with_ui
    served.do("demo_prepare")

    answer = launched(served, {"name": "clicked", "budget": 2, "seed": 7, "report_evaluations": 1})

    assert answer["__typename"] == "LaunchRunSuccess", answer
    served.wait(lambda: "clicked" in [search.search for search in served.ledger.searches()])
    served.wait(lambda: served.is_done("clicked"))
    # The page is refreshed after every trial and report evaluation; the last refresh is the report.
    final = {"score_trajectory", "score against tokens", "trials", "arms"}
    served.wait(lambda: final <= _labels(served, "demo", "search_report"))
    assert served.ledger.search("clicked").spec.seed == 7


def test_a_run_that_is_terminated_gives_its_trial_back_unharmed(served_with_ui: Served) -> None:
    served = served_with_ui
    served.do("demo_prepare")
    served.do("start_search", name="ended", budget=1, report_evaluations=0)
    served.wait(lambda: TrialState.RUNNING in [trial.state for trial in served.ledger.trials("ended")])
    (run,) = served.client.instance.get_runs(dg.RunsFilter(job_name="demo_trial"))

    ask(served, _TERMINATE, {"run": run.run_id})

    served.wait(lambda: served.is_done("ended"))
    assert [(paid.attempt, paid.outcome) for paid in served.ledger.payments("ended")] == [
        (1, "released"),
        (2, "paid"),
    ]
    ended = served.client.instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is dg.DagsterRunStatus.CANCELED
    told = str([entry.dagster_event for entry in served.client.instance.all_logs(run.run_id)])
    assert "the run was terminated, or the process that it ran in" in told
    assert "DagsterExecutionInterruptedError" not in told


def test_nothing_starts_while_the_search_sensor_is_switched_off(served_with_ui: Served) -> None:
    served = served_with_ui
    served.do("demo_prepare")
    switch(served, "search_sensor", on=False)
    served.do("start_search", name="waits", budget=1, report_evaluations=0)

    time.sleep(_SEVERAL_TICKS_S)

    assert not served.ledger.trials("waits")
    assert not served.client.instance.get_runs(dg.RunsFilter(job_name="demo_trial"))

    switch(served, "search_sensor", on=True)
    served.wait(lambda: served.is_done("waits"))


def test_a_mistyped_field_is_refused_by_name(served_with_ui: Served) -> None:
    answer = launched(served_with_ui, {"budgt": 2})

    assert answer["__typename"] == "RunConfigValidationInvalid"
    assert "budgt" in answer["errors"][0]["message"]


def test_the_launchpad_refuses_unknown_names_and_a_run_the_numbers_out_of_range_in_one_sentence(
    served_with_ui: Served,
) -> None:
    served = served_with_ui
    assert refusals(served, {"budget": 2, "operators": ["keep_top"]}) == []
    for asked in ({"operators": ["keep_topp"]}, {"campaign": "nothing"}, {"policy": "nothing"}):
        (said,) = refusals(served, asked)
        assert "(one of " in said, said
    # The webserver checks types and names; it knows no ranges.
    assert refusals(served, {"budget": 0}) == []

    run = launched(served, {"budget": 0})["run"]["runId"]
    served.wait(lambda: _is_finished(served, run))

    events = ask(served, _FAILURES, {"run": run})["logsForRun"]["events"]
    (failure,) = filter(None, events)
    assert "a search with budget 0 cannot run; give it at least 1" in failure["error"]["message"]
    assert "Traceback" not in failure["error"]["message"]


def _is_finished(served: Served, run: str) -> bool:
    found = served.client.instance.get_run_by_id(run)
    return found is not None and found.is_finished


def _labels(served: Served, *key: str) -> set[str]:
    """Labels of the metadata that the latest materialization shows."""
    made = _materialized(served, *key)
    return {entry["label"] for entry in made[0]["metadataEntries"]} if made else set()


def _materialized(served: Served, *key: str) -> list[dict[str, Any]]:
    found = ask(served, _MATERIALISED, {"key": {"path": list(key)}})["assetOrError"]
    return list(found.get("assetMaterializations", ()))


def test_ten_clicks_under_two_daemons_make_one_search_that_pays_for_each_evaluation_once(
    served_with_ui: Served,
) -> None:
    served = served_with_ui
    served.do("demo_prepare")
    with _second_daemon(served) as second, ThreadPoolExecutor(_CLICKS) as hands:
        served.wait(lambda: _both_look(served))  # the second one takes its time to start
        config = {"budget": _BUDGET, "slots": 2, "seed": 5, "report_evaluations": 0}
        answers = list(hands.map(lambda _: launched(served, config), range(_CLICKS)))
        served.wait(lambda: _ended(served) == _CLICKS)
        (search,) = served.ledger.searches()
        served.wait(lambda: served.is_done(search.search))
        assert second.poll() is None, "the second daemon ran to the end"

    assert {answer["__typename"] for answer in answers} == {"LaunchRunSuccess"}
    paid = [payment for payment in served.ledger.payments() if payment.outcome == "paid"]
    assert served.ledger.search(search.search).spent == _BUDGET == len(paid)
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
