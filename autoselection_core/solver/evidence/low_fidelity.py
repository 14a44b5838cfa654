"""Scores at lower fidelities: how far each fidelity is trusted, and what the surrogate learns from it.

What counts is measured: the rank correlation over recipes that were scored at both fidelities. A fidelity is
heeded from a few such pairs on while it ranks them well enough, and never trusted beyond what it has shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.score.rank_agreement import rank_agreement
from autoselection_core.solver.context import SearchContext
from autoselection_core.solver.evidence.observations import (
    LowFidelityObservation,
    ObservedSubset,
    compress_tail,
)
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.surrogate.gp import Numbers

PAIRS = 4
"""Recipes that are scored at both fidelities before a cheaper one is heeded."""

MAX_PAIRS = 8
"""Recipes that are scored at both where the first few leave open whether it is worth heeding."""

MIN_TRUST = 0.5
"""Rank correlation below which a fidelity is not heeded."""

MAX_TRUST = 0.99
"""Correlation that a few pairs in perfect order prove at most."""


@dataclass(frozen=True)
class FidelityAgreement:
    """Agreement of a lower fidelity with the full one, over recipes measured at both.

    Attributes:
        pairs: Recipes that were measured at both.
        rank_correlation: Spearman's, over these pairs; None below three, or where nothing differs.
    """

    pairs: int
    rank_correlation: float | None

    @property
    def required_pairs(self) -> int:
        """Pairs that are wanted before the fidelity is heeded or given up: more where a few leave it open."""
        is_open = self.pairs >= PAIRS and 0 < (self.rank_correlation or 0.0) < MIN_TRUST
        return MAX_PAIRS if is_open else PAIRS

    @property
    def limit(self) -> float:
        """Upper limit of the learned correlation; 0 where the fidelity is not used."""
        if self.pairs < PAIRS or (self.rank_correlation or 0.0) < MIN_TRUST:
            return 0.0
        return min(self.rank_correlation or 0.0, MAX_TRUST)


def agreement(
    low_fidelity: Sequence[LowFidelityObservation], observed: Sequence[ObservedSubset], fidelity: str
) -> FidelityAgreement:
    """Rank agreement of one fidelity's scores with full ones."""
    cheap = _means(low_fidelity, fidelity)
    full = {one.name: float(np.mean(one.utilities)) for one in observed if one.utilities}
    both = [name for name in cheap if name in full]
    here, there = [cheap[name] for name in both], [full[name] for name in both]
    return FidelityAgreement(len(both), rank_agreement(here, there))


def trust_limits(
    low_fidelity: Sequence[LowFidelityObservation], observed: Sequence[ObservedSubset]
) -> dict[str, float]:
    """Fidelities that are used, in a fixed order, with the upper limit of each one's correlation."""
    names = sorted({cheap.entry.fidelity for cheap in low_fidelity})
    limits = {name: agreement(low_fidelity, observed, name).limit for name in names}
    return {name: limit for name, limit in limits.items() if limit}


def at_fidelities(
    context: SearchContext,
    layout: Layout,
    low_fidelity: Sequence[LowFidelityObservation],
    names: Sequence[str],
) -> Features:
    """Feature vectors of scores at lower fidelities, with the columns that tell them apart."""
    described = layout.pad_features(context.describe_subsets([cheap.subset for cheap in low_fidelity]))
    first, subsets = (
        layout.fidelity_columns.start,
        list(dict.fromkeys(_name(cheap) for cheap in low_fidelity)),
    )
    for row, cheap in zip(described, low_fidelity, strict=True):
        row[first + names.index(cheap.entry.fidelity)] = 1.0
        row[layout.fidelity_columns.stop] = 1.0 + subsets.index(_name(cheap))
    return described


def align_levels(
    low_fidelity: Sequence[LowFidelityObservation], full: Mapping[str, float], spreads: float
) -> Numbers:
    """Cheap utilities on the scale of the full ones: a fidelity has a level and a spread of its own.

    Both are taken from the subsets that were measured at both fidelities, because what is scored cheaply
    later is chosen to be good.

    Args:
        low_fidelity: Scores of fidelities that are heeded, and so have pairs.
        full: Utility of each measured subset at full fidelity, as the surrogate learns it.
        spreads: The policy's `tail_threshold`; low utilities are compressed at every fidelity.
    """
    levels = np.array([cheap.utility for cheap in low_fidelity])
    for name in {cheap.entry.fidelity for cheap in low_fidelity}:
        rows = [row for row, cheap in enumerate(low_fidelity) if cheap.entry.fidelity == name]
        levels[rows] = compress_tail(levels[rows], spreads)
        both = [row for row in rows if _name(low_fidelity[row]) in full]
        here, there = levels[both], np.array([full[_name(low_fidelity[row])] for row in both])
        ratio = float(there.std() / here.std()) if here.std() > 0 else 1.0
        levels[rows] = there.mean() + ratio * (levels[rows] - here.mean())
    return levels


def _name(cheap: LowFidelityObservation) -> str:
    return cheap.entry.subset


def _means(low_fidelity: Sequence[LowFidelityObservation], fidelity: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for cheap in low_fidelity:
        if cheap.entry.fidelity == fidelity:
            found.setdefault(_name(cheap), []).append(cheap.utility)
    return {name: float(np.mean(values)) for name, values in found.items()}
