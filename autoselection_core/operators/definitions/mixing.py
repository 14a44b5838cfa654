"""Mixture operators: proportions of sources."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from autoselection_core.arrays import Labels, Mask, Rows
from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.signals import MissingSignalError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import Column, Label
from autoselection_core.operators.selection.quotas import Costs, in_proportion
from autoselection_core.operators.selection.ranking import chance_order, rank_rows, share_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.space import Interval

_LEAST = 1e-3
"""A mean at or below zero has no power: it counts as this share of the mean of all."""


@dataclass(frozen=True)
class MixSources(Operator):
    """Keep a share of the rows with the sources in wanted proportions.

    Without quotas a source of n rows weighs n ** (1 - evenness): 0 keeps the natural mix, 1 aims at equal
    numbers. A source that runs out leaves its places to the others.

    Attributes:
        fraction: Share of the incoming rows to keep.
        evenness: How far the natural mix is levelled.
        groups: The grouping to mix; rows without a group form one of their own.
        quotas: A weight for each named group instead of an evenness; groups that are not named are dropped.
        prefer: A column whose highest rows of each group are taken; without it chance decides.
    """

    name: ClassVar[str] = "mix_sources"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction",)

    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    evenness: Annotated[float, Interval(0.0, 1.0)] = 0.5
    groups: Label = "source"
    quotas: tuple[tuple[str, float], ...] | None = None
    prefer: Column | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.quotas is None:
            return
        object.__setattr__(self, "quotas", tuple(sorted(self.quotas)))
        if not self.quotas or not all(share > 0 for _, share in self.quotas):
            raise SettingError("quotas", dict(self.quotas), "a mapping of group names to weights above 0")
        if self.evenness != MixSources.evenness:
            raise SettingError("evenness", self.evenness, "absent where quotas are given")

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        groups = signals.label(self.groups)[rows] + 1  # 0 is "no group"
        order = taking_order(rows, signals, self.prefer, seed)
        return in_proportion(
            groups, order, self._weights(groups, signals), share_of(self.fraction, len(rows))
        )

    def _weights(self, groups: Labels, signals: SignalTable) -> Costs:
        sizes = np.bincount(groups).astype(np.float64)
        if self.quotas is None:
            return np.power(sizes, 1 - self.evenness, where=sizes > 0, out=np.zeros_like(sizes))
        names = signals.label_names.get(self.groups, ())
        weights = np.zeros(max(len(sizes), len(names) + 1))
        for name, share in self.quotas:
            if name not in names:
                raise MissingSignalError("group", name, names)
            weights[names.index(name) + 1] = share
        return weights


@dataclass(frozen=True)
class MixByVarentropy(Operator):
    """Keep a share of the rows with sources weighted by their mean varentropy under the model.

    A source weighs its number of rows times its mean varentropy to the power of `sharpness`: above 0 leans
    towards sources with a high mean, below 0 towards those with a low one. A source without a known value
    counts as average. Chance decides which rows of a source are taken.

    Attributes:
        fraction: Share of the incoming rows to keep.
        sharpness: How strongly the means count.
        groups: The grouping to mix; rows without a group form one of their own.
        signal: The column whose means weigh.
    """

    name: ClassVar[str] = "mix_by_varentropy"
    nested_in: ClassVar[tuple[str, ...]] = ("fraction",)

    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    sharpness: Annotated[float, Interval(-3.0, 3.0)] = 1.0
    groups: Label = "source"
    signal: Column = "varentropy"

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        groups = signals.label(self.groups)[rows] + 1
        means = _group_means(groups, signals[self.signal][rows].astype(np.float64))
        weights = np.bincount(groups).astype(np.float64) * np.power(means, self.sharpness)
        order = taking_order(rows, signals, None, seed)
        return in_proportion(groups, order, weights, share_of(self.fraction, len(rows)))


def taking_order(rows: Rows, signals: SignalTable, prefer: str | None, seed: int) -> npt.NDArray[np.int64]:
    """Positions in the order in which rows are taken: by a column, or by chance."""
    if prefer is not None:
        return rank_rows(rows, signals, prefer)
    return chance_order(signals.keys[rows], seed)


def _group_means(groups: Labels, values: npt.NDArray[np.float64]) -> Costs:
    """The mean of the known values of each group, relative to the mean of all, and at least a thousandth."""
    known = ~np.isnan(values)
    count = np.bincount(groups[known], minlength=int(groups.max()) + 1)
    total = np.bincount(groups[known], weights=values[known], minlength=len(count))
    overall = total.sum() / max(count.sum(), 1)
    if overall <= 0:
        return np.ones(len(count))
    means: Costs = np.divide(total, count, where=count > 0, out=np.full(len(count), overall))
    relative: Costs = np.maximum(means / overall, _LEAST)
    return relative
