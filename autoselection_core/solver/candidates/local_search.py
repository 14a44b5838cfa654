"""Candidates of one choice: single operators, fresh programs, generations of edits that climb the gain.

A search can afford fifteen trainings and millions of realised recipes. The best programs are rare among
random ones, so every generation edits those that the acquisition likes best so far, whether they were ever
trained or not. The first generation starts from the anchors of the phase.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoselection_core.recipe import Recipe
from autoselection_core.solver.acquisition.protocol import AcquisitionTerm
from autoselection_core.solver.candidates.neighbourhood import edited_twice, mates_of, neighbours
from autoselection_core.solver.candidates.phase import Phase
from autoselection_core.solver.candidates.trust_radius import Radius
from autoselection_core.solver.context import Arena, seed_for
from autoselection_core.solver.evidence.fitted import Belief
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.programs.edits import Workbench
from autoselection_core.solver.programs.fresh import single_recipes
from autoselection_core.solver.programs.realise import Draft, Realised
from autoselection_core.solver.surrogate.gp import Numbers

_PARENTS = 40
"""Candidates with the highest acquisition that a generation edits."""


@dataclass(frozen=True, eq=False)
class Round:
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

    def joined(self, other: "Round") -> "Round":
        """Both together."""
        return Round(
            self.realised.joined(other.realised),
            np.concatenate([self.features, other.features]),
            np.concatenate([self.gains, other.gains]),
        )


def climbed(
    arena: Arena,
    belief: Belief,
    phase: Phase,
    gain: AcquisitionTerm,
    *,
    known: frozenset[str],
    trial: int,
    proposed: Sequence[Draft] = (),
) -> Round:
    """Realise the candidates of a choice, generation by generation.

    Args:
        arena: Where the search takes place.
        belief: What was learned.
        phase: Where the first generation starts from.
        gain: What the generations climb.
        known: Hashes of subsets that are no candidates.
        trial: The trial that is chosen for; edits are drawn anew for every trial.
        proposed: What an adviser wants compared, too.
    """
    alone = [Draft(recipe, "single") for recipe in single_recipes(arena.templates, arena.seed)]
    recalled = arena.realise([*_recalled(belief), *proposed, *alone], known)
    radius = Radius(arena, belief, arena.policy.trust_radius)
    found = _judged(radius, gain, recalled, arena.describe(recalled), known)
    names = known | found.names | {subset.fingerprint for subset in recalled.subsets}
    places = [place for place, one in enumerate(arena.fresh.subsets) if one.fingerprint not in names]
    fresh = Realised(
        tuple(arena.fresh.drafts[place] for place in places),
        tuple(arena.fresh.subsets[place] for place in places),
    )
    found = found.joined(_judged(radius, gain, fresh, arena.features[places], known | found.names))
    rng = np.random.default_rng(seed_for("edits", arena.seed, trial))
    for generation, count in enumerate(_shares(arena.policy.edits, arena.policy.generations)):
        if generation == 0:
            drafts = neighbours(arena, belief, phase, count, rng)
        else:
            drafts = _children(arena, belief, found, count, rng)
        names = known | found.names
        edits = arena.realise(drafts, names)
        found = found.joined(_judged(radius, gain, edits, arena.describe(edits), names))
    return found


def _recalled(belief: Belief) -> list[Draft]:
    """What an earlier search tried, to be tried again on this pool; and what has a cheap score only."""
    entries = [lesson.entry for lesson in belief.lessons]
    earlier = [Draft(one.recipe, "earlier", None, f"trial {one.trial} of {one.search}") for one in entries]
    hints = [hint.entry for hint in belief.hints]
    return [*earlier, *(Draft(one.recipe, "promoted", one.trial, f"scored {one.fidelity}") for one in hints)]


def _judged(
    radius: Radius, gain: AcquisitionTerm, realised: Realised, features: Features, known: frozenset[str]
) -> Round:
    """What is within the trust radius, with its gains."""
    inside, described = radius.within(realised, features, known)
    return Round(inside, described, gain.log_value(described))


def _children(
    arena: Arena, belief: Belief, found: Round, count: int, rng: np.random.Generator
) -> list[Draft]:
    parents = np.argsort(-found.gains, kind="stable")[:_PARENTS]
    if not len(parents):
        return []
    bench = Workbench(arena.templates, mates_of(belief), arena.policy.max_steps)
    return [_child(found.realised.drafts[int(rng.choice(parents))], bench, rng) for _ in range(count)]


def _child(parent: Draft, bench: Workbench, rng: np.random.Generator) -> Draft:
    recipe, edits = edited_twice(parent.recipe, bench, rng)
    edit = f"{parent.edit}, {edits}" if parent.parent is not None else f"{edits} of {parent.recipe.label}"
    return Draft(Recipe(recipe.steps, parent.recipe.seed), "edit", parent.parent, edit)


def _shares(total: int, parts: int) -> list[int]:
    """A total as nearly equal parts; no part is empty."""
    return [share for place in range(parts) if (share := (total + place) // parts)]
