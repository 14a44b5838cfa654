"""Evolutionary local search: single operators, fresh programs, and generations of edits of the best.

A search can afford fifteen trainings and millions of realised recipes. The best programs are rare among
random ones, so every generation edits those that the acquisition likes best so far, whether they were ever
trained or not. The first generation starts from the anchors of the phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from autoselection_core.recipe import Recipe, Step, Union
from autoselection_core.solver.acquisition.expected_improvement import AcquisitionTerm
from autoselection_core.solver.candidates.phase import Phase, TrustRadius
from autoselection_core.solver.candidates.tilts import tilted_mixtures
from autoselection_core.solver.candidates.warmup import plain_among, plain_intersections
from autoselection_core.solver.context import SearchContext, seed_for
from autoselection_core.solver.evidence.fitted import FittedModel
from autoselection_core.solver.evidence.observations import ObservedSubset
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.edits import Workbench, edit_recipe
from autoselection_core.solver.programs.fresh import has_union, single_recipes
from autoselection_core.solver.programs.realise import Draft, Realised
from autoselection_core.solver.surrogate.gp import Numbers

_RESEEDED_SHARE = 0.5
"""Share of the edits that start from a new anchor while the search stagnates."""

_UNPAIRED = 2
"""Version of the policy up to which recipes are combined by random edits alone."""

_PAIRED = 5
"""Best tried recipes that are combined in pairs."""

_SECOND_EDIT = 0.5
"""Probability that a draft is edited once more, so that a step is added and another retuned in one round."""


def neighbours(
    context: SearchContext, fitted: FittedModel, phase: Phase, count: int, rng: np.random.Generator
) -> list[Draft]:
    """Drafts that are one or two edits away from an anchor."""
    bench = Workbench(context.templates, crossover_partners(fitted), context.policy.max_steps)
    return [_draft(context, fitted, phase, bench, rng) for _ in range(count)]


def crossover_partners(fitted: FittedModel) -> list[Recipe]:
    """Tried recipes that others may be united or crossed with."""
    return [one.recipe for one in fitted.observed if one.recipe.steps and not has_union(one.recipe)]


def edit_twice(recipe: Recipe, bench: Workbench, rng: np.random.Generator) -> tuple[Recipe, str]:
    """A recipe one or two edits away, and the names of the edits."""
    recipe, name = edit_recipe(recipe, bench, rng)
    if rng.random() >= _SECOND_EDIT:
        return recipe, name
    again, second = edit_recipe(recipe, bench, rng)
    return again, f"{name}, {second}"


def _draft(
    context: SearchContext, fitted: FittedModel, phase: Phase, bench: Workbench, rng: np.random.Generator
) -> Draft:
    if phase.fresh_anchor is not None and rng.random() < _RESEEDED_SHARE:
        recipe, edits = edit_twice(phase.fresh_anchor, bench, rng)
        fresh = Draft(phase.fresh_anchor, "reseed", None, f"{edits} of {phase.fresh_anchor.label}")
        return fresh.with_edit(edits, recipe)
    anchor = fitted.observed[phase.anchors[int(rng.integers(len(phase.anchors)))]]
    recipe, edits = edit_twice(anchor.recipe, bench, rng)
    tried = Draft(anchor.recipe, f"trial {anchor.trial}", anchor.trial, edits)
    return replace(tried.with_edit(edits, Recipe(recipe.steps, context.seed)), origin="edit")


_PARENTS = 40
"""Candidates with the highest acquisition that a generation edits."""


@dataclass(frozen=True, eq=False)
class ScoredCandidates:
    """The candidates of one choice: those of an earlier search, single operators, fresh programs, edits.

    Attributes:
        realised: The candidates, with the counts of those left out.
        features: Their feature vectors. Shape (m, d).
        gains: Logarithms of their expected improvements. Shape (m,).
    """

    realised: Realised
    features: Features
    gains: Numbers

    @property
    def names(self) -> frozenset[str]:
        """Hashes of the candidates' subsets."""
        return frozenset(subset.fingerprint for subset in self.realised.subsets)

    def without(self, place: int, reason: str) -> "ScoredCandidates":
        """The others; the one left out counts under a reason."""
        kept, places = self.realised.only(np.arange(len(self.realised)) != place, reason)
        return ScoredCandidates(kept, self.features[places], self.gains[places])

    def concat(self, other: "ScoredCandidates") -> "ScoredCandidates":
        """Both together."""
        return ScoredCandidates(
            self.realised.concat(other.realised),
            np.concatenate([self.features, other.features]),
            np.concatenate([self.gains, other.gains]),
        )


