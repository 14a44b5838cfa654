"""Place of a campaign in Dagster: the names and partitions that every definition of an asset needs."""

from dataclasses import dataclass

import dagster as dg

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.remote.attach import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.store.home import Home
from autoselection_dagster.names import Group, Names
from autoselection_dagster.partitions import Partitions

GPU_POOL = "gpu"
"""The concurrency pool of the steps that need a device."""


@dataclass(frozen=True)
class Place:
    """A campaign and the names, partitions and boxes of its assets.

    Attributes:
        campaign: What is searched.
        names: What its assets are called.
        partitions: Its searches and trials.
    """

    campaign: Campaign
    names: Names
    partitions: Partitions

    def workspace(self, home: Home) -> Workspace:
        """The campaign in a home folder."""
        return installed_workspace(self.campaign, home)

    @property
    def scored_by(self) -> list[dg.AssetKey]:
        """The sources that a score follows from, beside the subset."""
        benchmarks = [self.key("benchmark", name) for name in self.campaign.weights]
        return [*([self.key("base_model")] if self.campaign.base_model else []), *benchmarks]

    def key(self, *parts: str) -> dg.AssetKey:
        """An asset of the campaign."""
        return self.names.key(*parts)

    def group(self, group: Group) -> str:
        """A box of the campaign."""
        return self.names.group(group)
