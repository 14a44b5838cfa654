"""Source assets: raw files, the base model and benchmarks, which are observed and never made."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import dagster as dg

from autoselection_core.models.chat.model_reference import ModelReference
from autoselection_core.report.rendering.table import Table
from autoselection_dagster.assets.observed import ContentHashes, size_of, version_of
from autoselection_dagster.beta import known_beta
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, keyed
from autoselection_dagster.values.metadata.pictures import Facts, shown

_MAX_FILES = 200
"""Files that an observation lists: a table of more is slow to show."""

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
        hashes = ContentHashes(home.root / "observed.json").hashes(find())
        version = dg.DataVersion(version_of(hashes))
        return dg.ObserveResult(asset_key=spec.key, data_version=version, metadata=_facts(hashes))

    with known_beta():
        name = spec.key.to_python_identifier()
        made: dg.AssetsDefinition = dg.multi_observable_source_asset(name=name, specs=[spec])(keyed(observed))
    return made


def _facts(hashes: Mapping[str, str]) -> Facts:
    """The files with sizes and hashes, the largest first where there are too many to show."""
    sizes = {name: size_of(Path(name)) for name in hashes}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:_MAX_FILES]
    rows = tuple((_short(name), sizes[name], hashes[name]) for name in sorted(largest))
    more = f", the {_MAX_FILES} largest of them" if len(sizes) > _MAX_FILES else ""
    return {
        "files": len(sizes),
        "bytes": sum(sizes.values()),
        "content": shown(Table(f"Files{more}", ("file", "bytes", "hash"), rows)),
    }


def _short(name: str) -> str:
    """The last two parts of a path: a long one would make the page wider than the screen."""
    return "/".join(Path(name).parts[-2:])
