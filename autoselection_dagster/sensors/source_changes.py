"""Changed source files: noticed by a sensor once the change has settled, or by a schedule."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from inspect import getdoc
from typing import Any, Self

import dagster as dg

from autoselection_core.campaign.declaration.campaign import PoolChangeTrigger
from autoselection_core.campaign.on_pool_change import wait_until, why_it_waits
from autoselection_core.errors.base import AutoSelectionError
from autoselection_core.report.rendering.table import printable
from autoselection_core.store.home import Home
from autoselection_dagster.assets.sources import observed_version, stamp
from autoselection_dagster.beta import DATA_VERSION_TAG, known_beta
from autoselection_dagster.graph import CampaignGraph
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.sensors.alerts import Outbox
from autoselection_dagster.trials.workers import UNFINISHED, requested_runs

SETTLED_AFTER_S = 10.0
"""A file that is still being written must not become a pool."""

FIRST_PAUSE_S, MAX_PAUSE_S = 60.0, 3600.0
"""A run that failed is asked for again after a pause; each further one is twice as long, up to the last."""

LOST = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
"""States of a run that ended without its result."""


CHANGES_EVERY_S, CONDITIONS_EVERY_S = 5, 30
"""Least seconds between two ticks of a campaign's two sensors."""

_TICK_S, _CONDITIONS_TICK_S = 1, 3
"""Seconds between two ticks of a kind, of whatever campaign.

Every tick is a call to the code server and a row of Dagster's storage. With fifty campaigns at the least
intervals the daemon and the code server used 0.8 of a core for sensors that found nothing to do; in turns
they use 0.2, where one campaign's use 0.1 (`python -m bench.platform --idle 1 50`, load 5).
"""


def pause_after(tries: int) -> float:
    """Seconds from a request to the next one, if so many runs failed."""
    return min(MAX_PAUSE_S, FIRST_PAUSE_S * 2.0 ** max(0, tries - 1))


