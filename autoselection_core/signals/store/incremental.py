"""Values for an earlier pool that shares most of its samples with the present one."""

import numpy as np

from autoselection_core.arrays import Rows
from autoselection_core.errors.pool import UnreadablePoolError
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.base import EarlierValues
from autoselection_core.signals.store.kinds import load_values
from autoselection_core.store.home import Home

_MAX_NEW_SHARE = 0.2
"""With more new rows than this, joining them costs nearly as much as starting anew."""

_LOOKED_AT = 4
"""Number of earlier pools that are compared, the latest first."""


def earlier_values(home: Home, signal_version: str, pool: Pool) -> EarlierValues | None:
    """The values of a pool signal for the earlier pool that shares the most samples; None if none will do."""
    folders = sorted(home.columns.glob(f"*/{signal_version}"), key=lambda each: -each.stat().st_mtime_ns)
    found: list[tuple[int, EarlierValues]] = []
    for folder in folders[:_LOOKED_AT]:
        rows = _rows_now(home, folder.parent.name, pool)
        if rows is not None:
            found.append((int((rows >= 0).sum()), EarlierValues(load_values(folder), rows)))
    if not found:
        return None
    shared, best = max(found, key=lambda each: each[0])
    return best if shared >= (1 - _MAX_NEW_SHARE) * len(pool) else None


def _rows_now(home: Home, version: str, pool: Pool) -> Rows | None:
    """Present row of each row of an earlier pool, -1 where it left; None where that pool is gone."""
    try:
        before = Pool.open(home.pool(version)).ids
    except UnreadablePoolError:
        return None
    places = np.minimum(np.searchsorted(pool.ids, before), len(pool) - 1)
    return np.where(pool.ids[places] == before, places, -1)
