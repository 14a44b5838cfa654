"""Searches played on a table: the first training of a recipe is observed, the second judges.

A player is a surrogate, an acquisition and a way to begin. It chooses among the recipes of the table, and
recommends the observed recipe with the best posterior mean. The gap is that of the mean of the best 2 % (by
the mean of both trainings) to the second training of the recommended recipe.

The surrogate is the product's, but for how hyper-parameters are averaged over: not by slice sampling at each
choice, which takes a second, but over draws of the prior that are weighted by the likelihood of what was
observed (self-normalised importance sampling). All covariances are known before the first search.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from autoselection_core.operators.catalogue import catalogue
from autoselection_core.solver.acquisition.expected_improvement import expected_improvement
from autoselection_core.solver.candidates.warmup import is_plain
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.feature_layout import Features, Layout
from autoselection_core.solver.features.composition import Composition, composition_of
from autoselection_core.solver.features.describer import Describer
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.solver.programs.realise import Draft, realise_drafts
from autoselection_core.solver.surrogate.gp import Fitting
from autoselection_core.solver.surrogate.hyper_parameters import noise_variance
from autoselection_core.solver.surrogate.kernel import covariance
from autoselection_core.solver.surrogate.priors import THIRD_PRIORS
from bench.solver.table.table import TrainingTable

START = 5
"""Recipes that every search begins with: random ones, or plain filters."""

_FRESH, _DRAWS, _BEST_SHARE = 300, 192, 0.02
_FIRST, _THIRD = Fitting(), Fitting(priors=THIRD_PRIORS)
"""Priors of the first versions of the policy, and of the third."""

_NEGLIGIBLE = 1e-3
"""Draws with less weight than this share of the heaviest one are left out."""

_FACTOR = 1.0
"""Deviations that the upper confidence bound adds."""

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Weighted Gaussian processes at every recipe of a table, standardised.

    Attributes:
        weights: Weight of each draw of the hyper-parameters. Shape (s,).
        means: Posterior means under each. Shape (s, n).
        deviations: Posterior standard deviations under each. Shape (s, n).
        noises: Standard deviation of a training under each. Shape (s,).
        best: The best mean of the recipes observed under each. Shape (s, 1).
    """

    weights: Numbers
    means: Numbers
    deviations: Numbers
    noises: Numbers
    best: Numbers

    @property
    def mean(self) -> Numbers:
        """Mean of the mixture. Shape (n,)."""
        return np.asarray(self.weights @ self.means)

    @property
    def deviation(self) -> Numbers:
        """Standard deviation of the mixture. Shape (n,)."""
        second = self.weights @ (self.means**2 + self.deviations**2)
        return np.asarray(np.sqrt(np.maximum(second - self.mean**2, 1e-12)))

    def predicts(self, places: Sequence[int], trainings: Numbers) -> tuple[Numbers, Numbers]:
        """Distribution function and density of the mixture at another training of some recipes.

        Args:
            places: Recipes, k of them.
            trainings: Standardised utilities. Shape (k,).

        Returns:
            Two arrays of shape (k,).
        """
        spread = np.sqrt(self.deviations[:, places] ** 2 + self.noises[:, None] ** 2)
        reach = (trainings - self.means[:, places]) / spread
        density = np.exp(-0.5 * reach**2) / ((2 * np.pi) ** 0.5 * spread)
        return self.weights @ ndtr(reach), self.weights @ density


def _expected_improvement(posterior: Posterior) -> Numbers:
    """Expected improvement on the best posterior mean of what was observed."""
    import torch

    reach = torch.from_numpy((posterior.means - posterior.best) / posterior.deviations)
    return np.asarray(posterior.weights @ (posterior.deviations * expected_improvement(reach).numpy()))


def _upper_bound(posterior: Posterior) -> Numbers:
    return posterior.mean + _FACTOR * posterior.deviation


ACQUISITIONS: Mapping[str, Callable[[Posterior], Numbers]] = {
    "ei": _expected_improvement,
    "ucb": _upper_bound,
    "mean": lambda posterior: posterior.mean,
    "uncertainty": lambda posterior: posterior.deviation,
}
"""Expected improvement, upper confidence bound of one deviation, posterior mean, posterior deviation."""


