"""Warmup probes: plain filters, or fresh programs by retention, spread by what they select."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

import numpy as np

from autoselection_core.operators.catalogue import Template
from autoselection_core.operators.definitions.relevance import KeepRelevant
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.operators.selection.ranking import HIGHEST, LOWEST
from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.signals.table import RELEVANCE, SignalTable
from autoselection_core.solver.context import SearchContext
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.policy import EITHER
from autoselection_core.solver.programs.fresh import single_recipes
from autoselection_core.solver.programs.limits import pool_rows
from autoselection_core.solver.programs.realise import Realised

_OPERATORS = ("keep_relevant", "drop_exact_duplicates", "drop_near_duplicates", "drop_semantic_duplicates")
_RANKING, _LOWEST = "keep_top", "lowest"
_QUARTER, _HALF = 0.25, 0.5
_PAIRED_SHARES = (_QUARTER, _HALF)
_PAIR = 2
_IFD = "ifd"
_COLUMNS = ("ifd", "response_loss", "response_tokens", "tokens", "words")


PlainScores: TypeAlias = Sequence[tuple[str, str]]
"""Scores of the user's own, each with its better end; see `Policy.plain_scores`."""


def plain_filters(templates: Sequence[Template], seed: int, scores: PlainScores = ()) -> tuple[Recipe, ...]:
    """Plain filters at the usual shares; all single operators where the pool has no usual signal."""
    return plain_among(single_recipes(templates, seed), scores)


def plain_among(singles: tuple[Recipe, ...], scores: PlainScores = ()) -> tuple[Recipe, ...]:
    """The plain filters among single operators, or all of these where there is none."""
    usual = tuple(recipe for recipe in singles if is_plain(recipe, scores))
    return usual or singles


def best_quarters(filters: Sequence[Recipe], scores: PlainScores) -> tuple[Recipe, ...]:
    """The filters that keep the better quarter by a score: the highest one where either end may be better.

    Of a score most of whose values are equal, those that keep the better side of a cut beside that value.
    """
    wanted = {(name, LOWEST if end == LOWEST else HIGHEST) for name, end in scores}
    return tuple(each for each in filters if _is_quarter(each.steps[0], wanted))


def usual_quarters(filters: Sequence[Recipe]) -> tuple[Recipe, ...]:
    """The filters that keep the highest quarter by relevance or IFD, which people try before others."""
    return tuple(each for each in filters if _is_usual_quarter(each.steps[0]))


def plain_intersections(filters: Sequence[Recipe], max_steps: int) -> tuple[Recipe, ...]:
    """Plain filters that keep a quarter or a half, one after another, in pairs over different signals."""
    if max_steps < _PAIR:
        return ()
    shares = [each for each in filters if _keeps(each.steps[0], _PAIRED_SHARES)]
    return tuple(
        Recipe((*one.steps, *other.steps), one.seed)
        for one, other in combinations(shares, _PAIR)
        if one.steps[0].label != other.steps[0].label
    )


def _keeps(step: Step, shares: Sequence[float]) -> bool:
    return isinstance(step, KeepRelevant | KeepTop) and step.fraction in shares


def _is_usual_quarter(step: Step) -> bool:
    if not _keeps(step, (_QUARTER,)):
        return False
    if not isinstance(step, KeepTop):
        return True
    return step.order == HIGHEST and (step.signal == _IFD or step.signal.startswith(RELEVANCE))


def _is_quarter(step: Step, wanted: Collection[tuple[str, str]]) -> bool:
    if isinstance(step, KeepBand):
        return (step.signal, _end_of(step)) in wanted
    return isinstance(step, KeepTop) and step.fraction == _QUARTER and (step.signal, step.order) in wanted


def _end_of(band: KeepBand) -> str:
    """End of a signal that a band open on one side keeps."""
    return LOWEST if band.low is None else HIGHEST


def is_single_filter(recipe: Recipe) -> bool:
    """Whether a recipe is one ranking or band over one signal, whichever: no search is needed to write it."""
    return len(recipe.steps) == 1 and isinstance(recipe.steps[0], KeepTop | KeepBand | KeepRelevant)


def is_plain(recipe: Recipe, scores: PlainScores = ()) -> bool:
    """Whether a recipe is one step that a person would try first, at any share."""
    return len(recipe.steps) == 1 and _is_usual(recipe.steps[0], dict(scores))


def _is_usual(step: Step, scores: Mapping[str, str]) -> bool:
    if isinstance(step, Union):
        return False
    if step.name in _OPERATORS:
        return True
    if isinstance(step, KeepTop | KeepBand) and step.signal in scores:
        kept = step.order if isinstance(step, KeepTop) else _end_of(step)
        return scores[step.signal] in (kept, EITHER)
    is_ranking = step.name == _RANKING and _LOWEST not in step.label
    return is_ranking and any(name in _COLUMNS or name.startswith(RELEVANCE) for name in step.reads)


ZONES = {"warmup_low": (0.05, 0.20), "warmup_middle": (0.30, 0.55), "warmup_high": (0.60, 0.95)}
"""Shares of the pool that a probe of each zone retains, low end included."""


def zone_of(number: int) -> str:
    """The zone of a probe, from 0: low, middle, high, low, ..."""
    return list(ZONES)[number % len(ZONES)]


def in_zone(realised: Realised, zone: str, signals: SignalTable) -> list[int]:
    """Places of the candidates in a zone; all candidates where the zone is empty."""
    low, high = ZONES[zone]
    pool = pool_rows(signals)
    shares = [signals.size_of(subset.rows) / pool for subset in realised.subsets]
    found = [place for place, share in enumerate(shares) if low <= share < high]
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
