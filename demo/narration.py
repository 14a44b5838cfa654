"""Lines that the demo prints while it works: each with the time passed and the time that is left."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console

from autoselection_core.progress import remaining

_SILENCE_S = 7.0
"""Longest silence: after it the last line is said once more, with the time that passed since."""

_PRIOR_S = 60.0
"""Weight of the probe beside what stages took: as if a minute had gone as expected."""


@dataclass(frozen=True)
class Machine:
    """Speed of this machine, by the probe.

    Attributes:
        tokens_s: Tokens a second of the base model's forward pass.
        training_s: Seconds of the steps of one training.
    """

    tokens_s: float
    training_s: float


@dataclass(frozen=True)
class Work:
    """Expected work of a stage.

    Attributes:
        seconds: Part that does not depend on the model: starting, reading, writing.
        tokens: Part that does, in tokens of the probe's forward pass.
        trainings: Trainings in it.
    """

    seconds: float
    tokens: float = 0.0
    trainings: int = 0

    def on(self, machine: Machine) -> float:
        """Seconds on a machine."""
        return self.seconds + self.tokens / machine.tokens_s + self.trainings * machine.training_s


STAGES: Mapping[str, Work] = {
    "base model": Work(25),
    "services": Work(12),
    "signals": Work(25, 11_000),
    "trial": Work(9, 2_500, 1),
    "arm": Work(9, 2_500, 1),
    "report": Work(30, 12_000),
}
"""Work of one stage of each kind: tokens as a trial reads them, seconds as starting and loading take them."""


@dataclass
class Narrator:
    """Prints lines with the time passed and, once the machine's speed is known, the time left.

    Attributes:
        console: Where to.
        ahead: Kinds of the stages that are still to come, the present one first.
        machine: Speed of this machine; None before the probe.
        silence_s: Seconds without a line after which `watching` says the last one again.
    """

    console: Console
    ahead: list[str]
    machine: Machine | None = None
    silence_s: float = _SILENCE_S
    _began: float = field(default_factory=time.monotonic)
    _stage_began: float = field(default_factory=time.monotonic)
    _worked_s: float = 0.0
    _expected_s: float = 0.0
    _last: tuple[float, str] = field(default_factory=lambda: (time.monotonic(), ""))
    _printing: threading.Lock = field(default_factory=threading.Lock)

    def say(self, line: str) -> None:
        """Print a line."""
        with self._printing:
            self._last = (time.monotonic(), line)
            self._print(line)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Repeat the last line whenever nothing was said for a while, until the block ends."""
        is_over = threading.Event()
        watch = threading.Thread(target=self._watch, args=(is_over,), daemon=True)
        watch.start()
        try:
            yield
        finally:
            is_over.set()
            watch.join()

    def skip(self, kind: str) -> None:
        """One stage of a kind was done before; it says nothing about how fast this machine is."""
        if kind in self.ahead:
            self.ahead.remove(kind)
        self._stage_began = time.monotonic()

    def finish(self, kind: str) -> None:
        """One stage of a kind is over."""
        if kind in self.ahead and self.machine is not None:
            self._worked_s += time.monotonic() - self._stage_began
            self._expected_s += STAGES[kind].on(self.machine)
        self.skip(kind)

    @property
    def left_s(self) -> float | None:
        """Expected seconds of the stages ahead, corrected by those before; None before the probe."""
        if self.machine is None:
            return None
        pace = (_PRIOR_S + self._worked_s) / (_PRIOR_S + self._expected_s)
        present_s, *later_s = [pace * STAGES[kind].on(self.machine) for kind in self.ahead] or [0.0]
        return remaining(present_s, time.monotonic() - self._stage_began) + sum(later_s)

    def _print(self, line: str) -> None:
        left_s = self.left_s
        left = "done" if not self.ahead else None if left_s is None else f"about {_clock(left_s)} left"
        clock = ", ".join(part for part in (_clock(time.monotonic() - self._began), left) if part)
        self.console.print(f"[{clock}] {line}")

    def _watch(self, is_over: threading.Event) -> None:
        repeated = 0.0
        while not is_over.wait(min(1.0, self.silence_s / 2)):
            with self._printing:
                said, line = self._last
                now = time.monotonic()
                if now - max(said, repeated) >= self.silence_s:
                    repeated = now
                    self._print(f"{line} (at it for {now - said:.0f} s)")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