@dataclass(frozen=True, eq=False)
class Player:
    """A surrogate, an acquisition and a way to begin.

    Attributes:
        covariances: Covariances of the table's recipes under each draw of the hyper-parameters. Shape
            (s, n, n).
        noises: Noise variance under each. Shape (s,).
        acquisition: A name of `ACQUISITIONS`.
        first: Recipes that a search begins with, in an order for each seed; empty for random ones.
    """

    covariances: npt.NDArray[np.float32]
    noises: Numbers
    acquisition: str = "ei"
    first: tuple[int, ...] = ()

    def posterior(self, seen: Sequence[int], utilities: Numbers) -> Posterior:
        """The surrogate after some observations."""
        scale = max(float(np.std(utilities, ddof=1)), 1e-12)
        targets = (utilities - utilities.mean()) / scale
        rows = self.covariances[:, seen, :].astype(np.float64)
        inner = rows[:, :, seen] + self.noises[:, None, None] * np.eye(len(seen))
        root = np.linalg.cholesky(inner)
        white = np.linalg.solve(root, np.broadcast_to(targets[:, None], (len(root), len(seen), 1)))[..., 0]
        log_det = np.log(np.diagonal(root, axis1=1, axis2=2)).sum(axis=1)
        likelihood = -0.5 * (white**2).sum(axis=1) - log_det
        weights = np.exp(likelihood - likelihood.max())
        kept = weights > _NEGLIGIBLE
        shown = np.linalg.solve(root[kept], rows[kept])
        means = np.einsum("st,stn->sn", white[kept], shown)
        variances = np.diagonal(self.covariances[kept], axis1=1, axis2=2) - (shown**2).sum(axis=1)
        best = means[:, seen].max(axis=1, keepdims=True)
        share = weights[kept] / weights[kept].sum()
        deviations = np.sqrt(np.maximum(variances, 1e-9))
        return Posterior(share, means, deviations, self.noises[kept] ** 0.5, best)

    def begin(self, kept: Places, seed: int) -> list[int]:
        """The recipes that a search begins with."""
        rng = np.random.default_rng((seed, 21))
        places = np.intersect1d(kept, self.first) if self.first else kept
        return [int(place) for place in rng.permutation(places)[:START]]


@dataclass(frozen=True)
class Played:
    """A finished search.

    Attributes:
        recommended: The recommended recipe.
        held: Whether the second training of each recipe that was chosen by the surrogate fell into the
            central 50 and 90 % of what was predicted for it.
    """

    recommended: int
    held: tuple[tuple[bool, ...], ...] = ()


def players(table: TrainingTable, names: Sequence[str]) -> dict[str, Player]:
    """Players by name: SURROGATE[/ACQUISITION][/plain].

    Surrogates are `default`, `composition`, `shares` (composition without the distributions of signals),
    `groups:NAME+NAME` (those composition groups alone; a name may be a beginning), and the parts `state`,
    `distance` and `program`; `third-` before a name takes the priors of the third version of the policy, so
    `third-shares` is the surrogate of versions 4 and 5. `/plain` begins with plain filters.
    """
    templates = catalogue(table.signals)
    drafts = [Draft(recipe, "fresh") for recipe in latin_recipes(templates, _FRESH, 6, 0)]
    fresh, encoder = realise_drafts(drafts, table.signals, 5), ProgramEncoder(templates)
    describer = Describer.of(table.signals, encoder, fresh, composition_of(table.signals))
    recipes = [subset.recipe for subset in table.subsets]
    features, layout = describer.features(recipes, table.subsets), describer.layout
    plain = tuple(place for place, recipe in enumerate(recipes) if is_plain(recipe))
    made: dict[str, Player] = {}
    known: dict[str, tuple[npt.NDArray[np.float32], Numbers]] = {}
    for name in names:
        surrogate, *options = name.split("/") if ":" not in name else _of_groups(name)
        if surrogate not in known:
            part, fitting = surrogate.removeprefix(_OF_THIRD), _THIRD if _OF_THIRD in surrogate else _FIRST
            known[surrogate] = _covariances(*_part(part, features, layout, describer.composition), fitting)
        acquisition = next((option for option in options if option in ACQUISITIONS), "ei")
        made[name] = Player(*known[surrogate], acquisition, plain if "plain" in options else ())
    return made


_OF_THIRD = "third-"


def _of_groups(name: str) -> list[str]:
    """Surrogate and options of a name whose groups may have slashes of their own."""
    parts = name.split("/")
    options = [part for part in parts if part in ACQUISITIONS or part == "plain"]
    return ["/".join(part for part in parts if part not in options), *options]


