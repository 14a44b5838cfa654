"""What a search may write into a recipe, on the signals at hand."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from autoselection_core.operators.base import Operator
from autoselection_core.operators.installed import DEFAULT_OPERATORS
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import Axis, Choice, Interval, Setting, axes

_DIGITS = 4
"""Significant digits of a setting that a search writes: recipes stay readable, and no finer step matters."""


@dataclass(frozen=True)
class Template:
    """An operator with its names and choices filled in, and its numbers left open.

    Attributes:
        operator: The operator class.
        fixed: What is filled in, as (field, value).
        axes: The numeric fields with the ranges that hold on this table.
    """

    operator: type[Operator]
    fixed: tuple[tuple[str, Setting], ...]
    axes: tuple[Axis, ...]

    @property
    def label(self) -> str:
        """The label of every operator that it makes."""
        return self.operator(**self._settings).label

    def sample(self, rng: np.random.Generator) -> Operator:
        """An operator with numbers drawn uniformly on their scales."""
        return self.decode(rng.random(len(self.axes)))

    def encode(self, operator: Operator) -> npt.NDArray[np.float64]:
        """The operator's numbers, each as its place in [0, 1]. Shape (axes,)."""
        return np.array([axis.space.encode(getattr(operator, axis.name)) for axis in self.axes])

    def decode(self, unit: npt.NDArray[np.float64]) -> Operator:
        """The operator whose numbers stand at these places in [0, 1]."""
        numbers = {axis.name: _short(axis, float(place)) for axis, place in zip(self.axes, unit, strict=True)}
        return self.operator(**self._settings, **numbers)

    def retune(self, operator: Operator, rng: np.random.Generator, scale: float) -> Operator:
        """The operator with its numbers moved by a normal step of this size on [0, 1], reflected inside."""
        moved = self.encode(operator) + rng.normal(0.0, scale, len(self.axes))
        return self.decode(np.abs((moved + 1) % 2 - 1) if len(self.axes) else moved)

    def matches(self, operator: object) -> bool:
        """Whether it could have made an operator, up to its numbers."""
        return type(operator) is self.operator and all(
            getattr(operator, name) == value for name, value in self.fixed
        )

    @property
    def _settings(self) -> dict[str, Any]:
        return dict(self.fixed)


def catalogue(
    signals: SignalTable, operators: Sequence[type[Operator]] = DEFAULT_OPERATORS
) -> tuple[Template, ...]:
    """All templates whose signals the table has, in the order of the operators.

    Example:
        >>> from autoselection_core.operators.score import KeepTop
        >>> table = SignalTable("pool", np.arange(1, dtype=np.uint64), {"ifd": np.ones(1, np.float32)})
        >>> [template.label for template in catalogue(table, [KeepTop])]
        ['keep_top[ifd]', 'keep_top[ifd,lowest]']
    """
    return tuple(
        Template(operator, tuple(settings.items()), _axes(operator, settings, signals))
        for operator in operators
        for settings in operator.variants(signals)
    )


def _axes(operator: type[Operator], settings: dict[str, Any], signals: SignalTable) -> tuple[Axis, ...]:
    lower_ends = operator(**settings).lower_ends(signals)
    numeric = (axis for axis in axes(operator) if not isinstance(axis.space, Choice))
    return tuple(
        _raised(axis, lower_ends[axis.name]) if axis.name in lower_ends else axis for axis in numeric
    )


def _raised(axis: Axis, low: float) -> Axis:
    assert isinstance(axis.space, Interval)
    low = min(max(axis.space.low, low), axis.space.high)
    return replace(axis, space=replace(axis.space, low=low))


def _short(axis: Axis, place: float) -> Setting:
    value = axis.space.decode(place)
    if not isinstance(axis.space, Interval):
        return value
    short = float(f"{value:.{_DIGITS}g}")
    return min(max(short, axis.space.low), axis.space.high)


def template_of(step: object, templates: Sequence[Template]) -> Template | None:
    """The template that a step was made from; None for a union or an operator outside the catalogue."""
    return next((template for template in templates if template.matches(step)), None)
