"""Progress callbacks, and durations, money and shares as people read them: one definition for every room."""

from collections.abc import Callable
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
    return (
        f"{duration_text(seconds)}, {seconds / _HOUR_S * price_per_hour:,.2f} at {price_per_hour:g} an hour"
    )


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
