"""The first probes: kept by how much of the pool they retain, and spread by what they select."""

from collections.abc import Sequence

import numpy as np

from autoselection_core.solver.context import SearchContext
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.programs.realise import Realised

ZONES = {"warmup_low": (0.05, 0.20), "warmup_middle": (0.30, 0.55), "warmup_high": (0.60, 0.95)}
"""Shares of the pool that a probe of each zone retains, low end included."""


def zone_of(number: int) -> str:
    """The zone of a probe, from 0: low, middle, high, low, ..."""
    return list(ZONES)[number % len(ZONES)]


def in_zone(realised: Realised, zone: str, pool: int) -> list[int]:
    """Places of the candidates in a zone; all candidates where the zone is empty."""
    low, high = ZONES[zone]
    found = [place for place, subset in enumerate(realised.subsets) if low <= len(subset) / pool < high]
    return found or list(range(len(realised)))


def farthest(
    places: Sequence[int], candidates: Features, observed: Features, context: SearchContext
) -> tuple[int, float]:
    """The place farthest from everything tried by subset distance, and that distance.

    With nothing tried it is the place nearest to the middle of the candidates, a typical one.
    """
    layout = context.describer.layout
    if not len(observed):
        middle = candidates[places].mean(axis=0, keepdims=True)
        gaps = distances(candidates[places], middle, layout)[:, 0]
        best = int(np.argmin(gaps))
    else:
        gaps = distances(candidates[places], observed, layout).min(axis=1)
        best = int(np.argmax(gaps))
    return places[best], float(gaps[best])
