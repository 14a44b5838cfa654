"""Scores at cheaper fidelities: how far each fidelity is trusted, and what the surrogate learns from it.

What counts is measured: the rank correlation over recipes that were scored at both fidelities. A fidelity is
heeded from a few such pairs on while it ranks them well enough, and never trusted beyond what it has shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.solver.context import Arena
from autoselection_core.solver.evidence.observations import Hint, Tried
from autoselection_core.solver.evidence.tail_compression import pulled_in
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.surrogate.gp import Numbers

PAIRS = 4
"""Recipes that are scored at both fidelities before a cheaper one is heeded."""

MOST_PAIRS = 8
"""Recipes that are scored at both where the first few leave open whether it is worth heeding."""

LEAST_TRUST = 0.5
"""Rank correlation below which a fidelity is not heeded."""

MOST_TRUST = 0.99
"""Correlation that a few pairs in perfect order prove at most."""

FEWEST = 3
"""Pairs without which a rank correlation says nothing."""


@dataclass(frozen=True)
class Agreement:
    """How far a cheaper fidelity ranks recipes as the full one does.

    Attributes:
        pairs: Recipes that were measured at both.
        rank_correlation: Spearman's, over these pairs; None below three, or where nothing differs.
    """

    pairs: int
    rank_correlation: float | None

    @property
    def wanted(self) -> int:
        """Pairs that are wanted before the fidelity is heeded or given up: more where a few leave it open."""
        is_open = self.pairs >= PAIRS and 0 < (self.rank_correlation or 0.0) < LEAST_TRUST
        return MOST_PAIRS if is_open else PAIRS

    @property
    def limit(self) -> float:
        """The highest correlation that is believed; 0 where the fidelity is not heeded."""
        if self.pairs < PAIRS or (self.rank_correlation or 0.0) < LEAST_TRUST:
            return 0.0
        return min(self.rank_correlation or 0.0, MOST_TRUST)


def agreement(hints: Sequence[Hint], tried: Sequence[Tried], fidelity: str) -> Agreement:
    """How far the scores of one fidelity agree with full ones."""
    from scipy.stats import spearmanr

    cheap = _means(hints, fidelity)
    full = {one.name: float(np.mean(one.utilities)) for one in tried if one.utilities}
    both = [name for name in cheap if name in full]
    here, there = [cheap[name] for name in both], [full[name] for name in both]
    if len(both) < FEWEST or len(set(here)) == 1 or len(set(there)) == 1:
        return Agreement(len(both), None)
    return Agreement(len(both), float(np.asarray(spearmanr(here, there).statistic)))


def trusted(hints: Sequence[Hint], tried: Sequence[Tried]) -> dict[str, float]:
    """The fidelities that are heeded, in a fixed order, with the highest correlation that is believed."""
    names = sorted({hint.entry.fidelity for hint in hints})
    limits = {name: agreement(hints, tried, name).limit for name in names}
    return {name: limit for name, limit in limits.items() if limit}


def at_fidelities(arena: Arena, layout: Layout, hints: Sequence[Hint], names: Sequence[str]) -> Features:
    """Feature vectors of scores at cheaper fidelities, with the columns that tell them apart."""
    described = layout.completed(arena.describe_subsets([hint.subset for hint in hints]))
    first, subsets = layout.fidelity_columns.start, list(dict.fromkeys(_name(hint) for hint in hints))
    for row, hint in zip(described, hints, strict=True):
        row[first + names.index(hint.entry.fidelity)] = 1.0
        row[layout.fidelity_columns.stop] = 1.0 + subsets.index(_name(hint))
    return described


def levels_of(hints: Sequence[Hint], full: Mapping[str, float], spreads: float) -> Numbers:
    """Cheap utilities on the scale of the full ones: a fidelity has a level and a spread of its own.

    Both are taken from the subsets that were measured at both fidelities, because what is scored cheaply
    later is chosen to be good.

    Args:
        hints: Scores of fidelities that are heeded, and so have pairs.
        full: Utility of each measured subset at full fidelity, as the surrogate learns it.
        spreads: The policy's `pull_in`; bad scores are pulled in at every fidelity.
    """
    levels = np.array([hint.utility for hint in hints])
    for name in {hint.entry.fidelity for hint in hints}:
        rows = [row for row, hint in enumerate(hints) if hint.entry.fidelity == name]
        levels[rows] = pulled_in(levels[rows], spreads)
        both = [row for row in rows if _name(hints[row]) in full]
        here, there = levels[both], np.array([full[_name(hints[row])] for row in both])
        ratio = float(there.std() / here.std()) if here.std() > 0 else 1.0
        levels[rows] = there.mean() + ratio * (levels[rows] - here.mean())
    return levels


def _name(hint: Hint) -> str:
    return hint.subset.fingerprint


def _means(hints: Sequence[Hint], fidelity: str) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for hint in hints:
        if hint.entry.fidelity == fidelity:
            found.setdefault(_name(hint), []).append(hint.utility)
    return {name: float(np.mean(values)) for name, values in found.items()}