@dataclass(frozen=True)
class SourceWatch:
    """State of the sensor between ticks.

    Attributes:
        seen: Stamp of the files at the last tick; empty before the first.
        since: Time at which that stamp was first seen, in seconds since the epoch.
        done: The stamp for which a run was requested last; the first one seen counts as done.
        asked: Time at which that run was requested, in seconds since the epoch; 0 where none is awaited.
        tries: Number of runs that were requested for that stamp.
        missing: Reason why no file was found at the last tick; empty where some were.
    """

    seen: str = ""
    since: float = 0.0
    done: str = ""
    asked: float = 0.0
    tries: int = 0
    missing: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """Read the state from a cursor."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def observe(self, present: str, now: float) -> Self:
        """Remember a stamp."""
        if not self.seen:
            return replace(self, seen=present, since=now, done=present)
        # A clock that was set back would make the change look as if it were still to come.
        is_same = present == self.seen and self.since <= now
        return replace(self, missing="") if is_same else replace(self, seen=present, since=now, missing="")

    def record_request(self, now: float) -> Self:
        """Remember that a run is requested for what was seen."""
        tries = self.tries + 1 if self.done == self.seen else 1
        return replace(self, done=self.seen, asked=now, tries=tries)

    def run_key(self, campaign: str) -> str:
        """Name of the run that was asked for last.

        The time belongs to it: files that are set back to an earlier state are a change, too.
        """
        again = f"|{self.tries}" if self.tries > 1 else ""
        return f"{campaign}|{self.done}|{self.since}{again}"

    def record_status(self, statuses: Sequence[dg.DagsterRunStatus]) -> Self:
        """Remember how the run ended that was asked for: one that succeeded is awaited no more."""
        is_seen_through = bool(statuses) and dg.DagsterRunStatus.SUCCESS in statuses
        return replace(self, asked=0.0, tries=0) if is_seen_through else self

    def is_lost(self, statuses: Sequence[dg.DagsterRunStatus], now: float) -> bool:
        """Whether the run that was asked for failed, and the pause after it is over."""
        has_failed = bool(statuses) and all(status in LOST for status in statuses)
        return bool(self.asked) and has_failed and now - self.asked >= self.pause_s

    @property
    def pause_s(self) -> float:
        """Seconds from a request to the next one, if its run fails."""
        return pause_after(self.tries)

    def is_due(self, now: float) -> bool:
        """Whether the files changed and have been still since."""
        return self.seen != self.done and now - self.since >= SETTLED_AFTER_S

    @property
    def why_idle(self) -> str:
        """Reason why nothing is requested."""
        if self.seen == self.done and self.asked:
            return (
                f"run {self.tries} for the change is not through yet; one that fails is asked for again "
                f"{self.pause_s:.0f} s after it was asked for"
            )
        if self.seen == self.done:
            return "the source files are as they were"
        return "the source files changed and have not been still for long enough"

    @property
    def cursor(self) -> str:
        """The text that `read` reads."""
        return json.dumps(asdict(self))


def watches_changes(graph: CampaignGraph) -> bool:
    """Whether the sensors of a campaign run from the start: it says `on_pool_change: on_change`."""
    return graph.place.campaign.on_pool_change.when is PoolChangeTrigger.ON_CHANGE


def pool_changed_sensor(graph: CampaignGraph, watching: int = 1) -> dg.SensorDefinition:
    """The sensor of a campaign. It runs from the start where the campaign says `on_pool_change: on_change`.

    Where the campaign does not, a person may switch it on: then it prepares the pool and starts no search.

    Args:
        graph: The campaign's assets and jobs.
        watching: Number of campaigns whose sensors run from the start; many take turns.
    """
    is_wanted = watches_changes(graph)

    def pool_changed(
        context: dg.SensorEvaluationContext, home: HomeResource
    ) -> dg.SensorResult | dg.SkipReason:
        """Make the pool and its missing signals again when source files changed and have settled.

        Reads names, sizes and times only. A run that failed is asked for again, with a pause that grows,
        until one succeeds or a file changes. Where no file is left, one message says so. Changes that come
        before the campaign's limits allow another search make one search, once they do.
        """
        now, before = time.time(), SourceWatch.read(context.cursor)
        try:
            present = stamp(graph.place.campaign.source_files())
        except AutoSelectionError as error:
            return _told_once(context.instance, graph, before, Outbox.of(home), printable(str(error)))
        statuses = _statuses(context.instance, before.run_key(graph.name)) if before.asked else ()
        watched = before.record_status(statuses).observe(present, now)
        is_lost = watched.seen == watched.done and watched.is_lost(statuses, now)
        if not watched.is_due(now) and not is_lost:
            context.update_cursor(watched.cursor)
            return dg.SkipReason(watched.why_idle)
        if is_wanted and not is_lost and (waits := _why_it_waits(graph, home, now)):
            context.update_cursor(watched.cursor)
            return dg.SkipReason(waits)
        asked = watched.record_request(now)
        request = dg.RunRequest(run_key=asked.run_key(graph.name))
        return dg.SensorResult(run_requests=[request], cursor=asked.cursor)

    with known_beta():
        return dg.sensor(
            name=graph.place.names.changed_sensor,
            description=getdoc(pool_changed),
            job=graph.search_again_job if is_wanted else graph.prepare_job,
            minimum_interval_seconds=max(CHANGES_EVERY_S, _TICK_S * watching),
            default_status=dg.DefaultSensorStatus.RUNNING if is_wanted else dg.DefaultSensorStatus.STOPPED,
            **_kept(graph),
        )(with_prefixed_resources(pool_changed))


def automation_sensor(graph: CampaignGraph, watching: int = 1) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the conditions of a campaign's assets.

    It runs from the start where the campaign says `on_pool_change: on_change`. The other sensor sees changed
    files within seconds and asks again for what failed; this one sees what else changes a pool: a run that a
    person started, a benchmark that was observed. What is being made already, neither asks for twice.

    Args:
        graph: The campaign's assets and jobs.
        watching: Number of campaigns whose sensors run from the start; many take turns.
    """
    is_wanted = watches_changes(graph)
    return dg.AutomationConditionSensorDefinition(
        graph.place.names.automation_sensor,
        target=dg.AssetSelection.assets(*(asset.key for asset in graph.automated_assets)),
        description="Make pool and signals again when the content of what they read changed and no blocking "
        "check of it failed" + (", and enter the next search." if is_wanted else "."),
        default_status=dg.DefaultSensorStatus.RUNNING if is_wanted else dg.DefaultSensorStatus.STOPPED,
        minimum_interval_seconds=max(CONDITIONS_EVERY_S, _CONDITIONS_TICK_S * watching),
        tags=dict(graph.place.campaign.stewardship.tags),
    )


