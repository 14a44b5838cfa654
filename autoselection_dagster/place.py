"""Place of a campaign in Dagster: the names and partitions that every definition of an asset needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import dagster as dg

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.remote.clients import installed_workspace
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.store.home import Home
from autoselection_dagster.beta import known_beta
from autoselection_dagster.names import Group, Names

with known_beta():
    EVERY_TRIAL_OF_THE_SEARCH = dg.MultiToSingleDimensionPartitionMapping("search")


@dataclass(frozen=True)
class Partitions:
    """The partitions of one campaign.

    Attributes:
        searches: One key a search.
        numbers: One key a trial number, shared by the searches of the campaign.
        trials: One key a trial of a search: `search|number`.
    """

    searches: dg.DynamicPartitionsDefinition
    numbers: dg.DynamicPartitionsDefinition
    trials: dg.MultiPartitionsDefinition

    @classmethod
    def of(cls, campaign: str) -> Self:
        """The partitions of a campaign, named after it."""
        searches = dg.DynamicPartitionsDefinition(name=f"{campaign}_searches")
        numbers = dg.DynamicPartitionsDefinition(name=f"{campaign}_trials")
        return cls(searches, numbers, dg.MultiPartitionsDefinition({"search": searches, "trial": numbers}))

    def partition_requests(self, keys: Iterable[str]) -> list[dg.AddDynamicPartitionsRequest]:
        """Requests that make trials (`search|number`) and searches known to Dagster."""
        parts = [key.partition("|") for key in keys]
        searches, numbers = {search for search, _, _ in parts}, {number for _, _, number in parts if number}
        return [
            dimension.build_add_request(sorted(wanted))
            for dimension, wanted in ((self.searches, searches), (self.numbers, numbers))
            if wanted
        ]


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
