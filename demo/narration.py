"""What the demo says while it works: each line with the time passed and the time that is left."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from rich.console import Console

STAGES: Mapping[str, float] = {
    "base model": 25,
    "pool": 1,
    "services": 12,
    "signals": 60,
    "trial": 35,
    "arm": 35,
    "report": 45,
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
    _expected_s: float = 0.0

    def say(self, line: str) -> None:
        """Print a line."""
        left = f"about {_clock(self.left_s)} left" if self.ahead else "done"
        self.console.print(f"[{_clock(self.passed_s)}, {left}] {line}")

    def finish(self, kind: str) -> None:
        """One stage of a kind is over; stages that were not ahead change nothing."""
        if kind in self.ahead:
            self.ahead.remove(kind)
            self._expected_s += STAGES[kind]

    @property
    def passed_s(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self._began

    @property
    def left_s(self) -> float:
        """Expected seconds of the stages ahead, on a machine as fast as this one was so far."""
        pace = self.passed_s / self._expected_s if self._expected_s else 1.0
        return pace * sum(STAGES[kind] for kind in self.ahead)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
