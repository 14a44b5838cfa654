"""What notices changed source files: a sensor, once the change has settled, or a schedule."""

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Self

import dagster as dg

from autoselection_core.campaign.declaration.campaign import When
from autoselection_dagster.assets.observed import stamp
from autoselection_dagster.graph import CampaignGraph

SETTLED_AFTER_S = 10.0
"""A file that is still being written must not become a pool."""


@dataclass(frozen=True)
class Watched:
    """What the sensor remembers between ticks.

    Attributes:
        seen: Stamp of the files at the last tick; empty before the first.
        since: When that stamp was first seen, in seconds since the epoch.
        done: The stamp for which a run was requested last; the first one seen counts as done.
    """

    seen: str = ""
    since: float = 0.0
    done: str = ""

    @classmethod
    def read(cls, cursor: str | None) -> Self:
        """What a cursor holds."""
        return cls(**json.loads(cursor)) if cursor else cls()

    def look(self, present: str, now: float) -> Self:
        """Remember a stamp."""
        if not self.seen:
            return replace(self, seen=present, since=now, done=present)
        # A clock that was set back would make the change look as if it were still to come.
        is_same = present == self.seen and self.since <= now
        return self if is_same else replace(self, seen=present, since=now)

    def is_due(self, now: float) -> bool:
        """Whether the files changed and have been still since."""
        return self.seen != self.done and now - self.since >= SETTLED_AFTER_S

    @property
    def why_idle(self) -> str:
        """Why nothing is requested."""
        if self.seen == self.done:
            return "the source files are as they were"
        return "the source files changed and have not been still for long enough"

    @property
    def cursor(self) -> str:
        """The text that `read` reads."""
        return json.dumps(asdict(self))


def pool_changed_sensor(graph: CampaignGraph) -> dg.SensorDefinition:
    """The sensor of a campaign. It runs from the start where the campaign says `on_pool_change: on_change`.

    Where the campaign does not, a person may switch it on: then it prepares the pool and starts no search.
    """
    is_wanted = graph.place.campaign.on_pool_change.when is When.ON_CHANGE

    @dg.sensor(
        name=graph.place.names.changed_sensor,
        job=graph.search_again_job if is_wanted else graph.prepare_job,
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING if is_wanted else dg.DefaultSensorStatus.STOPPED,
    )
    def pool_changed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        """Make the pool and its missing signals again when source files changed and have settled.

        Reads names, sizes and times only. A run that failed is not asked for again: change a file, or start
        the job by hand.
        """
        now = time.time()
        watched = Watched.read(context.cursor).look(stamp(graph.place.campaign.source_files()), now)
        if not watched.is_due(now):
            context.update_cursor(watched.cursor)
            return dg.SkipReason(watched.why_idle)
        done = replace(watched, done=watched.seen)
        # The time belongs to the key: files that are set back to an earlier state are a change, too.
        request = dg.RunRequest(run_key=f"{graph.name}|{watched.seen}|{watched.since}")
        return dg.SensorResult(run_requests=[request], cursor=done.cursor)

    return pool_changed


def search_again_schedule(graph: CampaignGraph) -> dg.ScheduleDefinition:
    """The schedule of a campaign. It runs from the start where the campaign says `on_pool_change: schedule`.

    A tick on a pool that was searched already starts no search.
    """
    asked = graph.place.campaign.on_pool_change
    is_wanted = asked.when is When.SCHEDULE
    return dg.ScheduleDefinition(
        name=graph.place.names.schedule,
        job=graph.search_again_job,
        cron_schedule=asked.cron,
        execution_timezone=asked.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if is_wanted else dg.DefaultScheduleStatus.STOPPED,
        description=f"Prepare at these times ({asked.timezone}), and search the pool again if it changed "
        "since the last search.",
    )
