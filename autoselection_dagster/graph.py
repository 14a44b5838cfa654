"""The factory: one graph of assets and jobs for each campaign of the installation."""

from dataclasses import dataclass

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition as AssetJob,
)

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_dagster.assets.autoencoder import autoencoder_assets
from autoselection_dagster.assets.pool import pool_asset
from autoselection_dagster.assets.search_again import next_search_asset
from autoselection_dagster.assets.searches import search_assets
from autoselection_dagster.assets.signals import signal_assets
from autoselection_dagster.assets.sources import source_assets
from autoselection_dagster.assets.trials import trial_assets
from autoselection_dagster.names import Names
from autoselection_dagster.partitions import Partitions
from autoselection_dagster.place import Place
from autoselection_dagster.trials.attempt import enter_failure


@dataclass(frozen=True)
class CampaignGraph:
    """What Dagster knows of one campaign.

    Attributes:
        place: The campaign with its names and partitions.
        assets: Every asset of it.
        prepare_job: Observes the sources, and makes the pool and its signals.
        search_again_job: Does the same, and searches the pool again if it changed.
        trial_job: Makes one trial, in one process.
        report_job: Says what a search found.
    """

    place: Place
    assets: tuple[dg.AssetsDefinition | dg.SourceAsset, ...]
    prepare_job: AssetJob
    search_again_job: AssetJob
    trial_job: AssetJob
    report_job: AssetJob

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.place.campaign.name

    @property
    def jobs(self) -> tuple[str, ...]:
        """Names of the jobs that the search sensor starts."""
        return self.trial_job.name, self.report_job.name


def campaign_graph(campaign: Campaign) -> CampaignGraph:
    """The assets and jobs of a campaign."""
    names, partitions = Names(campaign.name), Partitions.of(campaign.name)
    place = Place(campaign, names, partitions)
    sources, pool = source_assets(place), pool_asset(place)
    signals = [*autoencoder_assets(place), *signal_assets(place)]
    keys = [pool.key, *(source.key for source in sources), *(signal.key for signal in signals)]
    trial = trial_assets(place, [signal.key for signal in signals])
    search, again = search_assets(place), next_search_asset(place, [signal.key for signal in signals])
    return CampaignGraph(
        place=place,
        assets=(*sources, pool, *signals, *trial, *search, again),
        prepare_job=dg.define_asset_job(
            names.prepare_job,
            selection=dg.AssetSelection.assets(*keys),
            description="Observe the sources, and make the pool and its signals; what is known stays.",
            executor_def=dg.in_process_executor,
        ),
        search_again_job=dg.define_asset_job(
            names.search_again_job,
            selection=dg.AssetSelection.assets(*keys, again.key),
            description="Prepare, and search a changed pool again, from what the last search learned.",
            executor_def=dg.in_process_executor,
        ),
        trial_job=dg.define_asset_job(
            names.trial_job,
            selection=[*trial],
            description="Make one trial; the search sensor starts it.",
            executor_def=dg.in_process_executor,
            hooks={enter_failure},
        ),
        report_job=dg.define_asset_job(
            names.report_job,
            selection=[*search],
            description="Say what a search found, and plan the evaluations that its report still needs.",
            executor_def=dg.in_process_executor,
        ),
    )
