"""Searches played on a table: the first training of a recipe is observed, the second judges.

Every search starts from the same random recipes for all players; then each player chooses among the recipes
of the table by expected improvement, and recommends the best posterior mean. The gap is that of the mean of
the best 2 % (by the mean of both trainings) to the second training of the recommended recipe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from autoselection_core.operators.catalogue import catalogue
from autoselection_core.solver.acquisition.log_nei import Improvement
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.features.composition import Composition, composition_of
from autoselection_core.solver.features.describer import Describer
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.solver.programs.realise import Draft, realise
from autoselection_core.solver.surrogate.gp import Fitting, Surrogate, fit
from bench.solver.table.table import Table

START = 5
"""Random recipes that every search begins with."""

_FRESH, _DRAWS, _BEST_SHARE = 300, 8, 0.02

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Player:
    """A surrogate that chooses by expected improvement.

    Attributes:
        features: Feature vectors of the table's recipes. Shape (n, d).
        layout: Their columns.
    """

    features: Features
    layout: Layout

    def fitted(self, seen: Sequence[int], utilities: Numbers, seed: int) -> Surrogate:
        """The surrogate after some observations."""
        return fit(self.features[list(seen)], utilities, self.layout, Fitting(_DRAWS, seed=seed))

    def choose(self, seen: Sequence[int], utilities: Numbers, left: Numbers, seed: int) -> int:
        """The next recipe among those left."""
        gain = Improvement.over(self.fitted(seen, utilities, seed), self.features[list(seen)], seed)
        return int(left[np.argmax(gain.log_value(self.features[left]))])

    def recommend(self, seen: Sequence[int], utilities: Numbers, seed: int) -> int:
        """The observed recipe with the highest posterior mean."""
        means, _ = self.fitted(seen, utilities, seed).posterior(self.features[list(seen)])
        return int(seen[int(np.argmax(means))])


def players(table: Table, names: Sequence[str]) -> dict[str, Player]:
    """Players by name: `default`, `composition`, or `groups:NAME+NAME` with those groups alone."""
    templates = catalogue(table.signals)
    drafts = [Draft(recipe, "fresh") for recipe in latin_recipes(templates, _FRESH, 6, 0)]
    fresh, encoder = realise(drafts, table.signals, 5), ProgramEncoder(templates)
    whole = composition_of(table.signals)
    recipes = [subset.recipe for subset in table.subsets]
    made = {}
    for name in names:
        groups = {"default": None, "composition": whole}.get(name, _only(whole, name))
        describer = Describer.of(table.signals, encoder, fresh, groups)
        features = describer.features(recipes, table.subsets)
        made[name] = _alone(features, describer.layout) if ":" in name else Player(features, describer.layout)
    return made


def _only(whole: Composition, name: str) -> Composition:
    wanted = name.partition(":")[2].split("+")
    kept = [
        number for number, group in enumerate(whole.names) if any(group.startswith(one) for one in wanted)
    ]
    stops = np.cumsum([0, *(whole.sizes[number] for number in kept)]).tolist()
    return Composition(
        tuple(whole.names[number] for number in kept),
        np.concatenate(
            [whole.basis[:, :0], *(whole.basis[:, whole.places[number]] for number in kept)], axis=1
        ),
        tuple(slice(start, stop) for start, stop in pairwise(stops)),
        tuple(whole.cumulative[number] for number in kept),
    )


def _alone(features: Features, layout: Layout) -> Player:
    """Composition groups without state axes, subset distance and program."""
    start = layout.program_columns.stop
    return Player(features[:, start:], replace(layout, axes=0, marginals=0, program=0))


def gaps(table: Table, player: Player | None, *, seeds: int, budget: int, left_out: int = 0) -> Numbers:
    """Gap to the best 2 % after each search; without a player recipes are random. Shape (seeds,).

    Args:
        table: Table that is searched.
        player: Player that searches.
        seeds: Number of searches.
        budget: Evaluations of a search.
        left_out: Best recipes that are taken out of the table first.
    """
    kept = np.argsort(-table.dev.mean(axis=1), kind="stable")[left_out:]
    best = table.dev[kept[: max(1, round(_BEST_SHARE * len(kept)))]].mean()
    with one_thread():
        return np.array([best - _search(table, player, np.sort(kept), seed, budget) for seed in range(seeds)])


def _search(table: Table, player: Player | None, kept: Numbers, seed: int, budget: int) -> float:
    order = np.random.default_rng((seed, 21)).permutation(kept)
    if player is None:
        seen = order[:budget]
        return float(table.dev[seen[np.argmax(table.dev[seen, 0])], 1])
    chosen = [int(place) for place in order[:START]]
    while len(chosen) < budget:
        left = np.setdiff1d(kept, chosen)
        chosen.append(player.choose(chosen, table.dev[chosen, 0], left, 100 * seed + len(chosen)))
    return float(table.dev[player.recommend(chosen, table.dev[chosen, 0], 100 * seed + budget), 1])


def rank_correlations(table: Table) -> dict[str, float]:
    """Spearman correlation of each kind of observation with the dev utility of a second full training."""
    from scipy.stats import spearmanr

    full = table.dev[:, 1]
    pairs: Mapping[str, Numbers] = {
        "two full trainings": table.dev[:, 0],
        "a quarter of the tokens": table.short,
        "a third of the items": table.part,
        "test of the same training": table.test[:, 1],
        "rows": np.log([len(subset) for subset in table.subsets]),
    }
    found = {}
    for name, values in pairs.items():
        known = np.isfinite(values)
        if known.sum() > 2:
            found[name] = round(float(spearmanr(values[known], full[known]).statistic), 3)
    return found
