"""Partitions of trials, cells of two dynamic dimensions: a new trial of a search touches no other search."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import dagster as dg

from autoselection_dagster.beta import known_beta

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

    def adding(self, keys: Iterable[str]) -> list[dg.AddDynamicPartitionsRequest]:
        """Requests that make trials (`search|number`) and searches known to Dagster."""
        parts = [key.partition("|") for key in keys]
        searches, numbers = {search for search, _, _ in parts}, {number for _, _, number in parts if number}
        return [
            dimension.build_add_request(sorted(wanted))
            for dimension, wanted in ((self.searches, searches), (self.numbers, numbers))
            if wanted
        ]
