"""Anchors and trust radius: where edits start, and how far from observed subsets candidates may be."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autoselection_core.history.values import History
from autoselection_core.recipe import Recipe, Union
from autoselection_core.solver.candidates.warmup import farthest
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.describer import distances
from autoselection_core.solver.programs.credit import Credit, credit_of
from autoselection_core.solver.programs.edits import draw_anchor
from autoselection_core.solver.programs.fresh import has_union
from autoselection_core.solver.programs.realise import Draft, Realised

TOO_FAR = "beyond the trust radius"
"""Reason to leave a realised candidate out."""

CLIPPED = "clipped to the trust radius"
"""Reason to replace a realised candidate by its union with a tried subset."""


@dataclass(frozen=True, eq=False)
class TrustRadius:
    """Trust radius: the largest distance of a candidate from everything tried.

    Attributes:
        context: Context of the search.
        fitted: The model, with the observed subsets.
        max_distance: The radius, in median distances between fresh programs; None sets no limit.
    """

    context: SearchContext
    fitted: FittedModel
    max_distance: float | None

    def within(
        self, realised: Realised, features: Features, known: frozenset[str]
    ) -> tuple[Realised, Features]:
        """Candidates inside the radius, with clipped ones behind them, and their feature vectors.

        Every candidate that was too far is counted once: as clipped, or as left out.

        Args:
            realised: Candidates.
            features: Their feature vectors. Shape (m, d).
            known: Hashes of subsets that a clipped candidate must not have.
        """
        if self.max_distance is None or not len(realised):
            return realised, features
        gaps = distances(features, self.fitted.features, self.context.describer.layout)
        inside = gaps.min(axis=1) <= self.max_distance
        if inside.all():
            return realised, features
        names = known | {subset.fingerprint for subset in realised.subsets}
        clipped, described = self._clipped(realised, ~inside, gaps.argmin(axis=1), names)
        kept, places = realised.only(inside, TOO_FAR)
        reasons = {**kept.reasons, TOO_FAR: kept.reasons[TOO_FAR] - len(clipped), CLIPPED: len(clipped)}
        reasons = {reason: count for reason, count in reasons.items() if count}
        joined = replace(kept, reasons=reasons).concat(replace(clipped, reasons={}))
        return joined, np.concatenate([features[places], described])

    def _clipped(
        self,
        realised: Realised,
        is_far: npt.NDArray[np.bool_],
        nearest: npt.NDArray[np.int64],
        names: frozenset[str],
    ) -> tuple[Realised, Features]:
        far = zip(np.flatnonzero(is_far), nearest[is_far], strict=True)
        drafts = [self._united(realised.drafts[place], int(near)) for place, near in far]
        united = self.context.realise([draft for draft in drafts if draft is not None], names)
        features = self.context.describe(united)
        if not len(united):
            return united, features
        gaps = distances(features, self.fitted.features, self.context.describer.layout)
        inside, places = united.only(gaps.min(axis=1) <= self.max_distance, TOO_FAR)
        return inside, features[places]

    def _united(self, draft: Draft, near: int) -> Draft | None:
        """A candidate united with a tried recipe; None if there is no room, or the other holds a union."""
        other, steps = self.fitted.observed[near], draft.recipe.steps
        if len(steps) >= self.context.policy.max_steps or not other.recipe.steps or has_union(other.recipe):
            return None
        edit = f"{draft.edit}, clipped" if draft.edit else f"clipped {draft.recipe.label}"
        recipe = Recipe((*steps, Union(other.recipe)), draft.recipe.seed)
        return replace(draft.with_edit(f"clipped to trial {other.trial}", recipe), edit=edit)


_DRAWS = 8
"""New anchors that are drawn; the one that selects what is farthest from everything tried stays."""


@dataclass(frozen=True)
class Phase:
    """Anchors that edits start from.

    Attributes:
        anchors: Places of the best tried subsets.
        stagnation: Measurements since the posterior best was first tried.
        fresh_anchor: The anchor that the reseeder drew; None while the search moves.
    """

    anchors: tuple[int, ...]
    stagnation: int
    fresh_anchor: Recipe | None


def phase_of(context: SearchContext, history: History, fitted: FittedModel) -> Phase:
    """The phase that a history is in; the same for all choices between two measurements."""
    since = fitted.observed[fitted.incumbent].trial
    stagnation = sum(observation.trial > since for observation in history.observations)
    stalls = stagnation // context.policy.patience
    anchor = _reseed(context, fitted, since, stalls) if stalls else None
    return Phase(tuple(fitted.ranked[: context.policy.anchors]), stagnation, anchor)


def credit_in(fitted: FittedModel) -> Credit:
    """Credits from differences of posterior means, every tried recipe against the nearest to the full pool.

    A search over fresh programs has few parents, so each recipe's parent is the tried program with the
    fewest steps: the full pool where it was probed.
    """
    measured = fitted.ranked
    root = min(measured, key=lambda place: (len(fitted.observed[place].recipe), fitted.observed[place].trial))
    return credit_of(
        (
            fitted.observed[root].recipe,
            fitted.observed[place].recipe,
            float(fitted.means[place] - fitted.means[root]),
        )
        for place in sorted(measured)
        if place != root
    )


def _reseed(context: SearchContext, fitted: FittedModel, since: int, stalls: int) -> Recipe | None:
    rng = np.random.default_rng(seed_for("reseed", context.seed, since, stalls))
    credit = credit_in(fitted)
    drafts = [
        Draft(draw_anchor(credit, context.templates, rng, context.seed), "reseed") for _ in range(_DRAWS)
    ]
    realised = context.realise(drafts, frozenset())
    if not len(realised):
        return None
    place, _ = farthest(range(len(realised)), context.describe(realised), fitted.features, context)
    return realised.drafts[place].recipe
