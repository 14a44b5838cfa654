"""Registry of operators, and the catalogue of those that a search may use on a signal table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.extensions import add_plugins
from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.aggregate import KeepByRanks
from autoselection_core.operators.definitions.budget import KeepRandom, TokenBudget
from autoselection_core.operators.definitions.diverse import KeepDiverse
from autoselection_core.operators.definitions.duplicates import (
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
)
from autoselection_core.operators.definitions.mixing import MixByVarentropy, MixSources
from autoselection_core.operators.definitions.relevance import KeepRelevant
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.operators.definitions.weighted_mix import MixTopics
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import Axis, Choice, Interval, Setting, axes

DEFAULT_OPERATORS: tuple[type[Operator], ...] = (
    KeepTop,
    KeepBand,
    KeepRelevant,
    KeepRandom,
    DropExactDuplicates,
    DropNearDuplicates,
    DropSemanticDuplicates,
    MixSources,
    MixByVarentropy,
    TokenBudget,
    KeepByRanks,
    KeepDiverse,
    MixTopics,
)
"""Every operator of the method. Laws in `tests/operators` hold for each of them."""

ENTRY_POINT = "autoselection.operators"
"""The group of entry points under which a package names its operator classes."""


@cache
def installed_operators() -> tuple[type[Operator], ...]:
    """The default operators and those of installed packages, in ascending order of their entry points.

    Raises:
        BrokenExtensionError: A package names something that is no operator, or a name that is taken.
    """
    known = {operator.name: operator for operator in DEFAULT_OPERATORS}
    found = add_plugins(ENTRY_POINT, Operator, known, lambda _, operator: operator.name)  # type: ignore[type-abstract] # only its subclasses are made
    return tuple(found.values())


_DIGITS = 4
"""Significant digits of a setting that a search writes: recipes stay readable, and no finer step matters."""


_MAX_PLACE = 0.9999
"""Place of the largest weight: at 1 it would be infinite."""

_MAX_GROUPS = 64

_MIN_WEIGHT = 1e-4
"""Weights that a search draws are above 0, so that there is always one."""


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

    def build(self, numbers: Mapping[str, Any]) -> Operator:
        """The operator with a number for each axis, by the names of the axes."""
        return self.operator(**self._settings, **numbers)

    def encode(self, operator: Operator) -> npt.NDArray[np.float64]:
        """The operator's numbers, each as its place in [0, 1]. Shape (axes,)."""
        return np.array([axis.space.encode(getattr(operator, axis.name)) for axis in self.axes])

    def decode(self, unit: npt.NDArray[np.float64]) -> Operator:
        """The operator with its numbers at these places of their ranges, each in [0, 1]."""
        numbers = {axis.name: _short(axis, float(place)) for axis, place in zip(self.axes, unit, strict=True)}
        return self.build(numbers)

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


@dataclass(frozen=True)
class WeightTemplate(Template):
    """Template of an operator whose groups have weights: one more axis for each group.

    The place u of a group is the weight -log(1 - u). Only the ratios of weights count, so uniform places are
    shares from a uniform Dirichlet distribution.

    Attributes:
        groups: Names of the groups, in the order of the last axes.
    """

    groups: tuple[str, ...]

    @override
    def build(self, numbers: Mapping[str, Any]) -> Operator:
        plain = {axis.name: numbers[axis.name] for axis in self.axes[: -len(self.groups)]}
        places = np.array([numbers[_weight(group)] for group in self.groups])
        weights = np.maximum(np.round(-np.log1p(-places), _DIGITS), _MIN_WEIGHT)
        settings = {
            **self._settings,
            **plain,
            "weights": dict(zip(self.groups, weights.tolist(), strict=True)),
        }
        return self.operator(**settings)

    def with_weights(self, weights: npt.NDArray[np.float64], **numbers: float) -> Operator:
        """The operator with weights from 0 to 1 for its groups, and numbers for its other axes.

        Args:
            weights: Weight of each group, in the order of `groups`. Shape (groups,).
            numbers: Its other numbers, by the names of their axes.
        """
        places = np.minimum(-np.expm1(-weights), _MAX_PLACE).tolist()
        return self.build({**numbers, **dict(zip(map(_weight, self.groups), places, strict=True))})

    @override
    def encode(self, operator: Operator) -> npt.NDArray[np.float64]:
        plain = [axis.space.encode(getattr(operator, axis.name)) for axis in self.axes[: -len(self.groups)]]
        weights = dict(operator.settings["weights"])  # type: ignore[arg-type] # it matches: it has weights
        places = -np.expm1(-np.array([weights.get(group, 0.0) for group in self.groups], np.float64))
        return np.array([*plain, *np.minimum(places, _MAX_PLACE)])

    @override
    def matches(self, operator: object) -> bool:
        return super().matches(operator) and getattr(operator, "weights", None) is not None


def _weight(group: str) -> str:
    return f"weights.{group}"


def catalogue(
    signals: SignalTable, operators: Sequence[type[Operator]] = DEFAULT_OPERATORS
) -> tuple[Template, ...]:
    """All templates whose signals the table has, in the order of the operators.

    Example:
        >>> from autoselection_core.operators.definitions.score import KeepTop
        >>> table = SignalTable("pool", np.arange(1, dtype=np.uint64), {"ifd": np.ones(1, np.float32)})
        >>> [template.label for template in catalogue(table, [KeepTop])]
        ['keep_top[ifd]', 'keep_top[ifd,lowest]']
    """
    return tuple(
        _template(operator, settings, signals)
        for operator in operators
        for settings in operator.variants(signals)
    )


def with_weights(templates: Sequence[Template], signals: SignalTable) -> tuple[Template, ...]:
    """The templates, and those of `mix_topics` over every named grouping that they do not weigh yet.

    So sources are weighed where there are no topics. Groupings of more than 64 groups stay out: each group is
    an axis.
    """
    groupings = MixTopics.weighed_groups(signals)
    weighed = {dict(each.fixed)["groups"] for each in templates if isinstance(each, WeightTemplate)}
    added = (name for name, groups in groupings.items() if name not in weighed and len(groups) <= _MAX_GROUPS)
    return (*templates, *(_template(MixTopics, {"groups": name}, signals) for name in added))


def _template(operator: type[Operator], settings: dict[str, Any], signals: SignalTable) -> Template:
    fixed, plain = tuple(settings.items()), _axes(operator, settings, signals)
    groups = operator.weighed_groups(signals).get(settings.get("groups", ""), ())
    if not groups:
        return Template(operator, fixed, plain)
    weights = (Axis(_weight(group), Interval(0.0, _MAX_PLACE), 0.5) for group in groups)
    return WeightTemplate(operator, fixed, (*plain, *weights), groups)


def _axes(operator: type[Operator], settings: dict[str, Any], signals: SignalTable) -> tuple[Axis, ...]:
    lower_ends = operator(**settings).lower_ends(signals)
    numeric = (axis for axis in axes(operator) if not isinstance(axis.space, Choice))
    return tuple(_raise(axis, lower_ends[axis.name]) if axis.name in lower_ends else axis for axis in numeric)


def _raise(axis: Axis, low: float) -> Axis:
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
