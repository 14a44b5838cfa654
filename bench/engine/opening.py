"""Opening a pool with all its scalar signals."""

import numpy as np

from autoselection_core.identity import Json
from bench.engine.race import race
from bench.engine.real import RealPool


def opening(real: RealPool) -> dict[str, Json]:
    """Open the pool and every signal that stands for it, and read each scalar once; no text is touched.

    The floor reads the same bytes from the same files.
    """
    folders = [real.home.columns_of(real.version, version) for version in real.versions.values()]
    files = [
        *real.home.pool(real.version).iterdir(),
        *(file for folder in folders for file in folder.rglob("*")),
    ]

    def work() -> object:
        pool, table = real.open()
        scalars = [*table.columns.values(), *table.labels.values()]
        return len(pool.ids), [np.asarray(values).sum() for values in scalars]

    def least() -> object:
        return sum(len(file.read_bytes()) for file in files if file.is_file())

    return race(work, least, target_s=0.5).to_json()
