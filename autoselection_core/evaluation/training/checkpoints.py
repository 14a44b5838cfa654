"""Checkpoints of a long training, from which it resumes after its process was killed."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autoselection_core.evaluation.collectives import all_gather_lists, rank, world_size
from autoselection_core.store.atomic import atomic_file

_READ = "read.json"
_PREFIX = "checkpoint-"


@dataclass(eq=False)
class Checkpoints:
    """The trainer's checkpoints of one training. Two are kept: the newest may be unfinished.

    Attributes:
        folder: Where they are.
        every_s: Seconds between two of them.
        pack_tokens: Size of a forward pass; a checkpoint of another size, or of another number of devices,
            numbers its packs differently.
        seconds_before: Seconds of killed attempts that this one goes on from.
    """

    folder: Path
    every_s: float
    pack_tokens: int
    seconds_before: float = 0.0
    _started: float = field(default_factory=time.monotonic, init=False)
    _last: float = field(default_factory=time.monotonic, init=False)

    def is_due(self) -> bool:
        """Whether the time has come for another one."""
        return time.monotonic() - self._last >= self.every_s

    def finish(self, step: int, losses: Sequence[float], packs_read: Sequence[int]) -> None:
        """Record what had been read at a checkpoint that the trainer wrote; only then is it used."""
        self._last = time.monotonic()
        read_by_all = all_gather_lists(packs_read)
        if rank() > 0:
            return
        read = {
            "losses": list(losses),
            "packs_read": read_by_all,
            "pack_tokens": self.pack_tokens,
            "devices": world_size(),
            "seconds": self.seconds_before + time.monotonic() - self._started,
        }
        with atomic_file(self.folder / f"{_PREFIX}{step}" / _READ) as draft:
            draft.write_text(json.dumps(read))

    def newest(self) -> tuple[Path, dict[str, Any]] | None:
        """The newest finished checkpoint and what had been read at it."""
        for place in sorted(self.folder.glob(f"{_PREFIX}*"), key=_step, reverse=True):
            if (place / _READ).is_file():
                read: dict[str, Any] = json.loads((place / _READ).read_text())
                if (read["pack_tokens"], read.get("devices", 1)) == (self.pack_tokens, world_size()):
                    return place, read
        return None

    def clear(self) -> None:
        """Remove them: the training is over, or starts anew."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _step(place: Path) -> int:
    return int(place.name.removeprefix(_PREFIX))
