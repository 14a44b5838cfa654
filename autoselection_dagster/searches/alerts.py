"""Alerts: to a webhook that the environment names, and into the UI beside the search that they are about."""

import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import dagster as dg

from autoselection_core import environment
from autoselection_core.history.records import SearchRecord, SearchState
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.resources import LedgerResource

SHARES = (0.5, 0.8, 1.0)
"""Shares of a budget at which it is told how much is spent."""

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Alert:
    """Something that a person should know of, told once.

    Attributes:
        search: The search that it is about.
        name: Names the occasion, so that it is told once.
        text: What is the matter, in a sentence.
    """

    search: str
    name: str
    text: str


def alerts_of(search: SearchRecord) -> Iterator[Alert]:
    """What there is to tell of a search as it stands."""
    reached = [share for share in SHARES if search.spent >= share * search.budget]
    if reached:
        name = f"{search.search}|{reached[-1]:g}|{search.budget}"
        spent = f"{search.spent:g} of {search.budget} evaluations"
        yield Alert(search.search, name, f"search {search.search} has spent {spent}")
    if search.state is SearchState.STOPPED:
        name = f"{search.search}|stopped|{search.reason}"
        yield Alert(search.search, name, f"search {search.search} cannot go on: {search.reason}")


def post(text: str) -> bool:
    """Post an alert; whether there is a webhook. It neither holds up nor breaks whoever asks."""
    url = os.environ.get(environment.WEBHOOK_URL)
    if not url:
        return False
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - the operator's own URL
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - the same
        return True


def search_alerts_sensor(graphs: Mapping[str, CampaignGraph]) -> dg.SensorDefinition:
    """The sensor that tells of spent budgets, and of searches that cannot go on."""

    @dg.sensor(
        name="search_alerts", minimum_interval_seconds=15, default_status=dg.DefaultSensorStatus.RUNNING
    )
    def search_alerts(
        context: dg.SensorEvaluationContext, ledger: LedgerResource
    ) -> dg.SensorResult | dg.SkipReason:
        """Tell each alert once: as an observation of the search's report, and to the webhook.

        What happened before its first tick is not told: an installation with a history would be flooded.
        """
        current = [
            (graphs[search.spec.campaign], alert)
            for search in ledger.searches()
            if search.spec.campaign in graphs
            for alert in alerts_of(search)
        ]
        names = json.dumps([alert.name for _, alert in current])
        told: list[str] = json.loads(context.cursor or names)
        new = [(graph, alert) for graph, alert in current if alert.name not in told]
        if not new:
            context.update_cursor(names)
            return dg.SkipReason("nothing new to tell")
        for _, alert in new:
            post(alert.text)
        observed = [
            dg.AssetObservation(
                graph.place.key("search_report"), partition=alert.search, metadata={"alert": alert.text}
            )
            for graph, alert in new
        ]
        return dg.SensorResult(asset_events=observed, cursor=names)

    return search_alerts


@dg.run_failure_sensor(
    name="failed_runs", default_status=dg.DefaultSensorStatus.RUNNING, monitor_all_code_locations=False
)
def failed_runs(context: dg.RunFailureSensorContext) -> None:
    """Tell the webhook of every run that failed, with the cause that the run recorded."""
    run = context.dagster_run
    post(f"run {run.run_id} of {run.job_name} failed: {context.failure_event.message}")
