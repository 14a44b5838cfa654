"""Operator that sets the proportions of topics, or of any groups, by weights within bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from typing_extensions import override

from autoselection_core.arrays import Labels, Mask, Rows
from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.signals import MissingSignalError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.definitions.mixing import taking_order
from autoselection_core.operators.fields import Column, Label
from autoselection_core.operators.selection.quotas import Costs, in_proportion, ranks_in_groups
from autoselection_core.operators.selection.ranking import share_of
from autoselection_core.signals.table import SOURCE, TOPIC, SignalTable
from autoselection_core.space import Interval, Setting

_ROUNDS = 64
_MIN_RATIO = 1e-9
"""Smaller weights than this share of the largest one count as it."""


@dataclass(frozen=True)
class MixTopics(Operator):
    """Keep a share of the rows with topics, or other groups, in the proportions of weights.

    A group's share of the kept rows is its weight over the sum of the weights of the groups that are there,
    clipped to the bounds. A group that runs out leaves its places to the others, as far as the maximum share
    lets them grow; beyond that fewer rows are kept. A search draws weights from a uniform Dirichlet
    distribution and moves them; a weight of 0 drops a group.

    Attributes:
        fraction: Share of the incoming rows to keep.
        groups: Grouping whose groups have names.
        weights: Weight of each group by its name; a group that is not named has weight 0. Without weights
            every group weighs its number of rows.
        min_share: Minimum share of each group that has a weight.
        max_share: Maximum share of each group.
        prefer: A column whose highest rows of each group are taken; without it chance decides.
    """

    name: ClassVar[str] = "mix_topics"

    fraction: Annotated[float, Interval(0.05, 1.0)] = 0.5
    groups: Label = TOPIC
    weights: tuple[tuple[str, float], ...] | None = None
    min_share: float = 0.0
    max_share: float = 1.0
    prefer: Column | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(sorted(self.weights)))
            if not any(weight > 0 for _, weight in self.weights) or any(w < 0 for _, w in self.weights):
                raise SettingError("weights", dict(self.weights), "weights of groups, one of them above 0")
        if not 0 <= self.min_share <= self.max_share <= 1:
            raise SettingError("min_share", self.min_share, "a share from 0 to max_share, which is at most 1")

    @override
    @classmethod
    def variants(cls, signals: SignalTable) -> tuple[dict[str, Setting], ...]:
        # Tables without topics keep the catalogue that searches of earlier releases drew from; `with_weights`
        # adds the weights of their sources.
        named = cls.weighed_groups(signals) if TOPIC in signals.labels else {}
        return tuple({"groups": name} for name in (SOURCE, TOPIC) if name in named)

    @classmethod
    def weighed_groups(cls, signals: SignalTable) -> Mapping[str, tuple[str, ...]]:
        """Groupings whose weights a search may change, with the names of their groups."""
        return {name: groups for name, groups in signals.groupings.items() if len(groups) > 1}

    @override
    def keep(self, rows: Rows, signals: SignalTable, seed: int) -> Mask:
        groups = signals.label(self.groups)[rows] + 1  # 0 is "no group"
        count = share_of(self.fraction, len(rows))
        weights = self._shares(groups, signals)
        order = taking_order(rows, signals, self.prefer, seed)
        places = np.flatnonzero(ranks_in_groups(groups, order) < share_of(self.max_share, count))
        within = np.full(len(rows), -1, np.int64)
        within[places] = np.arange(len(places))
        kept = np.zeros(len(rows), np.bool_)
        open_order = within[order]
        kept[places] = in_proportion(groups[places], open_order[open_order >= 0], weights, count)
        return kept

    def _shares(self, groups: Labels, signals: SignalTable) -> Costs:
        """Share of each group that is there, within the bounds. Shape (groups,)."""
        sizes = np.bincount(groups).astype(np.float64)
        weights = sizes if self.weights is None else self._by_name(sizes, signals)
        return clip_shares(np.where(sizes > 0, weights, 0.0), self.min_share, self.max_share)

    def _by_name(self, sizes: Costs, signals: SignalTable) -> Costs:
        names = signals.label_names.get(self.groups, ())
        weights = np.zeros(max(len(sizes), len(names) + 1))
        for name, weight in self.weights or ():
            if name not in names:
                raise MissingSignalError("group", name, names)
            weights[names.index(name) + 1] = weight
        return weights[: len(sizes)]


def clip_shares(weights: Costs, low: float, high: float) -> Costs:
    """Shares in proportion to weights, each within bounds, that sum to 1 as far as the bounds allow.

    The shares that are free are scaled until all bounds hold (water filling). A weight of 0 has no share.

    Example:
        >>> clip_shares(np.array([8.0, 1.0, 1.0, 0.0]), 0.15, 0.6)
        array([0.6, 0.2, 0.2, 0. ])
    """
    present = weights > 0
    if not present.any():
        return weights
    relative = np.maximum(weights[present] / weights.max(), _MIN_RATIO)
    below, above = _MIN_RATIO, 1 / _MIN_RATIO
    for _ in range(_ROUNDS):  # the sum grows with the scale: bisection of its logarithm
        middle = float(np.sqrt(below * above))
        if np.clip(relative * middle, low, high).sum() >= 1.0:
            above = middle
        else:
            below = middle
    shares: Costs = np.zeros(len(weights))
    shares[present] = np.clip(relative * above, low, high)
    return np.round(shares, 9)
