"""Progress in a terminal as bars, elsewhere as lines; always with stage, count and time left."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_EVERY_S = 10.0


@dataclass
class Bars:
    """Bars in a terminal.

    Attributes:
        display: What draws them.
    """

    display: Progress
    _tasks: dict[str, int] = field(default_factory=dict)

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Move a bar."""
        if name not in self._tasks:
            self._tasks[name] = self.display.add_task(name, total=total)
        self.display.update(self._tasks[name], completed=done, total=total)  # type: ignore[arg-type] # rich's own id type

    def drop(self, name: str) -> None:
        """Take a bar away."""
        if name in self._tasks:
            self.display.remove_task(self._tasks.pop(name))  # type: ignore[arg-type] # rich's own id type


@dataclass
class Lines:
    """Lines where there is no terminal: one when a stage begins or ends, and one now and then."""

    console: Console
    _started: dict[str, float] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Print a line if there is something to say."""
        now = time.monotonic()
        is_new = name not in self._started
        self._started.setdefault(name, now)
        is_ended = total is not None and done >= total
        if is_new or is_ended or now - self._told.get(name, now) > _LINE_EVERY_S:
            self._told[name] = now
            self.console.print(f"{name}: {_count(done, total)}{self._time_left(name, done, total, now)}")
        if is_ended:
            self.drop(name)

    def drop(self, name: str) -> None:
        """Forget a stage."""
        self._started.pop(name, None)

    def _time_left(self, name: str, done: int, total: int | None, now: float) -> str:
        if not total or not done or done >= total:
            return ""
        return f", about {(now - self._started[name]) * (total - done) / done:.0f} s left"


@contextmanager
def shown_progress() -> Iterator[Bars | Lines]:
    """Show progress on standard error while the block runs."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as display:
        yield Bars(display)


def _count(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