def _part(
    name: str, features: Features, layout: Layout, whole: Composition | None
) -> tuple[Features, Layout]:
    """Columns that a surrogate looks at."""
    assert whole is not None, "the describer was made with a composition"
    state, marginal, program = layout.state_columns, layout.marginal_columns, layout.program_columns
    ends: Mapping[str, tuple[list[slice], Layout]] = {
        "composition": ([slice(0, features.shape[1])], layout),
        "shares": _with_shares(layout, whole),
        "default": ([slice(0, program.stop)], replace(layout, groups=())),
        "state": ([state], Layout(layout.axes, 0, 0)),
        "distance": ([marginal], Layout(0, layout.marginals, 0)),
        "program": ([program], Layout(0, 0, layout.program)),
    }
    if name in ends:
        places, left = ends[name]
    else:
        wanted = name.partition(":")[2].split("+")
        numbers = [at for at, group in enumerate(whole.names) if group.startswith(tuple(wanted))]
        places = [layout.group_columns[at] for at in numbers]
        left = Layout(0, 0, 0, groups=tuple(layout.groups[at] for at in numbers))
    return np.concatenate([features[:, place] for place in places], axis=1), left


def _with_shares(layout: Layout, whole: Composition) -> tuple[list[slice], Layout]:
    """All columns but the distributions of signals, which are the groups of histograms."""
    kept = [at for at, is_histogram in enumerate(whole.cumulative) if not is_histogram]
    places = [slice(0, layout.program_columns.stop), *(layout.group_columns[at] for at in kept)]
    return places, replace(layout, groups=tuple(layout.groups[at] for at in kept))


def _covariances(
    features: Features, layout: Layout, fitting: Fitting
) -> tuple[npt.NDArray[np.float32], Numbers]:
    """Covariances and noise variances of the recipes under draws of the prior."""
    import torch

    prior = fitting.prior(layout)
    normal = np.random.default_rng(7).normal(size=(_DRAWS, len(prior.mean)))
    log_hyper = torch.from_numpy(prior.mean + prior.spread * normal)
    points = torch.from_numpy(np.ascontiguousarray(features))
    with one_thread():
        found = [covariance(one[None], points, points, layout)[0].float().numpy() for one in log_hyper]
    return np.stack(found), np.asarray(noise_variance(log_hyper).numpy())


def gaps(
    table: TrainingTable, player: Player | str, *, seeds: int, budget: int, left_out: int = 0
) -> tuple[Numbers, dict[str, float]]:
    """Gap to the best 2 % after each search, and the coverage of the predictions.

    Args:
        table: Table that is searched.
        player: Player that searches, or `random` or `single` for random recipes of any or of one step, the
            best observation of which is recommended.
        seeds: Number of searches.
        budget: Evaluations of a search.
        left_out: Best recipes that are taken out of the table first.

    Returns:
        Gaps, of shape (seeds,), and the share of second trainings within the central 50 and 90 %.
    """
    kept = np.argsort(-table.dev.mean(axis=1), kind="stable")[left_out:]
    best = table.dev[kept[: max(1, round(_BEST_SHARE * len(kept)))]].mean()
    with one_thread():
        done = [_search(table, player, np.sort(kept), seed, budget) for seed in range(seeds)]
    held = np.array([one for search in done for one in search.held]).reshape(-1, 2)
    covered = dict(zip(("50", "90"), held.mean(axis=0).tolist(), strict=True)) if len(held) else {}
    return best - table.dev[[one.recommended for one in done], 1], covered


def _search(table: TrainingTable, player: Player | str, kept: Places, seed: int, budget: int) -> Played:
    first = table.dev[:, 0]
    if not isinstance(player, Player):
        alike = kept if player == "random" else [at for at in kept if len(table.subsets[at].recipe) == 1]
        seen = np.random.default_rng((seed, 21)).permutation(alike)[:budget]
        return Played(int(seen[np.argmax(first[seen])]))
    chosen, held = player.begin(kept, seed), list[tuple[bool, ...]]()
    while len(chosen) < budget:
        posterior = player.posterior(chosen, first[chosen])
        left = np.setdiff1d(kept, chosen)
        place = int(left[np.argmax(ACQUISITIONS[player.acquisition](posterior)[left])])
        standard = (table.dev[[place], 1] - first[chosen].mean()) / max(first[chosen].std(ddof=1), 1e-12)
        held.append(tuple(bool(one[0]) for one in held_by(posterior.predicts([place], standard)[0])))
        chosen.append(place)
    means = player.posterior(chosen, first[chosen]).mean[chosen]
    return Played(chosen[int(np.argmax(means))], tuple(held))


_TAILS = (0.25, 0.05)
"""Probability on either side of the central 50 and 90 %."""


def held_by(reached: Numbers) -> tuple[npt.NDArray[np.bool_], ...]:
    """Whether values of a distribution function are in its central 50, and 90 %. Each of shape (k,)."""
    return tuple((reached > tail) & (reached < 1 - tail) for tail in _TAILS)
