"""Alerts: to a webhook, by messages that wait in the home folder, and into the UI beside their search."""

import json
import os
import secrets
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, InvalidURL
from inspect import getdoc
from pathlib import Path
from typing import Self

import dagster as dg

from autoselection_core import environment_variables
from autoselection_core.history.records import SearchRecord, SearchState, StopCause
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_dagster.assets.asset_checks import POOL_IS_LATEST
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.resources import HomeResource, LedgerResource, with_prefixed_resources

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Outbox:
    """Queue of messages to the webhook. A webhook that fails neither blocks nor breaks whoever adds one.

    Attributes:
        folder: Folder of one file a message, named by the time at which it was added.
    """

    folder: Path

    @classmethod
    def of(cls, home: Home) -> Self:
        """The outbox of a home folder."""
        return cls(home.root / "alerts")

    def put(self, text: str) -> None:
        """Add a message; nothing is kept where no webhook is named, for nobody listens."""
        if not _webhook():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.folder / f"{time.time_ns()}-{secrets.token_hex(4)}.json") as draft:
            draft.write_text(json.dumps({"text": text}))

    def deliver(self) -> str | None:
        """Post what waits, oldest first, up to the first that is not taken; says why some still wait.

        A message may be posted twice when a process dies in between, and is never lost.
        """
        waiting = sorted(self.folder.glob("*.json"))
        for number, message in enumerate(waiting):
            problem = _post(message.read_bytes())
            if problem is not None:
                left = len(waiting) - number
                waiting_ones = "1 alert waits" if left == 1 else f"{left} alerts wait"
                return f"{waiting_ones} for the webhook of {environment_variables.WEBHOOK_URL}: {problem}"
            message.unlink(missing_ok=True)
        return None


def _webhook() -> str:
    return os.environ.get(environment_variables.WEBHOOK_URL) or ""


def _post(body: bytes) -> str | None:
    """Post a message; return what went wrong, if anything, without the URL, which may be a secret."""
    if not _webhook():
        return "it is not set"
    try:
        request = urllib.request.Request(_webhook(), body, {"Content-Type": "application/json"})  # noqa: S310 - the operator's own URL
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310 - the same
            return None
    except (InvalidURL, ValueError):  # they quote the URL
        return "its value is no URL"
    except (OSError, HTTPException) as error:
        return str(error)


def older_pools(
    graphs: Mapping[str, CampaignGraph], searches: Iterable[SearchRecord], home: Home
) -> dict[str, dg.AssetCheckEvaluation]:
    """The failed check of each campaign whose newest search is of an older pool, by name of the occasion.

    Args:
        graphs: The campaigns that are declared.
        searches: All searches, oldest first.
        home: Home folder that holds the pools.
    """
    newest = {search.spec.campaign: search for search in searches if search.spec.campaign in graphs}
    found = {}
    for campaign, search in newest.items():
        workspace = graphs[campaign].place.workspace(home)
        latest = workspace.pool().version if workspace.has_pool() else search.spec.pool_version
        if latest != search.spec.pool_version:
            name = f"{search.search}|older|{latest}"
            found[name] = _failed(graphs[campaign].place.key("search_report"), search, latest)
    return found


def _failed(report: dg.AssetKey, search: SearchRecord, latest: str) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=report,
        check_name=POOL_IS_LATEST.name,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"search": search.search, "searched": search.spec.pool_version, "latest": latest},
    )


SHARES = (0.5, 0.8, 1.0)
"""Shares of a spent budget at which an alert is sent."""


@dataclass(frozen=True)
class Alert:
    """Message that a person should see, sent once.

    Attributes:
        search: The search that it is about.
        name: Name of the occasion, by which it is sent once.
        text: What is the matter, in a sentence.
    """

    search: str
    name: str
    text: str


def alerts_of(search: SearchRecord) -> Iterator[Alert]:
    """Alerts that the present state of a search calls for."""
    reached = [share for share in SHARES if search.spent >= share * search.budget]
    if reached:
        name = f"{search.search}|{reached[-1]:g}|{search.budget}"
        unit = "evaluations" if search.spec.is_formula else "trainings"
        spent = f"{search.spent:,g} of {search.budget:,} {unit}"
        yield Alert(search.search, name, f"search {search.search} has spent {spent}")
    if search.state is SearchState.STOPPED:
        name = f"{search.search}|stopped|{search.reason}"
        cannot = (StopCause.STUCK, StopCause.BROKEN)
        verb = "cannot go on" if search.stop_cause in cannot else "is stopped"
        yield Alert(search.search, name, f"search {search.search} {verb}: {search.reason}")


def search_alerts_sensor(graphs: Mapping[str, CampaignGraph]) -> dg.SensorDefinition:
    """Sensor of alerts about spent budgets, and about searches that were stopped or cannot go on."""

    def search_alerts(
        context: dg.SensorEvaluationContext, ledger: LedgerResource, home: HomeResource
    ) -> dg.SensorResult | dg.SkipReason:
        """Send each alert once: as an observation of the search's report, and to the webhook.

        A pool that changed fails a check of the reports, and nothing is sent to the webhook: people changed
        it themselves. A webhook that does not answer blocks nothing; the message is sent again at the next
        tick. Nothing is sent about events before the first tick: a long history would flood the webhook.
        """
        searches = ledger.searches()
        older = older_pools(graphs, searches, home)
        current = _current_alerts(graphs, searches)
        names = json.dumps([*older, *(alert.name for _, alert in current)])
        told: list[str] = json.loads(context.cursor or names)
        new = [(graph, alert) for graph, alert in current if alert.name not in told]
        failed = [check for name, check in older.items() if name not in told]
        outbox = Outbox.of(home)
        for _, alert in new:
            outbox.put(alert.text)
        waiting = outbox.deliver()
        if waiting is not None:
            context.log.warning(waiting)
        if not new and not failed:
            context.update_cursor(names)
            return dg.SkipReason(waiting or "nothing new to tell")
        observed = [_observation(graph, alert) for graph, alert in new]
        return dg.SensorResult(asset_events=[*observed, *failed], cursor=names)

    return dg.sensor(
        name="search_alerts",
        description=getdoc(search_alerts),
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )(with_prefixed_resources(search_alerts))


def _current_alerts(
    graphs: Mapping[str, CampaignGraph], searches: Iterable[SearchRecord]
) -> list[tuple[CampaignGraph, Alert]]:
    """Alerts of the searches of declared campaigns, with their campaigns."""
    return [
        (graphs[search.spec.campaign], alert)
        for search in searches
        if search.spec.campaign in graphs
        for alert in alerts_of(search)
    ]


def _observation(graph: CampaignGraph, alert: Alert) -> dg.AssetObservation:
    """An alert as an observation of the search's report."""
    report = graph.place.key("search_report")
    return dg.AssetObservation(report, partition=alert.search, metadata={"alert": alert.text})


def _failed_runs(context: dg.RunFailureSensorContext, home: HomeResource) -> None:
    """Tell the webhook of every run that failed, with the cause that the run recorded.

    `search_alerts` posts it; Dagster shows a failed run only once to this sensor, whoever answers or not.
    """
    run = context.dagster_run
    Outbox.of(home).put(f"run {run.run_id} of {run.job_name} failed: {context.failure_event.message}")


failed_runs = dg.run_failure_sensor(
    name="failed_runs",
    description=getdoc(_failed_runs),
    default_status=dg.DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=False,
)(with_prefixed_resources(_failed_runs))
"""Sensor that passes failed runs on to the webhook."""
