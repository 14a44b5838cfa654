"""Progress in a terminal as bars, elsewhere as lines, with stage, count and time left.

A stage that reports nothing is never silent: bars have a clock, and lines say now and then what runs.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
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
)
from rich.text import Text
from typing_extensions import override

from autoselection_core.progress import Advance, duration_text
from autoselection_core.report.rendering.table import one_line

_LINE_EVERY_S = 8.0
"""Seconds between lines: nobody waits for more than ten without a word."""

_PATIENCE = 1.2
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
        clock: Says the time, in seconds.
    """

    display: Progress
    clock: Callable[[], float] = time.monotonic
    _tasks: dict[str, int] = field(default_factory=dict)
    _steps: dict[str, Advance] = field(default_factory=dict)
    _noted: str = ""

    def __call__(self, name: str, done: int, total: int | None, note: str | None = None) -> None:
        """Move a bar; its name is followed by a note, or by the time left of the stage."""
        now = self.clock()
        if name not in self._tasks:
            self._tasks[name] = self.display.add_task(one_line(name), total=total)
        known = self._steps.get(name)
        steps = Advance.begun(now, done, total) if known is None else known.reported(now, done, total)
        self._steps[name] = steps
        left = steps.left_text(now) if note is None else note
        if note and self._noted in self._tasks:  # of two bars with a note the earlier one's is out of date
            self.display.update(self._tasks[self._noted], description=one_line(self._noted))  # type: ignore[arg-type] # rich's own id type
        self._noted = name if note else self._noted
        text = one_line(f"{name}, {left}" if left else name)
        self.display.update(self._tasks[name], description=text, completed=done, total=total)  # type: ignore[arg-type] # rich's own id type

    def drop(self, name: str) -> None:
        """Take a bar away."""
        if name in self._tasks:
            self._steps.pop(name)
            self.display.remove_task(self._tasks.pop(name))  # type: ignore[arg-type] # rich's own id type


@dataclass(frozen=True)
class _Seen:
    """Steps of a stage, and when and with how many of them it was last shown."""

    steps: Advance
    shown_at: float
    shown: int


@dataclass
class Lines:
    """Lines where there is no terminal: each step of a short stage, and one now and then of a long one.

    Attributes:
        console: Console that they are printed on.
        every_s: Maximum seconds between two lines while `beating` runs.
        clock: Says the time, in seconds.
    """

    console: Console
    every_s: float = _LINE_EVERY_S
    clock: Callable[[], float] = time.monotonic
    _latest: str = ""
    _latest_began: float = 0.0
    _printed_at: float = field(init=False)
    _stages: dict[str, _Seen] = field(default_factory=dict)
    _ended: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._printed_at = self.clock()

    def __call__(self, name: str, done: int, total: int | None, note: str | None = None) -> None:
        """Print a line if there is something to say.

        Args:
            name: The stage.
            done: How much of it is done.
            total: How much there is; None while unknown.
            note: Words that take the place of the time left, as it follows from the steps so far.
        """
        now = self.clock()
        if name != self._latest:
            self._latest, self._latest_began = name, now
        is_ended = total is not None and done >= total
        if not is_ended:
            self._ended.discard(name)
        elif name in self._ended:
            return
        seen = self._stages.get(name)
        is_single = total == 1 and (seen is not None or not is_ended)
        steps = Advance.begun(now, done, total) if seen is None else seen.steps.reported(now, done, total)
        if seen is None or is_ended or self._is_due(seen, done, total, now):
            seen = _Seen(steps, now, done)
            left = steps.left_text(now) if note is None else note
            if not is_single:
                self._print(", ".join(filter(None, (f"{name}: {_count(done, total)}", left))))
            elif not is_ended:
                self._print(name)  # a single step has neither a count nor an end
        self._stages[name] = replace(seen, steps=steps)
        if is_ended:
            self._ended.add(name)
            self.drop(name)

    def _is_due(self, seen: _Seen, done: int, total: int | None, now: float) -> bool:
        """Whether a step of a short stage was made, or the latest line is old."""
        # A worker that waits reports again and again that nothing has happened.
        is_step = total is not None and total <= _SHORT and done != seen.shown
        return is_step or now - seen.shown_at > self.every_s

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the block runs, print a line whenever none was printed for a while."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(self.every_s / 10):
                now = self.clock()
                # A report that is about to come says more.
                if now - self._printed_at >= _PATIENCE * self.every_s:
                    self._print(f"still at work{self._step(now)}")

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
        self._printed_at = self.clock()
        self.console.print(one_line(line), markup=False)

    def drop(self, name: str) -> None:
        """Forget a stage."""
        self._stages.pop(name, None)


COLUMNS = (
    TextColumn("{task.description}", markup=False),
    BarColumn(),
    MofNCompleteColumn(),
    PaceColumn(),
    TimeElapsedColumn(),
)
"""Columns of the bars; a description is text, not markup."""


@contextmanager
def show_progress() -> Iterator[Bars | Lines]:
    """Show progress on standard error while the block runs."""
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if not console.is_terminal:
        lines = Lines(console)
        with lines.beating():
            yield lines
        return
    with Progress(*COLUMNS, console=console, transient=True) as display:
        yield Bars(display)


def _count(done: int, total: int | None) -> str:
    return f"{done:,}" if total is None else f"{done:,} of {total:,}"
