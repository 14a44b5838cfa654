"""Progress callbacks, the time left by them, and durations, money and shares as people read them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""

CountProgress: TypeAlias = Callable[[int, int], None]
"""Progress within one known stage: called with how much is done, and how much there is."""

RecordProgress: TypeAlias = Callable[[int, int | None], None]
"""Progress through records: called with how many were read, and how many there are; None while unknown."""

_SECONDS_UP_TO, _MINUTE_S, _HOUR_S = 100, 60, 3600


def duration_text(seconds: float) -> str:
    """Duration in two digits: seconds up to a hundred, minutes below an hour, and hours.

    Example:
        >>> [duration_text(seconds) for seconds in (4.2, 150, 378, 2000, 8000, 90000)]
        ['4 s', '2.5 min', '6.3 min', '33 min', '2.2 h', '25 h']
    """
    if seconds < _SECONDS_UP_TO:
        return f"{seconds:.0f} s"
    unit, size = ("min", _MINUTE_S) if seconds < _HOUR_S else ("h", _HOUR_S)
    amount = seconds / size
    return f"{f'{amount:.2g}' if amount < 10 else f'{amount:,.0f}'} {unit}"  # noqa: PLR2004 - two digits


def cost_text(seconds: float, price_per_hour: float | None) -> str:
    """Duration and its cost in money, at a price per hour in any currency; without a price, the duration.

    Example:
        >>> cost_text(5400, 2.5), cost_text(5400, None)
        ('1.5 h, 3.75 at 2.5 an hour', '1.5 h')
    """
    if price_per_hour is None:
        return duration_text(seconds)
    return f"{duration_text(seconds)}, {money_text(seconds, price_per_hour)}"


def money_text(seconds: float, price_per_hour: float) -> str:
    """Cost of a duration at a price per hour.

    Example:
        >>> money_text(3600, 1_000_000)
        '1,000,000.00 at 1,000,000 an hour'
    """
    return f"{seconds / _HOUR_S * price_per_hour:,.2f} at {price_per_hour:,.12g} an hour"


def percent(share: float, digits: int = 0) -> str:
    """Share in percent, with a space before the sign everywhere.

    Args:
        share: The share; 1 is the whole.
        digits: Digits after the point.

    Example:
        >>> percent(0.95), percent(0.1604, 1)
        ('95 %', '16.0 %')
    """
    return f"{100 * share:.{digits}f} %"


_LEAST_LEFT = 0.05
"""Share of the expected seconds that is left at least while the work goes on."""


def remaining(expected_s: float, elapsed_s: float) -> float:
    """Seconds that are left of work that still goes on: at least as many as it has overrun.

    Example:
        >>> [remaining(60.0, elapsed_s) for elapsed_s in (0.0, 50.0, 60.0, 90.0)]
        [60.0, 10.0, 3.0, 30.0]
    """
    return max(expected_s - elapsed_s, elapsed_s - expected_s, _LEAST_LEFT * expected_s)


@dataclass(frozen=True)
class Advance:
    """Steps of a stage between its first report and its latest.

    Attributes:
        first_at: Time of the first report, in seconds.
        first_done: Steps that were done then.
        at: Time of the latest report.
        done: Steps that were done then.
        total: Steps of the stage; None while unknown.
    """

    first_at: float
    first_done: int
    at: float
    done: int
    total: int | None

    @classmethod
    def begun(cls, at: float, done: int, total: int | None) -> "Advance":
        """A stage at its first report."""
        return cls(at, done, at, done, total)

    def reported(self, at: float, done: int, total: int | None) -> "Advance":
        """The stage after a further report."""
        return replace(self, at=at, done=done, total=total)

    @property
    def step_s(self) -> float | None:
        """Mean seconds of a step; None before one was made."""
        steps = self.done - self.first_done
        return (self.at - self.first_at) / steps if steps > 0 and self.at > self.first_at else None

    def left_s(self, now: float) -> float | None:
        """Seconds left of the stage by its mean speed; None while that is unknown, and at its end.

        A step that takes longer than the others so far is expected to take as long again as it has overrun.
        """
        if self.total is None or self.step_s is None or self.done >= self.total:
            return None
        return remaining(self.step_s, now - self.at) + (self.total - self.done - 1) * self.step_s

    def left_text(self, now: float) -> str:
        """Time left of the stage alone, in words; empty where it is unknown, and at the end."""
        left_s = self.left_s(now)
        return "" if left_s is None else f"about {duration_text(left_s)} left of this"
