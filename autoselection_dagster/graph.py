"""Graph of a campaign: its assets and jobs, one graph for each campaign of the installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import dagster as dg

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.store.home import Home
from autoselection_dagster.assets.automation import automate, with_stewards
from autoselection_dagster.assets.pool import pool_asset
from autoselection_dagster.assets.searches import next_search_asset, search_assets
from autoselection_dagster.assets.signals import autoencoder_assets, signal_assets
from autoselection_dagster.assets.sources import source_assets
from autoselection_dagster.assets.trials import trial_assets
from autoselection_dagster.jobs.trial_worker import work_job
from autoselection_dagster.names import Names
from autoselection_dagster.place import Partitions, Place
from autoselection_dagster.resources import resources_of
from autoselection_dagster.trials.attempt import enter_failure

AssetJob: TypeAlias = Any
"""A job over assets, as `dagster.define_asset_job` returns it; Dagster exports no name for its type."""


@dataclass(frozen=True)
class CampaignGraph:
    """Assets and jobs of one campaign.

    Attributes:
        place: The campaign with its names and partitions.
        assets: Every asset of it.
        prepare_job: Observes the sources, and makes the pool and its signals.
        search_again_job: Does the same, and searches the pool again if it changed.
        work_job: Makes the trials of a search, one after the other, in one process.
        trial_job: Makes one trial.
        report_job: Says what a search found.
    """

    place: Place
    assets: tuple[dg.AssetsDefinition, ...]
    prepare_job: AssetJob
    search_again_job: AssetJob
    work_job: dg.JobDefinition
    trial_job: AssetJob
    report_job: AssetJob

    @property
    def name(self) -> str:
        """The campaign's name."""
        return self.place.campaign.name

    @property
    def automated_assets(self) -> list[dg.AssetsDefinition]:
        """The assets that Dagster makes by itself under a condition."""
        return [asset for asset in self.assets if any(spec.automation_condition for spec in asset.specs)]


def campaign_graph(campaign: Campaign, home: Home) -> CampaignGraph:
    """The assets and jobs of a campaign."""
    names, partitions = Names(campaign.name), Partitions.of(campaign.name)
    place = Place(campaign, names, partitions)
    sources, pool = source_assets(place), pool_asset(place)
    signals = [*autoencoder_assets(place), *signal_assets(place)]
    keys = [pool.key, *(source.key for source in sources), *(signal.key for signal in signals)]
    trial = trial_assets(place, [signal.key for signal in signals])
    search, again = search_assets(place), next_search_asset(place, [signal.key for signal in signals])
    assets = with_stewards(place, automate(place, (*sources, pool, *signals, *trial, *search, again)))
    trial_job = dg.define_asset_job(
        names.trial_job,
        selection=[*trial],
        description="Make one trial; a worker of its search runs it.",
        executor_def=dg.in_process_executor,
        hooks={enter_failure},
    )
    return CampaignGraph(
        place=place,
        assets=assets,
        work_job=work_job(place, resources_of(home), partial(_alone, trial_job, assets, home)),
        trial_job=trial_job,
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
        report_job=dg.define_asset_job(
            names.report_job,
            selection=[*search],
            description="Say what a search found, and plan the evaluations that its report still needs.",
            executor_def=dg.in_process_executor,
        ),
    )


def _alone(trial_job: AssetJob, assets: Sequence[dg.AssetsDefinition], home: Home) -> dg.JobDefinition:
    """The job of a trial with the assets and resources that it needs, for a worker's own process."""
    return dg.Definitions(assets=assets, jobs=[trial_job], resources=resources_of(home)).resolve_job_def(
        trial_job.name
    )
