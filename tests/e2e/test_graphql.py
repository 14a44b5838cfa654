"""Requests of the Launchpad over GraphQL, against a real webserver and daemon."""

import time
from typing import Any

import dagster as dg
import pytest

from autoselection_core.history.records import TrialState
from tests.e2e.served import Served, ask, launched, switch

_TERMINATE = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"
_MATERIALISED = """
query($key: AssetKeyInput!) {
  assetOrError(assetKey: $key) {
    ... on Asset { assetMaterializations { partition metadataEntries { label } } }
  }
}
"""
_SEVERAL_TICKS_S = 12.0

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


def _labels(served: Served, *key: str) -> set[str]:
    """Labels of the metadata that the latest materialization shows."""
    made = _materialized(served, *key)
    return {entry["label"] for entry in made[0]["metadataEntries"]} if made else set()


def _materialized(served: Served, *key: str) -> list[dict[str, Any]]:
    found = ask(served, _MATERIALISED, {"key": {"path": list(key)}})["assetOrError"]
    return list(found.get("assetMaterializations", ()))
