"""The sparse autoencoder of a campaign: trained once, pinned, and judged in the open."""

import dagster as dg

from autoselection_core.pool.pool import Pool
from autoselection_core.signals.definitions.base_model.sae import SaeFeatures
from autoselection_dagster.assets.progress import Logged
from autoselection_dagster.names import Group
from autoselection_dagster.place import GPU_POOL, Place
from autoselection_dagster.resources import HomeResource, keyed
from autoselection_dagster.values.managers import NOTHING
from autoselection_dagster.values.metadata.pictures import Facts

AUTOENCODER = "autoencoder"
SIGNAL = "sae"
"""The signal whose features it gives."""


def autoencoder_assets(place: Place) -> list[dg.AssetsDefinition]:
    """The autoencoder, where the campaign has signals that read one."""
    return [_autoencoder(place)] if SIGNAL in place.campaign.signals else []


def _autoencoder(place: Place) -> dg.AssetsDefinition:
    @dg.asset(
        io_manager_key=NOTHING,
        key=place.key(AUTOENCODER),
        group_name=place.group(Group.SIGNALS),
        ins={"pool": dg.AssetIn(place.key("pool"))},
        deps=[place.key("base_model")],
        kinds={"safetensors"},
        pool=GPU_POOL,
    )
    @keyed
    def autoencoder(
        context: dg.AssetExecutionContext, home: HomeResource, pool: Pool
    ) -> dg.MaterializeResult[None]:
        """Autoencoder of the pool's hidden states: trained once, and kept when the pool changes."""
        features = place.workspace(home).definitions[SIGNAL]
        assert isinstance(features, SaeFeatures), "no other signal has this name"
        report = features.quality(pool, Logged(context.log, AUTOENCODER))
        facts: Facts = {
            "variance_unexplained": report.unexplained,
            "variance_unexplained_by_pca": report.unexplained_by_pca,
            "dead_share": report.dead_share,
            "trained_on_tokens": report.tokens,
            "folder": dg.MetadataValue.path(features.sae),
        }
        return dg.MaterializeResult(metadata=facts, data_version=dg.DataVersion(features.reads()["sae"]))

    return autoencoder
