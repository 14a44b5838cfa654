"""Source assets: raw files, the base model and benchmarks, observed by content hashes and never made."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import dagster as dg

from autoselection_core.identity import fingerprint, fingerprint_file
from autoselection_core.models.chat.templated_model import ModelReference
from autoselection_core.report.rendering.table import Table
from autoselection_core.store.atomic import atomic_file
from autoselection_dagster.beta import known_beta
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import Facts, table_value


@dataclass(frozen=True)
class ContentHashes:
    """Hashes of files and folders, remembered in a file.

    Attributes:
        memory: Where hashes are kept; deleting it costs time only.
    """

    memory: Path

    def version(self, paths: Iterable[Path]) -> str:
        """One hash over the names and contents of files; a folder counts with all files below it."""
        return version_of(self.hashes(paths))

    def hashes(self, paths: Iterable[Path]) -> dict[str, str]:
        """Hash of each file by name; a folder stands for all files below it."""
        known = self._known()
        seen = {str(file): _entry(file, known.get(str(file))) for path in paths for file in _files(path)}
        if any(known.get(name) != entry for name, entry in seen.items()):
            self._remember({**known, **seen})
        return {name: entry["hash"] for name, entry in seen.items()}

    def _known(self) -> dict[str, dict[str, str]]:
        return dict(json.loads(self.memory.read_text())) if self.memory.exists() else {}

    def _remember(self, entries: dict[str, dict[str, str]]) -> None:
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.memory) as draft:
            draft.write_text(json.dumps(entries))


def version_of(hashes: Mapping[str, str]) -> str:
    """One hash over the names and contents of files."""
    return fingerprint(dict(hashes))


def stamp(paths: Iterable[Path]) -> str:
    """A hash over names, sizes and modification times: no file is opened."""
    return fingerprint({str(file): _stamp(file) for path in paths for file in _files(path)})


def size_of(file: Path) -> int:
    """Size in bytes; 0 for a file that is not there."""
    return file.stat().st_size if file.exists() else 0


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _stamp(file: Path) -> str:
    if not file.exists():
        return "missing"
    status = file.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _entry(file: Path, known: dict[str, str] | None) -> dict[str, str]:
    present = _stamp(file)
    if known is not None and known["stamp"] == present:
        return known
    return {"stamp": present, "hash": fingerprint_file(file) if present != "missing" else present}


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
        made: dg.AssetsDefinition = dg.multi_observable_source_asset(name=name, specs=[spec])(
            with_prefixed_resources(observed)
        )
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
        "content": table_value(Table(f"Files{more}", ("file", "bytes", "hash"), rows)),
    }


def _short(name: str) -> str:
    """The last two parts of a path: a long one would make the page wider than the screen."""
    return "/".join(Path(name).parts[-2:])
