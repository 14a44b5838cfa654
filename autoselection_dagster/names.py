"""Asset keys, groups and job names of a campaign: settled, for a changed key orphans its history."""

import re
from dataclasses import dataclass
from enum import StrEnum

import dagster as dg


class Group(StrEnum):
    """Group of assets, a box in the lineage; the boxes follow the flow."""

    SOURCES = "sources"
    POOL = "pool"
    SIGNALS = "signals"
    TRIAL = "trial"
    SEARCH = "search"


def key(resource: str) -> str:
    """Key of a resource, prefixed: a project that the definitions are merged into has others of its own.

    Example:
        >>> key("home")
        'autoselection_home'
    """
    return f"autoselection_{resource}"


@dataclass(frozen=True)
class Names:
    """Names of the assets, jobs, sensor and schedule of one campaign.

    Attributes:
        campaign: Name of the campaign, the prefix of everything.
    """

    campaign: str

    def key(self, *parts: str) -> dg.AssetKey:
        """Key of an asset of the campaign."""
        return dg.AssetKey([self.campaign, *parts])

    def signal(self, name: str) -> dg.AssetKey:
        """The asset of a signal: `embeddings` and `relevance/<benchmark>` by themselves, others together."""
        if name == "embedding":
            return self.key("embeddings")
        parts = name.split("/")
        return self.key(*parts) if parts[0] == "relevance" else self.key("signal", *parts)

    def group(self, group: Group) -> str:
        """Name of a group of the campaign's assets."""
        return self._own(group)

    @property
    def prepare_job(self) -> str:
        """Name of the job that observes the sources, and makes the pool and its signals."""
        return self._own("prepare")

    @property
    def search_again_job(self) -> str:
        """Name of the job that prepares, and searches the pool again if it changed."""
        return self._own("search_again")

    @property
    def work_job(self) -> str:
        """Name of the job that makes the trials of a search one after the other, in one process."""
        return self._own("work")

    @property
    def work_op(self) -> str:
        """Name of the step of a worker; one name for all campaigns would not load."""
        return self._own("trials")

    @property
    def trial_job(self) -> str:
        """Name of the job that makes one trial."""
        return self._own("trial")

    @property
    def report_job(self) -> str:
        """Name of the job that reports a search."""
        return self._own("report")

    @property
    def changed_sensor(self) -> str:
        """Name of the sensor that notices changed source files."""
        return self._own("pool_changed")

    @property
    def automation_sensor(self) -> str:
        """Name of the sensor that evaluates the conditions of the campaign's assets."""
        return self._own("automation")

    @property
    def schedule(self) -> str:
        """Name of the schedule that searches a changed pool again."""
        return self._own("search_again_schedule")

    def _own(self, name: str) -> str:
        """Name of a job, sensor or group; Dagster allows letters, digits and underscores there."""
        return f"{re.sub(r'[^A-Za-z0-9_]', '_', self.campaign)}_{name}"
