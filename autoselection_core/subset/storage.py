"""Subsets as Parquet files: sample ids, the recipe, and their provenance.

Different recipes can give the same samples, and so can one recipe on two versions of a pool. Each has a file
of its own in the folder of the subset, so that what a trial refers to is how its subset came about.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from autoselection_core.errors.recipe import (
    DamagedSubsetError,
    MissingSubsetError,
    OtherPoolError,
    UnreadableSubsetError,
)
from autoselection_core.identity import canonical_json, fingerprint
from autoselection_core.recipe.program import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home
from autoselection_core.subset.realisation import realise
from autoselection_core.subset.value import StepCount, Subset, fingerprint_of_ids

SCHEMA_VERSION = 1
"""Version of the layout, written into every file, so that later layouts can be distinguished."""

_PROVENANCE = b"autoselection"


@dataclass(frozen=True)
class Verification:
    """Comparison of a stored subset with its rebuilt one.

    Attributes:
        stored: The fingerprint of the stored ids.
        rebuilt: The fingerprint of the ids that the recipe gives today.
        missing: Number of stored samples that the rebuilt subset lacks.
        added: Number of its samples that are not stored.
        changed_signals: Signals of another version than those that the recipe read, as (name, then, now).
    """

    stored: str
    rebuilt: str
    missing: int
    added: int
    changed_signals: tuple[tuple[str, str, str], ...]

    @property
    def is_same(self) -> bool:
        """Whether both are the same samples."""
        return self.stored == self.rebuilt


def write_subset(subset: Subset, pool_ids: npt.NDArray[np.bytes_], home: Home) -> Path:
    """Store a subset under its fingerprint, and there under its lineage.

    Args:
        subset: The subset to store.
        pool_ids: The sample ids of all rows of its pool. Shape (n,), dtype S32.
        home: Home folder to store it in.

    Returns:
        The file: one row a sample with its row number and id; recipe and provenance in the schema's metadata.
    """
    path = home.subset(subset.fingerprint) / f"{lineage_of(subset)}.parquet"
    table = pa.table({"row": subset.rows, "id": pa.array(pool_ids[subset.rows]).cast(pa.string())})
    provenance = {_PROVENANCE: canonical_json(_provenance(subset)).encode()}
    with atomic_file(path) as unfinished:
        pq.write_table(table.replace_schema_metadata(provenance), unfinished, compression="zstd")
    return path


def lineage_of(subset: Subset) -> str:
    """Name of a subset's lineage: recipe, pool and signals."""
    return fingerprint(
        {
            "recipe": subset.recipe.settings,
            "pool_version": subset.pool_version,
            "signal_versions": [list(pair) for pair in subset.signal_versions],
        }
    )


def stored_lineages(fingerprint_of_subset: str, home: Home) -> tuple[Path, ...]:
    """The files of a subset, one for each lineage.

    Raises:
        MissingSubsetError: None is stored.
    """
    folder = home.subset(fingerprint_of_subset)
    found = tuple(sorted(folder.glob("*.parquet")))
    if not found:
        raise MissingSubsetError(folder)
    return found


def read_subset(path: Path) -> Subset:
    """Read what `write_subset` wrote.

    Raises:
        MissingSubsetError: There is no such file.
        UnreadableSubsetError: It is no Parquet file, or none of a subset.
        DamagedSubsetError: The ids are not those that the file is named for.
    """
    table, provenance = _read(path)
    found = fingerprint_of_ids(_ids(table))
    if found != provenance["fingerprint"]:
        raise DamagedSubsetError(path, provenance["fingerprint"], found)
    return Subset(
        Recipe.from_json(canonical_json(provenance["recipe"])),
        provenance["pool_version"],
        table.column("row").to_numpy(),
        found,
        tuple(StepCount(**step) for step in provenance["steps"]),
        tuple((name, version) for name, version in provenance["signal_versions"]),
    )


def read_ids(path: Path) -> npt.NDArray[np.bytes_]:
    """The sample ids of a stored subset, ascending. Shape (m,), dtype S32.

    Raises:
        MissingSubsetError: There is no such file.
        UnreadableSubsetError: It is no Parquet file, or none of a subset.
    """
    return _ids(_read(path)[0])


def verify(path: Path, signals: SignalTable) -> Verification:
    """Rebuild a stored subset from its recipe and compare.

    Args:
        path: The stored subset.
        signals: The signals of its pool, in the versions that it names where they still exist.

    Raises:
        OtherPoolError: The signals are those of another pool version.
        DamagedSubsetError: The stored ids are not those that the file is named for.
        InvalidRecipe: The recipe realises nothing on these signals.
    """
    stored = read_subset(path)
    if stored.pool_version != signals.pool_version:
        raise OtherPoolError(stored.pool_version, signals.pool_version)
    rebuilt = realise(stored.recipe, signals)
    changed = tuple(
        (name, version, signals.versions[name])
        for name, version in stored.signal_versions
        if name in signals.versions and signals.versions[name] != version
    )
    return Verification(
        stored.fingerprint,
        rebuilt.fingerprint,
        len(np.setdiff1d(stored.rows, rebuilt.rows, assume_unique=True)),
        len(np.setdiff1d(rebuilt.rows, stored.rows, assume_unique=True)),
        changed,
    )


def _provenance(subset: Subset) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "fingerprint": subset.fingerprint,
        "pool_version": subset.pool_version,
        "recipe": subset.recipe.settings,
        "steps": [asdict(step) for step in subset.steps],
        "signal_versions": subset.signal_versions,
    }


def _read(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    if not path.is_file():
        raise MissingSubsetError(path)
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreadableSubsetError(path, str(error)) from error
    if _PROVENANCE not in (table.schema.metadata or {}):
        raise UnreadableSubsetError(path, "it says nothing of a recipe")
    return table, json.loads(table.schema.metadata[_PROVENANCE])


def _ids(table: pa.Table) -> npt.NDArray[np.bytes_]:
    ids: npt.NDArray[np.bytes_] = table.column("id").to_numpy().astype("S32")
    return ids
