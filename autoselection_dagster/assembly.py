"""Dagster definitions of all campaigns of an installation.

Loaded by several processes, so nothing here may import torch or do work: assets import what they need.
"""

import dagster as dg

from autoselection_core.campaign.declaration.campaign import PoolChangeTrigger
from autoselection_core.campaign.declaration.loading import load_campaigns
from autoselection_core.store.home import Home
from autoselection_dagster.graph import campaign_graph
from autoselection_dagster.installation import Installation
from autoselection_dagster.jobs.adjust import adjustment_jobs
from autoselection_dagster.jobs.explain import explain_job
from autoselection_dagster.jobs.inspect import inspection_jobs
from autoselection_dagster.jobs.single_evaluations import single_evaluation_jobs
from autoselection_dagster.jobs.start import start_search_job
from autoselection_dagster.jobs.study import study_job
from autoselection_dagster.resources import resources_of
from autoselection_dagster.sensors.alerts import failed_runs, search_alerts_sensor
from autoselection_dagster.sensors.search import search_sensor
from autoselection_dagster.sensors.source_changes import (
    automation_sensor,
    pool_changed_sensor,
    search_again_schedule,
    watches_changes,
)


def definitions_of(installation: Installation) -> dg.Definitions:
    """Everything of one installation."""
    home = Home(installation.home)
    campaigns = load_campaigns(installation.campaigns, home, installation.declared)
    graphs = {name: campaign_graph(campaign, home) for name, campaign in campaigns.items()}
    watching = sum(map(watches_changes, graphs.values()))
    places = {name: graph.place for name, graph in graphs.items()}
    jobs = [
        job
        for graph in graphs.values()
        for job in (
            graph.prepare_job,
            graph.search_again_job,
            graph.work_job,
            graph.trial_job,
            graph.report_job,
        )
    ]
    return dg.Definitions(
        assets=[asset for graph in graphs.values() for asset in graph.assets],
        jobs=[
            start_search_job(places),
            *adjustment_jobs(places),
            *single_evaluation_jobs(campaigns),
            *inspection_jobs(campaigns),
            explain_job(campaigns),
            study_job(installation.campaigns.parent / "studies", campaigns),
            *jobs,
        ],
        sensors=[
            search_sensor(graphs),
            search_alerts_sensor(graphs),
            failed_runs,
            *(pool_changed_sensor(graph, watching) for graph in graphs.values()),
            *(automation_sensor(graph, watching) for graph in graphs.values()),
        ],
        schedules=[
            search_again_schedule(graph)
            for graph in graphs.values()
            if graph.place.campaign.on_pool_change.when is PoolChangeTrigger.SCHEDULE
        ],
        resources=resources_of(home),
    )
