"""Source assets: raw files, the base model and benchmarks, observed by content hashes and never made."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeAlias

import dagster as dg

from autoselection_core.identity import fingerprint, fingerprint_file
from autoselection_core.models.chat.templated_model import ModelReference
from autoselection_core.report.rendering.table import Table
from autoselection_core.store.atomic import atomic_file
from autoselection_dagster.beta import DATA_VERSION_TAG, known_beta
from autoselection_dagster.names import Group
from autoselection_dagster.place import Place
from autoselection_dagster.resources import HomeResource, with_prefixed_resources
from autoselection_dagster.values.metadata.rendering import Facts
from autoselection_dagster.values.metadata.tables import table_value


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


class SeenFile(NamedTuple):
    """Size and content of a file at an observation."""

    bytes: int
    hash: str


Listing: TypeAlias = Mapping[str, SeenFile]
"""Files of a source by name."""


def listing(hashes: Mapping[str, str]) -> Listing:
    """Files with their present sizes and hashes; one that is missing is not among them."""
    return {name: SeenFile(size_of(Path(name)), hash_) for name, hash_ in hashes.items() if hash_ != _MISSING}


_KEPT_LISTINGS = 3
"""A run may end between remembering its files and its observation: the one before is asked for again then."""


@dataclass(frozen=True)
class SeenFiles:
    """Files of a source at its latest observations, which Dagster's pages show in part only.

    Attributes:
        memory: Where they are kept; without it the next observation cannot say what changed.
    """

    memory: Path

    def exchange(self, before: str | None, version: str, files: Listing) -> Listing | None:
        """Keep the files of a data version, and those of the versions before it.

        Args:
            before: Data version of the observation before; None where there is none.
            version: Data version of this one.
            files: Its files.

        Returns:
            The files that made the version before; None where they are not known.
        """
        known = self._known()
        others = {name: found for name, found in known.items() if name != version}
        kept = {**dict(list(others.items())[1 - _KEPT_LISTINGS :]), version: files}
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.memory) as draft:
            draft.write_text(json.dumps(kept))
        found = known.get(before or "")
        return None if found is None else {name: SeenFile(*file) for name, file in found.items()}

    def _known(self) -> dict[str, Mapping[str, tuple[int, str]]]:
        return dict(json.loads(self.memory.read_text())) if self.memory.exists() else {}


def version_of(hashes: Mapping[str, str]) -> str:
    """One hash over the names and contents of files."""
    return fingerprint(dict(hashes))


def stamp(paths: Iterable[Path]) -> str:
    """A hash over names, sizes and modification times: no file is opened."""
    return fingerprint({str(file): _stamp(file) for path in paths for file in _files(path)})


def size_of(file: Path) -> int:
    """Size in bytes; 0 for a file that is not there."""
    return file.stat().st_size if file.exists() else 0


_MISSING = "missing"
"""Stamp and hash of a file that is not there."""


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _stamp(file: Path) -> str:
    if not file.exists():
        return _MISSING
    status = file.stat()
    return f"{status.st_size}:{status.st_mtime_ns}"


def _entry(file: Path, known: dict[str, str] | None) -> dict[str, str]:
    present = _stamp(file)
    if known is not None and known["stamp"] == present:
        return known
    return {"stamp": present, "hash": fingerprint_file(file) if present != _MISSING else present}


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

    name = spec.key.to_python_identifier()

    def observed(context: dg.AssetExecutionContext, home: HomeResource) -> dg.ObserveResult:
        hashes = ContentHashes(home.root / "observed.json").hashes(find())
        version, files = version_of(hashes), listing(hashes)
        seen = SeenFiles(home.root / "observed" / f"{name}.json")
        before = seen.exchange(observed_version(context.instance, spec.key), version, files)
        facts = {**_change(before, files), **_facts(files)}
        return dg.ObserveResult(asset_key=spec.key, data_version=dg.DataVersion(version), metadata=facts)

    with known_beta():
        made: dg.AssetsDefinition = dg.multi_observable_source_asset(name=name, specs=[spec])(
            with_prefixed_resources(observed)
        )
    return made


def observed_version(instance: dg.DagsterInstance, source: dg.AssetKey) -> str | None:
    """The data version of the latest observation of a source; None before the first."""
    found = instance.fetch_observations(source, limit=1).records
    last = None if not found else found[0].asset_observation
    return None if last is None else (last.tags or {}).get(DATA_VERSION_TAG)


def _change(before: Listing | None, files: Listing) -> Facts:
    """The files that were added, removed or changed since the observation before, with their sizes."""
    if before is None:
        return {"change": "the first observation that names its files"}
    kinds = {name: _kind(before.get(name), files.get(name)) for name in sorted({*before, *files})}
    changed = {name: kind for name, kind in kinds.items() if kind}
    counts = Counter(changed.values())
    if not changed:
        return {"change": "no file changed since the observation before"}
    said = ", ".join(f"{counts[kind]} {kind}" for kind in (_ADDED, _REMOVED, _CHANGED) if counts[kind])
    rows = tuple(
        (_short(name), kind, _bytes(before.get(name)), _bytes(files.get(name)))
        for name, kind in islice(changed.items(), _MAX_FILES)
    )
    more = f"; the table has the first {_MAX_FILES}" if len(changed) > _MAX_FILES else ""
    return {
        "change": f"files since the observation before: {said}{more}",
        "changed_files": table_value(Table("Changed files", ("file", "what", "bytes before", "bytes"), rows)),
    }


_ADDED, _REMOVED, _CHANGED = "added", "removed", "changed"


def _kind(before: SeenFile | None, now: SeenFile | None) -> str:
    """Kind of the change of a file; empty where its content is as it was, whenever it was written."""
    if before is None or now is None:
        return _ADDED if before is None else _REMOVED
    return _CHANGED if before.hash != now.hash else ""


def _bytes(file: SeenFile | None) -> int | None:
    return None if file is None else file.bytes


def _facts(files: Listing) -> Facts:
    """The files with sizes and hashes, the largest first where there are too many to show."""
    largest = sorted(files, key=lambda name: -files[name].bytes)[:_MAX_FILES]
    rows = tuple((_short(name), files[name].bytes, files[name].hash) for name in sorted(largest))
    more = f", the {_MAX_FILES} largest of them" if len(files) > _MAX_FILES else ""
    return {
        "files": len(files),
        "bytes": sum(file.bytes for file in files.values()),
        "content": table_value(Table(f"Files{more}", ("file", "bytes", "hash"), rows)),
    }


def _short(name: str) -> str:
    """The last two parts of a path: a long one would make the page wider than the screen."""
    return "/".join(Path(name).parts[-2:])
