"""Verify that an export is what its manifest says."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.errors.store import NotAnExportError
from autoselection_core.export.manifest import CONTENT_HASH, DATA, MANIFEST, hash_of
from autoselection_core.identity import fingerprint_file
from autoselection_core.subset.value import fingerprint_of_ids


@dataclass(frozen=True)
class ExportCheck:
    """Result of verifying an export.

    Attributes:
        samples: Lines of data; 0 where the data was changed.
        content_hash: Hash of the whole in the manifest.
        problems: Differences from the manifest; empty if there are none.
    """

    samples: int
    content_hash: str
    problems: tuple[str, ...]


def verify_export(folder: Path) -> ExportCheck:
    """Compare files, ids and counts of an export with its manifest, and the manifest with its own hash.

    Raises:
        NotAnExportError: The folder holds no export.
    """
    said = _manifest(folder)
    problems = []
    if hash_of(said) != said[CONTENT_HASH]:
        problems.append(f"{MANIFEST} was changed: it does not hash to its {CONTENT_HASH}")
    problems += [f"{name} {problem}" for name, problem in _changed(folder, said["files"])]
    is_untouched = not any(problem.startswith(DATA) for problem in problems)
    ids = list(_ids(folder / DATA)) if is_untouched else []
    if is_untouched and fingerprint_of_ids(np.array(ids, "S32")) != said["subset"]:
        problems.append("the samples are not those of the subset that the manifest names")
    if is_untouched and len(ids) != said["samples"]:
        problems.append(f"{len(ids)} samples, but the manifest says {said['samples']}")
    return ExportCheck(len(ids), str(said[CONTENT_HASH]), tuple(problems))


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    if not file.is_file():
        raise NotAnExportError(folder, f"no {MANIFEST}")
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotAnExportError(folder, f"{MANIFEST} is no JSON") from error
    lacking = [name for name in (CONTENT_HASH, "files", "subset", "samples") if name not in said]
    if lacking:
        raise NotAnExportError(folder, f"{MANIFEST} lacks {', '.join(lacking)}")
    return dict(said)


def _changed(folder: Path, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, known in files.items():
        if not (folder / name).is_file():
            yield name, "is gone"
        elif fingerprint_file(folder / name) != known:
            yield name, "was changed: its hash is not the manifest's"


def _ids(data: Path) -> Iterator[str]:
    with data.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)["id"]
