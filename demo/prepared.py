"""Folders that are made once: whole or not at all, and again when what they are made from changes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from autoselection_core.identity import Json
from autoselection_core.store.atomic import atomic_folder

_PROVENANCE = "provenance.json"


def is_made(folder: Path, origin: Json) -> bool:
    """Whether a folder is there and was made from an origin."""
    provenance = folder / _PROVENANCE
    return provenance.is_file() and json.loads(provenance.read_text()) == origin


def prepare(folder: Path, origin: Json, fill: Callable[[Path], None]) -> Path:
    """The folder, made by `fill` unless it is there and was made from the same origin.

    An interrupted call leaves nothing that a later one would trust.

    Args:
        folder: What is wanted.
        origin: What the folder is made from.
        fill: Writes the content into the empty folder that it is given.
    """
    if is_made(folder, origin):
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    with atomic_folder(folder) as partial:
        fill(partial)
        (partial / _PROVENANCE).write_text(json.dumps(origin, indent=2))
    return folder