def search_locally(
    context: SearchContext,
    fitted: FittedModel,
    phase: Phase,
    gain: AcquisitionTerm,
    *,
    known: frozenset[str],
    trial: int,
    proposed: Sequence[Draft] = (),
) -> ScoredCandidates:
    """Realise the candidates of a choice, generation by generation.

    Args:
        context: Context of the search.
        fitted: The model of what was measured.
        phase: Anchors of the first generation.
        gain: Acquisition value that the local search maximises.
        known: Hashes of subsets that are no candidates.
        trial: The trial that is chosen for; edits are drawn anew for every trial.
        proposed: Drafts of an adviser, which are compared, too.
    """
    singles = single_recipes(context.templates, context.seed)
    alone = [Draft(recipe, "single") for recipe in singles]
    paired = pairs_of(fitted, context) if context.policy.version > _UNPAIRED else []
    crossed = _intersections(singles, context.policy) if context.policy.tries_usual_filters else []
    tilted = tilted_mixtures(context, fitted, phase.anchors) if context.policy.tilts_mixtures else []
    recalled = context.realise([*_recall(fitted), *proposed, *alone, *crossed, *paired, *tilted], known)
    radius = TrustRadius(context, fitted, context.policy.trust_radius)
    found = _score(radius, gain, recalled, context.describe(recalled), known)
    names = known | found.names | {subset.fingerprint for subset in recalled.subsets}
    places = [place for place, one in enumerate(context.fresh.subsets) if one.fingerprint not in names]
    fresh = Realised(
        tuple(context.fresh.drafts[place] for place in places),
        tuple(context.fresh.subsets[place] for place in places),
    )
    found = found.concat(_score(radius, gain, fresh, context.features[places], known | found.names))
    rng = np.random.default_rng(seed_for("edits", context.seed, trial))
    for generation, count in enumerate(_shares(context.policy.edits, context.policy.generations)):
        if generation == 0:
            drafts = neighbours(context, fitted, phase, count, rng)
        else:
            drafts = _children(context, fitted, found, count, rng)
        names = known | found.names
        edits = context.realise(drafts, names)
        found = found.concat(_score(radius, gain, edits, context.describe(edits), names))
    return found


def _intersections(singles: tuple[Recipe, ...], policy: Policy) -> list[Draft]:
    """Intersections of the plain filters among single operators, tried or not."""
    filters = plain_among(singles, policy.plain_scores)
    return [Draft(recipe, "intersection") for recipe in plain_intersections(filters, policy.max_steps)]


def pairs_of(fitted: FittedModel, context: SearchContext) -> list[Draft]:
    """Pairs of the best tried recipes: intersections, one after the other, and unions, both together."""
    places = [place for place in fitted.ranked if _is_combined(fitted.observed[place].recipe)][:_PAIRED]
    return [
        _combination(fitted.observed[one], f"{edit} trial {fitted.observed[other].trial}", made)
        for one, other in permutations(places, 2)
        for edit, steps in _both(fitted.observed[one].recipe, fitted.observed[other].recipe)
        if len(steps) <= context.policy.max_steps
        for made in [Recipe(steps, context.seed)]
    ]


def _combination(tried: ObservedSubset, edit: str, recipe: Recipe) -> Draft:
    start = Draft(tried.recipe, f"trial {tried.trial}", tried.trial, edit)
    return replace(start.with_edit(edit, recipe), origin="edit")


def _is_combined(recipe: Recipe) -> bool:
    return len(recipe.steps) > 0 and not has_union(recipe)


def _both(one: Recipe, other: Recipe) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    return ("intersect with", (*one.steps, *other.steps)), ("unite with", (*one.steps, Union(other)))


def _recall(fitted: FittedModel) -> list[Draft]:
    """Recipes of an earlier search, to be tried on this pool, and those with a low-fidelity score only."""
    entries = [transfer.entry for transfer in fitted.transferred]
    earlier = [Draft(one.recipe, "earlier", None, f"trial {one.trial} of {one.search}") for one in entries]
    low_fidelity = [cheap.entry for cheap in fitted.low_fidelity]
    return [
        *earlier,
        *(Draft(one.recipe, "promoted", one.trial, f"scored {one.fidelity}") for one in low_fidelity),
    ]


def _score(
    radius: TrustRadius, gain: AcquisitionTerm, realised: Realised, features: Features, known: frozenset[str]
) -> ScoredCandidates:
    """Candidates within the trust radius, with their gains."""
    inside, described = radius.within(realised, features, known)
    return ScoredCandidates(inside, described, gain.log_value(described))


def _children(
    context: SearchContext, fitted: FittedModel, found: ScoredCandidates, count: int, rng: np.random.Generator
) -> list[Draft]:
    parents = np.argsort(-found.gains, kind="stable")[:_PARENTS]
    if not len(parents):
        return []
    bench = Workbench(context.templates, crossover_partners(fitted), context.policy.max_steps)
    return [_child(found.realised.drafts[int(rng.choice(parents))], bench, rng) for _ in range(count)]


def _child(parent: Draft, bench: Workbench, rng: np.random.Generator) -> Draft:
    recipe, edits = edit_twice(parent.recipe, bench, rng)
    edit = f"{parent.edit}, {edits}" if parent.parent is not None else f"{edits} of {parent.recipe.label}"
    made = parent.with_edit(edits, Recipe(recipe.steps, parent.recipe.seed))
    return replace(made, origin="edit", edit=edit)


def _shares(total: int, parts: int) -> list[int]:
    """A total as nearly equal parts; no part is empty."""
    return [share for place in range(parts) if (share := (total + place) // parts)]