def _kept(graph: CampaignGraph) -> dict[str, Any]:
    """Owners and tags of a campaign, as sensors and schedules take them."""
    kept = graph.place.campaign.stewardship
    return {**({"owners": list(kept.owners)} if kept.owners else {}), "tags": dict(kept.tags)}


def _statuses(instance: dg.DagsterInstance, run_key: str) -> list[dg.DagsterRunStatus]:
    return [run.status for run in requested_runs(instance, [run_key])[run_key]]


def _told_once(
    instance: dg.DagsterInstance, graph: CampaignGraph, before: SourceWatch, outbox: Outbox, problem: str
) -> dg.SensorResult:
    """One alert for a problem, however many ticks see it: on the page of the sources, and to the webhook.

    The sources keep their data version: another one would ask for a pool that cannot be made.
    """
    seen = []
    if before.missing != problem:
        outbox.put(f"campaign {graph.name}: {problem}")
        sources = graph.place.key("raw_sources")
        version = observed_version(instance, sources)
        tags = {} if version is None else {DATA_VERSION_TAG: version}
        seen = [dg.AssetObservation(sources, metadata={"alert": problem}, tags=tags)]
    cursor = replace(before, missing=problem).cursor
    return dg.SensorResult(skip_reason=problem, asset_events=seen, cursor=cursor)


def _why_it_waits(graph: CampaignGraph, home: Home, now: float) -> str:
    """Reason why the campaign's limits allow no search yet; empty where they do."""
    asked = graph.place.campaign.on_pool_change
    until = wait_until(graph.place.workspace(home).ledger, graph.name, asked, now)
    return why_it_waits(asked, until) if until else ""


def search_again_schedule(graph: CampaignGraph) -> dg.ScheduleDefinition:
    """The schedule of a campaign that says `on_pool_change: schedule`; it runs from the start.

    A tick on a pool that was searched already starts no search. One that comes while the run of an earlier
    one is not over, before the campaign's limits allow another search, or where no file is left, starts no
    run.
    """
    asked = graph.place.campaign.on_pool_change

    def at_these_times(
        context: dg.ScheduleEvaluationContext, home: HomeResource
    ) -> dg.RunRequest | dg.SkipReason:
        try:
            graph.place.campaign.source_files()
        except AutoSelectionError as error:
            return dg.SkipReason(printable(str(error)))
        waits = _why_busy(context.instance, graph) or _why_it_waits(graph, home, time.time())
        return dg.SkipReason(waits) if waits else dg.RunRequest()

    with known_beta():
        made: dg.ScheduleDefinition = dg.schedule(
            name=graph.place.names.schedule,
            job=graph.search_again_job,
            cron_schedule=asked.cron,
            execution_timezone=asked.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=f"Prepare at these times ({asked.timezone}), and search the pool again if it changed "
            "since the last search.",
            **_kept(graph),
        )(with_prefixed_resources(at_these_times))
    return made


def _why_busy(instance: dg.DagsterInstance, graph: CampaignGraph) -> str:
    """The run of an earlier tick that is not over, in a sentence; empty where there is none."""
    wanted = dg.RunsFilter(job_name=graph.search_again_job.name, statuses=list(UNFINISHED))
    return next(
        (
            f"run {run.run_id[:8]} of an earlier tick is not over"
            for run in instance.get_runs(wanted, limit=1)
        ),
        "",
    )
