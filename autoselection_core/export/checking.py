"""Verify that an export is what its manifest says."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autoselection_core.errors.export import NotAnExportError
from autoselection_core.export.writing import DATA, MANIFEST
from autoselection_core.identity import fingerprint_file
from autoselection_core.subset.value import fingerprint_of_ids


@dataclass(frozen=True)
class ExportCheck:
    """What an export turned out to be.

    Attributes:
        samples: Lines of data.
        problems: What differs from the manifest; empty if nothing does.
    """

    samples: int
    problems: tuple[str, ...]


def verify_export(folder: Path) -> ExportCheck:
    """Compare data, ids and counts of an export with its manifest.

    Raises:
        NotAnExportError: The folder holds no export.
    """
    manifest, data = folder / MANIFEST, folder / DATA
    if not manifest.is_file() or not data.is_file():
        raise NotAnExportError(folder)
    said = json.loads(manifest.read_text(encoding="utf-8"))
    is_untouched = fingerprint_file(data) == said["data_hash"]
    ids = list(_ids(data)) if is_untouched else []
    problems = []
    if not is_untouched:
        problems.append(f"{DATA} was changed: its hash is not the manifest's")
    elif fingerprint_of_ids(np.array(ids, "S32")) != said["subset"]:
        problems.append("the samples are not those of the subset that the manifest names")
    elif len(ids) != said["samples"]:
        problems.append(f"{len(ids)} samples, but the manifest says {said['samples']}")
    return ExportCheck(len(ids), tuple(problems))


def _ids(data: Path) -> Iterator[str]:
    with data.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["id"]
