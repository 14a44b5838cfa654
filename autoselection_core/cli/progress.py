"""Progress in a terminal as bars, elsewhere as lines; always with stage, count and time left.

A stage that reports nothing is never silent: bars have a clock, and lines say now and then what runs.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

from autoselection_core.progress import duration_text

_LINE_EVERY_S = 8.0
_SHORT = 20
"""Steps of a stage up to which each has a line of its own."""


class PaceColumn(ProgressColumn):
    """Column of the steps a second; of a signal, samples a second."""

    @override
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s")


@dataclass
class Bars:
    """Bars in a terminal.

    Attributes:
        display: Display that draws them.
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


@dataclass(frozen=True)
class _Seen:
    """First and latest report of a stage."""

    started: float
    done_at_start: int
    shown_at: float
    done: int


@dataclass
class Lines:
    """Lines where there is no terminal: each step of a short stage, and one now and then of a long one.

    Attributes:
        console: Console that they are printed on.
        every_s: Maximum seconds between two lines while `beating` runs.
    """

    console: Console
    every_s: float = _LINE_EVERY_S
    _latest: str = ""
    _latest_began: float = 0.0
    _printed_at: float = field(default_factory=time.monotonic)
    _stages: dict[str, _Seen] = field(default_factory=dict)

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Print a line if there is something to say."""
        now = time.monotonic()
        if name != self._latest:
            self._latest, self._latest_began = name, now
        seen = self._stages.get(name)
        is_ended = total is not None and done >= total
        # A worker that waits reports again and again that nothing has happened.
        is_step = total is not None and total <= _SHORT and seen is not None and done != seen.done
        if seen is None or is_ended or is_step or now - seen.shown_at > self.every_s:
            seen = replace(seen, shown_at=now, done=done) if seen else _Seen(now, done, now, done)
            self._stages[name] = seen
            self._print(f"{name}: {_count(done, total)}{_time_left(seen, done, total, now)}")
        if is_ended:
            self.drop(name)

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the block runs, print a line whenever none was printed for `every_s` seconds."""
        ended = threading.Event()
        began = time.monotonic()

        def beat() -> None:
            while not ended.wait(self.every_s / 10):
                now = time.monotonic()
                if now - self._printed_at >= self.every_s:
                    self._print(f"still at work{self._step(now)}, {duration_text(now - began)} in all")

        thread = threading.Thread(target=beat, name="progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _step(self, now: float) -> str:
        """The present step and its time so far; empty before the first."""
        return f": {self._latest} for {duration_text(now - self._latest_began)}" if self._latest else ""

    def _print(self, line: str) -> None:
        self._printed_at = time.monotonic()
        self.console.print(line)

    def drop(self, name: str) -> None:
        """Forget a stage."""
        self._stages.pop(name, None)


def _time_left(seen: _Seen, done: int, total: int | None, now: float) -> str:
    progressed = done - seen.done_at_start
    if total is None or progressed <= 0 or done >= total:
        return ""
    return f", about {duration_text((now - seen.started) * (total - done) / progressed)} left"


@contextmanager
def show_progress() -> Iterator[Bars | Lines]:
    """Show progress on standard error while the block runs."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        lines = Lines(console)
        with lines.beating():
            yield lines
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        PaceColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as display:
        yield Bars(display)


def _count(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
