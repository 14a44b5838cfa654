"""From raw files to the pool that every arm of a search draws from, with an account of what left it."""

import json
from dataclasses import dataclass

from autoselection_core.errors.signals import NothingLeftError
from autoselection_core.pool.ingest import Ingestion
from autoselection_core.pool.pool import Pool
from autoselection_core.signals.contamination.decontaminate import Gated
from autoselection_core.store.atomic import atomic_file
from autoselection_core.store.home import Home


@dataclass(frozen=True)
class Intake:
    """What became of every record.

    Attributes:
        ingestion: Which records became samples.
        gated: Which samples hold a benchmark's question and were cut.
    """

    ingestion: Ingestion
    gated: Gated

    @property
    def pool(self) -> Pool:
        """What is left."""
        return self.gated.pool


def keep_gated(gated: Gated, home: Home) -> None:
    """Leave the pool behind the gate in its folder, with a note of what was cut.

    Raises:
        NothingLeftError: Every sample was cut.
        StorageFullError: The disk has no room.
    """
    note = home.gated(gated.pool.version)
    with atomic_file(note) as draft:
        draft.write_text(json.dumps(gated.to_json()))
    if len(gated.pool) == 0:
        raise NothingLeftError(gated.samples_cut, note)
    if gated.samples_cut:
        gated.pool.write(home.pool(gated.pool.version))


def read_gated(pool: Pool, home: Home) -> Gated | None:
    """What the gate cut before a pool was left; None for a pool that passed none."""
    note = home.gated(pool.version)
    return Gated.from_json(json.loads(note.read_text()), pool) if note.exists() else None
