"""What the demo says while it works: each line with the time passed and the time that is left."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

STAGES: Mapping[str, float] = {
    "base model": 21,
    "services": 12,
    "signals": 60,
    "trial": 31,
    "plan": 8,
    "arm": 31,
    "report": 75,
}
"""Seconds that one stage of each kind takes on two cores with AVX512-BF16; scaled by what is measured."""


@dataclass
class Narrator:
    """Prints lines with the time passed and the time left.

    Attributes:
        console: Where to.
        ahead: Kinds of the stages that are still to come, the present one first.
    """

    console: Console
    ahead: list[str]
    _began: float = field(default_factory=time.monotonic)
    _stage_began: float = field(default_factory=time.monotonic)
    _worked_s: float = 0.0
    _expected_s: float = 0.0

    def say(self, line: str) -> None:
        """Print a line."""
        left = f"about {_clock(self.left_s)} left" if self.ahead else "done"
        self.console.print(f"[{_clock(time.monotonic() - self._began)}, {left}] {line}")

    def skip(self, kind: str) -> None:
        """One stage of a kind was done before; it says nothing about how fast this machine is."""
        if kind in self.ahead:
            self.ahead.remove(kind)
        self._stage_began = time.monotonic()

    def finish(self, kind: str) -> None:
        """One stage of a kind is over."""
        if kind in self.ahead:
            self._worked_s += time.monotonic() - self._stage_began
            self._expected_s += STAGES[kind]
        self.skip(kind)

    @property
    def left_s(self) -> float:
        """Expected seconds of the stages ahead, on a machine as fast as this one was so far."""
        pace = self._worked_s / self._expected_s if self._expected_s else 1.0
        ahead_s = pace * sum(STAGES[kind] for kind in self.ahead)
        return max(0.0, ahead_s - (time.monotonic() - self._stage_began))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
