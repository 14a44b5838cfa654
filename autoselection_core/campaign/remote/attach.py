"""Constructor of an installation's workspaces: on its cluster where it has one, else in this process."""

from autoselection_core.campaign.declaration.campaign import Campaign
from autoselection_core.campaign.remote.clients import RemoteClients
from autoselection_core.campaign.workspace import Workspace
from autoselection_core.cluster.on_ray import cluster_from_environment
from autoselection_core.cluster.protocol import Cluster
from autoselection_core.store.home import Home


def installed_workspace(campaign: Campaign, home: Home) -> Workspace:
    """A campaign of the installation, on the cluster that the environment names, if it names one."""
    return attached_workspace(campaign, home, cluster_from_environment())


def attached_workspace(campaign: Campaign, home: Home, cluster: Cluster | None) -> Workspace:
    """A campaign on a cluster; in this process where there is none."""
    return Workspace(campaign, home, None if cluster is None else RemoteClients(campaign, home, cluster))
