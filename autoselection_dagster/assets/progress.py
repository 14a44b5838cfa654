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
    _started: dict[str, tuple[float, int]] = field(default_factory=dict)
    _said: float = 0.0

    def __call__(self, *event: str | int | None) -> None:
        """Take `(done, total)` or `(stage, done, total)`."""
        *named, done, total = event
        stage = str(named[0]) if named else self.stage
        now = time.monotonic()
        began, before = self._started.setdefault(stage, (now, int(done or 0)))
        if done != total and now - self._said < _EVERY_S:
            return
        self._said = now
        counted = int(done or 0) - before
        self.log.info(_line(stage, int(done or 0), total, (now - began) / counted if counted else None))


def _line(stage: str, done: int, total: str | int | None, seconds_each: float | None) -> str:
    if total is None:
        return f"{stage}: {done:,}"
    ahead = int(total) - done
    left = f", {seconds_each * ahead:.0f} s left" if ahead and seconds_each is not None else ""
    return f"{stage}: {done:,} of {int(total):,}{left}"
