"""Candidates beyond the trust radius, clipped to it (the trust radius of Goswami & Jonsson 2025, 2510.06030).

Recipes are no points of a space, so a candidate can't be moved along a line. Uniting it with the nearest
tried subset does the same to what its rows are: distributions of a union lie between those of both parts.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from autoselection_core.recipe import Recipe, Union
from autoselection_core.solver.context import SearchContext
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.describer import distances
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
        most: The radius, in median distances between fresh programs; None sets no limit.
    """

    context: SearchContext
    fitted: FittedModel
    most: float | None

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
        if self.most is None or not len(realised):
            return realised, features
        gaps = distances(features, self.fitted.features, self.context.describer.layout)
        inside = gaps.min(axis=1) <= self.most
        if inside.all():
            return realised, features
        names = known | {subset.fingerprint for subset in realised.subsets}
        clipped, described = self._clipped(realised, ~inside, gaps.argmin(axis=1), names)
        kept, places = realised.only(inside, TOO_FAR)
        reasons = {**kept.reasons, TOO_FAR: kept.reasons[TOO_FAR] - len(clipped), CLIPPED: len(clipped)}
        reasons = {reason: count for reason, count in reasons.items() if count}
        joined = replace(kept, reasons=reasons).joined(replace(clipped, reasons={}))
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
        inside, places = united.only(gaps.min(axis=1) <= self.most, TOO_FAR)
        return inside, features[places]

    def _united(self, draft: Draft, near: int) -> Draft | None:
        """A candidate united with a tried recipe; None if there is no room, or the other holds a union."""
        other, steps = self.fitted.observed[near], draft.recipe.steps
        if len(steps) >= self.context.policy.max_steps or not other.recipe.steps or has_union(other.recipe):
            return None
        edit = f"{draft.edit}, clipped" if draft.edit else f"clipped {draft.recipe.label}"
        recipe = Recipe((*steps, Union(other.recipe)), draft.recipe.seed)
        return replace(draft, recipe=recipe, edit=edit)
