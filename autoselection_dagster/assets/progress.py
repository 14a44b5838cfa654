"""Progress of a long step in the run's log: what, how many of how many, and the time left."""

import logging
import time
from dataclasses import dataclass, field

_EVERY_S = 5.0


@dataclass
class Logged:
    """A progress callback that writes a line every few seconds, and one at the end of each stage.

    Attributes:
        log: Takes the lines; the UI shows them, and so do those who follow the run from a terminal.
        stage: What is done, where the caller does not say it.
    """

    log: logging.Logger
    stage: str
    _started: dict[str, float] = field(default_factory=dict)
    _said: float = 0.0

    def __call__(self, *event: str | int | None) -> None:
        """Take `(done, total)` or `(stage, done, total)`."""
        *named, done, total = event
        stage = str(named[0]) if named else self.stage
        now = time.monotonic()
        started = self._started.setdefault(stage, now)
        if done != total and now - self._said < _EVERY_S:
            return
        self._said = now
        self.log.info(_line(stage, int(done or 0), None if total is None else int(total), now - started))


def _line(stage: str, done: int, total: int | None, elapsed_s: float) -> str:
    if total is None:
        return f"{stage}: {done:,}"
    left = f", {elapsed_s * (total - done) / done:.0f} s left" if 0 < done < total else ""
    return f"{stage}: {done:,} of {total:,}{left}"
