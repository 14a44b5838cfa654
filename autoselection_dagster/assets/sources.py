"""Source assets: raw files, the base model and benchmarks, which are observed and never made."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import dagster as dg

from autoselection_core.models.chat.model_reference import ModelReference
from autoselection_dagster.assets.observed import ContentHashes
from autoselection_dagster.beta import known_beta
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, keyed

Sources = Callable[[], Sequence[Path]]
"""Finds the files as they are now."""


def source_assets(place: Place) -> list[dg.AssetsDefinition]:
    """The sources of a campaign. Each one's data version is the hash of its content."""
    campaign = place.campaign
    sources = [_observed(place, ("raw_sources",), campaign.source_files, "The raw files of the pool.")]
    if campaign.base_model is not None:
        found: Sources = partial(list, ModelReference.parse(campaign.base_model).files)
        sources.append(_observed(place, ("base_model",), found, "The model that is fine-tuned."))
    for name, path in campaign.benchmark_files.items():
        about = f"Items and target samples of {name}."
        sources.append(_observed(place, ("benchmark", name), partial(list, [path]), about))
    return sources


def _observed(place: Place, key: tuple[str, ...], find: Sources, about: str) -> dg.AssetsDefinition:
    spec = dg.AssetSpec(place.key(*key), group_name=place.group(Group.SOURCES), description=about)

    def observed(home: HomeResource) -> dg.ObserveResult:
        version = ContentHashes(home.root / "observed.json").version(find())
        return dg.ObserveResult(asset_key=spec.key, data_version=dg.DataVersion(version))

    with known_beta():
        name = spec.key.to_python_identifier()
        made: dg.AssetsDefinition = dg.multi_observable_source_asset(name=name, specs=[spec])(keyed(observed))
    return made
