"""Spaces of settings: declared once on a field, read by validation, search and tests.

A space maps its values onto [0, 1] (`encode`) and back (`decode`), so that a search can treat settings of
every kind alike. `decode(encode(value))` is the value again, up to rounding for an `Interval`, and a uniform
draw from [0, 1] decodes to a uniform draw of values on the space's scale.
"""

import dataclasses
import inspect
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TypeAlias, get_type_hints

from autoselection_core.errors.recipe import InvalidSpaceError, SettingError

Setting: TypeAlias = float | int | str
"""A value of a field that a search may change."""


class Scale(StrEnum):
    """Scale of a range: linear in equal steps, logarithmic in equal factors."""

    LINEAR = "linear"
    LOG = "log"


LINEAR = Scale.LINEAR
LOG = Scale.LOG


@dataclass(frozen=True)
class Interval:
    """All numbers from `low` to `high`, both included.

    Raises:
        InvalidSpaceError: The interval is empty, or logarithmic and not above 0.

    Example:
        >>> Interval(0.01, 1.0, LOG).decode(0.5)
        0.1
    """

    low: float
    high: float
    scale: Scale = LINEAR

    def __post_init__(self) -> None:
        _require_range(self, self.low, self.high, self.scale)

    def check(self, value: object, name: str) -> None:
        """Refuse a value of the field `name` that is not a number of the interval.

        Raises:
            SettingError: The value is no number, NaN, or outside.
        """
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (is_number and self.low <= value <= self.high):  # type: ignore[operator]  # is_number narrows it
            raise SettingError(name, value, f"a number from {self.low} to {self.high}")

    def encode(self, value: float) -> float:
        """Position of the value in the interval, in [0, 1]."""
        return _share(float(value), self.low, self.high, self.scale)

    def decode(self, unit: float) -> float:
        """Value at a position in [0, 1]."""
        value = _between(unit, self.low, self.high, self.scale)
        # Ten digits are more than any recipe needs, and spell 0.1 as 0.1.
        return min(max(float(f"{value:.10g}"), self.low), self.high)


@dataclass(frozen=True)
class Count:
    """All whole numbers from `low` to `high`, both included.

    On [0, 1] each number owns a stretch with itself in the middle, so that the first and the last are as
    likely as their neighbours.

    Raises:
        InvalidSpaceError: The range is empty, or logarithmic and not above 0.

    Example:
        >>> [Count(1, 3).decode(unit) for unit in (0.0, 0.5, 1.0)]
        [1, 2, 3]
    """

    low: int
    high: int
    scale: Scale = LINEAR

    def __post_init__(self) -> None:
        _require_range(self, self.low, self.high, self.scale)

    def check(self, value: object, name: str) -> None:
        """Refuse a value of the field `name` that is not a whole number of the range.

        Raises:
            SettingError: The value is no whole number, or outside.
        """
        if not isinstance(value, int) or isinstance(value, bool) or not self.low <= value <= self.high:
            raise SettingError(name, value, f"a whole number from {self.low} to {self.high}")

    def encode(self, value: float) -> float:
        """The middle of the value's stretch, in [0, 1]."""
        return _share(value, self.low - 0.5, self.high + 0.5, self.scale)

    def decode(self, unit: float) -> int:
        """Number whose stretch holds a position in [0, 1]."""
        value = _between(unit, self.low - 0.5, self.high + 0.5, self.scale)
        return min(max(math.floor(value + 0.5), self.low), self.high)


@dataclass(frozen=True)
class Choice:
    """One of a few values, in the order given.

    Raises:
        InvalidSpaceError: There is no option, or one is repeated.

    Example:
        >>> Choice(("cosine", "jaccard")).decode(0.9)
        'jaccard'
    """

    options: tuple[Setting, ...]

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) < len(self.options):
            raise InvalidSpaceError(repr(self), "options must be present and different from each other")

    def check(self, value: object, name: str) -> None:
        """Refuse a value of the field `name` that is not an option.

        Raises:
            SettingError: The value is none of the options.
        """
        if value not in self.options:
            raise SettingError(name, value, f"one of {', '.join(map(repr, self.options))}")

    def encode(self, value: Setting) -> float:
        """The middle of the option's stretch, in [0, 1]."""
        return (self.options.index(value) + 0.5) / len(self.options)

    def decode(self, unit: float) -> Setting:
        """Option whose stretch holds a position in [0, 1]."""
        return self.options[min(int(unit * len(self.options)), len(self.options) - 1)]


Space: TypeAlias = Interval | Count | Choice
"""Space of a field, as declared in `Annotated[float, Interval(0.05, 1.0)]`."""


@dataclass(frozen=True)
class Axis:
    """One field that a search may change.

    Attributes:
        name: Name of the field.
        space: The values it may take.
        default: The field's default; None where it has none.
    """

    name: str
    space: Space
    default: Setting | None


@cache
def axes(cls: type) -> tuple[Axis, ...]:
    """The fields of a dataclass that declare a space, in their order.

    Example:
        >>> from typing import Annotated
        >>> @dataclass(frozen=True)
        ... class Keep:
        ...     signal: str
        ...     fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
        >>> [(axis.name, axis.default) for axis in axes(Keep)]
        [('fraction', 0.5)]
    """
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        Axis(field.name, space, None if field.default is dataclasses.MISSING else field.default)
        for field in dataclasses.fields(cls)
        for space in getattr(hints[field.name], "__metadata__", ())
        if isinstance(space, Space)
    )


@cache
def meanings(cls: type) -> Mapping[str, str]:
    """Descriptions of the fields of a class, from the `Attributes:` of its docstring and of its bases'."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        block = re.split(r"\n\n(?=\S)", text)[0]
        fields = re.findall(r"^    (\w+): (.*?)(?=^    \w+: |\Z)", block, re.MULTILINE | re.DOTALL)
        found |= {name: re.sub(r"\s+", " ", meaning).strip() for name, meaning in fields}
    return found


def check_settings(settings: object) -> None:
    """Refuse a dataclass instance with a field outside its declared space.

    Raises:
        SettingError: Naming the first such field.
    """
    cls: type = type(settings)
    for axis in axes(cls):
        axis.space.check(getattr(settings, axis.name), axis.name)


def is_finite(value: object) -> bool:
    """Whether a value is a finite number; true and false are none.

    Example:
        >>> is_finite(0.5), is_finite(float("nan")), is_finite(True), is_finite("1")
        (True, False, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require_range(space: object, low: float, high: float, scale: Scale) -> None:
    if not low <= high:
        raise InvalidSpaceError(repr(space), "low must not be above high")
    if scale is LOG and low <= 0:
        raise InvalidSpaceError(repr(space), "a logarithmic range starts above 0")


def _share(value: float, low: float, high: float, scale: Scale) -> float:
    if low == high:
        return 0.5
    share = math.log(value / low) / math.log(high / low) if scale is LOG else (value - low) / (high - low)
    return min(max(share, 0.0), 1.0)


def _between(unit: float, low: float, high: float, scale: Scale) -> float:
    return low * (high / low) ** unit if scale is LOG else low + unit * (high - low)
