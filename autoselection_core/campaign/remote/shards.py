"""Shards as they travel, JSON with names of files, and as they are kept, folders of arrays."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoselection_core.identity import Json
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.shards import Columns, Work, file_of, mapped
from autoselection_core.store.atomic import atomic_folder
from autoselection_core.store.home import Home, confine

FORMAT = 1
"""Part of a shard's name; raised when some work gives other arrays than before."""

_ARRAY, _POOL, _SUFFIX = "array", "pool", ".npy"


def given_to_json(given: Any, home: Home) -> Json:  # noqa: ANN401 - what a work is given
    """What a work is given; arrays by their files in the home folder, pools by their versions."""
    if isinstance(given, Pool):
        return {_POOL: given.version}
    if isinstance(given, np.ndarray):
        file = file_of(given)
        assert file is not None, "shards are given whole files, see Scratch.share"
        return {_ARRAY: str(confine(file, home.root).relative_to(home.root.resolve()))}
    if isinstance(given, Sequence) and not isinstance(given, str):
        return [given_to_json(each, home) for each in given]
    assert isinstance(given, str | int | float), "shards are given plain data"
    return given


def given_from_json(told: Any, home: Home, pool: Callable[[str], Pool]) -> Any:  # noqa: ANN401 - both
    """What `given_to_json` wrote.

    Raises:
        OutsideFolderError: A file is outside of the home folder.
    """
    if isinstance(told, list):
        return [given_from_json(each, home, pool) for each in told]
    if isinstance(told, dict):
        return pool(told[_POOL]) if _POOL in told else mapped(home.resolve(Path(told[_ARRAY])))
    return told


def write_shard(folder: Path, work: Work, given: Sequence[Any]) -> None:
    """Write the arrays of a shard, each as soon as it is made; a shard that is there is not made again.

    Raises:
        StorageFullError: The disk has no room.
    """
    if folder.is_dir():
        return
    with atomic_folder(folder) as unfinished:
        for place, array in enumerate(work(*given)):
            np.save(unfinished / f"{place:06}{_SUFFIX}", array, allow_pickle=False)


def arrays_of_shard(folder: Path) -> Columns:
    """Map the arrays that `write_shard` wrote."""
    return tuple(map(mapped, sorted(folder.glob(f"*{_SUFFIX}"))))
