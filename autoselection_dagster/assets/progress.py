"""Progress of a long step in the run's log: what, how many of how many, how fast, and the time left."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from autoselection_core.progress import duration_text

_EVERY_S = 5.0


@dataclass
class Logged:
    """A progress callback that writes a line every few seconds, and one at the end of each stage.

    Attributes:
        log: Takes the lines; the UI shows them, and so do those who follow the run from a terminal.
        stage: What is done, where the caller does not say it.
        counted: What is counted in this stage, in the plural; lines then say how many of them a second.
            Other stages count what they like, so theirs say none.
        clock: Seconds, from any beginning.
    """

    log: logging.Logger
    stage: str
    counted: str | None = None
    clock: Callable[[], float] = time.monotonic
    _started: dict[str, tuple[float, int]] = field(default_factory=dict)
    _said: float | None = None

    def __call__(self, *event: str | int | None) -> None:
        """Take `(done, total)` or `(stage, done, total)`."""
        *named, done, total = event
        stage = str(named[0]) if named else self.stage
        now = self.clock()
        began, before = self._started.setdefault(stage, (now, int(done or 0)))
        if done != total and self._said is not None and now - self._said < _EVERY_S:
            return
        self._said = now
        counted, seconds = int(done or 0) - before, now - began
        pace = counted / seconds if counted > 0 and seconds > 0 else None
        unit = self.counted if stage == self.stage else None
        self.log.info(_line(stage, int(done or 0), total, pace, unit))


def _line(stage: str, done: int, total: str | int | None, pace: float | None, unit: str | None) -> str:
    parts = [f"{stage}: {done:,}" if total is None else f"{stage}: {done:,} of {int(total):,}"]
    if pace is not None and unit is not None:
        parts.append(f"{pace:,.1f} {unit}/s")
    if pace is not None and total is not None and int(total) > done:
        parts.append(f"{duration_text((int(total) - done) / pace)} left")
    return ", ".join(parts)
