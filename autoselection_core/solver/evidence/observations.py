"""Observations of a history by subset: replicates together, pending ones beside measured ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoselection_core.history.values import CheapTrial, EarlierObservation, History, Observation, Pending
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.programs.row_sample import RowSample
from autoselection_core.solver.surrogate.gp import Numbers
from autoselection_core.subset import Subset, realise, realise_many
from autoselection_core.subset.value import fingerprint_of_ids


@dataclass(frozen=True, eq=False)
class ObservedSubset:
    """Subset that a search has evaluated, or is evaluating.

    Attributes:
        trial: The first trial that chose it.
        subset: Its rows, realised again from the recorded recipe.
        name: Its hash in the history.
        utilities: Measured utilities, one for each finished evaluation.
        evaluations: Finished and pending evaluations.
        scores: Scores of each finished evaluation by benchmark.
    """

    trial: int
    subset: Subset
    name: str
    utilities: tuple[float, ...]
    evaluations: int
    scores: tuple[Mapping[str, float], ...] = ()

    @property
    def recipe(self) -> Recipe:
        """The program of the first trial."""
        return self.subset.recipe


@dataclass(frozen=True, eq=False)
class TransferredObservation:
    """Subset of this pool in the place of one that an earlier search measured.

    Attributes:
        entry: The measurement, and how much of that subset is left.
        subset: Rows that the recipe realises today.
    """

    entry: EarlierObservation
    subset: Subset


def transferred_observations(history: History, signals: SignalTable) -> tuple[TransferredObservation, ...]:
    """Observations of an earlier search, realised again where this pool can realise their recipes."""
    return tuple(
        TransferredObservation(entry, subset)
        for entry in history.earlier
        if (subset := _realise(entry.recipe, signals)) is not None
    )


@dataclass(frozen=True, eq=False)
class LowFidelityObservation:
    """A subset that was scored at a lower fidelity.

    Attributes:
        entry: The measurement; its utility is known.
        subset: Its rows.
        utility: The score.
    """

    entry: CheapTrial
    subset: Subset
    utility: float


def low_fidelity_observations(history: History, signals: SignalTable) -> tuple[LowFidelityObservation, ...]:
    """Observations at lower fidelities."""
    return tuple(
        LowFidelityObservation(entry, realise_once(entry.recipe, signals), entry.utility)
        for entry in history.cheap
        if entry.utility is not None
    )


def realise_once(recipe: Recipe, signals: SignalTable) -> Subset:
    """The rows of a recipe that was realised before, remembered with the table.

    A recipe that leaves nothing of a sample of the pool has the rows that stand in for it.
    """
    return signals.cached((__name__, recipe), lambda: _realise_on(recipe, signals))


def _realise_on(recipe: Recipe, signals: SignalTable) -> Subset:
    (found,) = realise_many([recipe], signals)
    if isinstance(found, Subset):
        return found
    if not isinstance(signals, RowSample):
        raise found
    exact = realise(recipe, signals.pool)
    rows = signals.matching_rows(exact.rows)
    return replace(exact, rows=rows, fingerprint=fingerprint_of_ids(signals.ids[rows]))


def _realise(recipe: Recipe, signals: SignalTable) -> Subset | None:
    (subset,) = signals.cached((__name__, "earlier", recipe), lambda: realise_many([recipe], signals))
    return subset if isinstance(subset, Subset) else None


def observed_subsets(history: History, signals: SignalTable) -> tuple[ObservedSubset, ...]:
    """Every tried subset, by its first trial."""
    entries = sorted(entries_of(history), key=lambda entry: entry.trial)
    groups: dict[str, list[Observation | Pending]] = {}
    for entry in entries:
        groups.setdefault(entry.subset, []).append(entry)
    return tuple(_observe(name, group, signals) for name, group in groups.items())


def entries_of(history: History) -> tuple[Observation | Pending, ...]:
    """Trials that have a subset: measured ones, then pending ones."""
    return (*history.observations, *history.pending)


def failed_recipes(history: History) -> tuple[Recipe, ...]:
    """Recipes whose evaluation ended without a score."""
    return tuple(failure.recipe for failure in history.failures if failure.recipe is not None)


def utilities_of(observed: Sequence[ObservedSubset]) -> tuple[list[int], Numbers]:
    """Each measurement as its own row: the place of its subset among those tried, and the utility."""
    places = [place for place, one in enumerate(observed) for _ in one.utilities]
    return places, np.array([utility for one in observed for utility in one.utilities])


def _observe(name: str, group: Sequence[Observation | Pending], signals: SignalTable) -> ObservedSubset:
    recipe = group[0].recipe
    subset = realise_once(recipe, signals)
    measured = [entry for entry in group if isinstance(entry, Observation)]
    utilities = tuple(entry.utility for entry in measured)
    return ObservedSubset(
        group[0].trial, subset, name, utilities, len(group), tuple(entry.scores for entry in measured)
    )


def compress_tail(utilities: Numbers, spreads: float, min_spread: float = 0.0) -> Numbers:
    """Utilities whose lower tail is compressed; those above the threshold stay as they are.

    A search is after the highest utilities. A subset of a few rows may be worse than all others by ten times
    what tells good ones apart; learned as it is, it stretches the scale, the noise that is expected and every
    length scale, and good measurements are trusted less. Below a threshold the logarithm keeps the order and
    most of the news: far below is bad.

    Args:
        utilities: Observed utilities. Shape (n,), n > 0.
        spreads: Distance of the threshold below the median, in root mean squares of the better half about it.
        min_spread: Smallest such spread, in units of utility: the noise, where it is known.

    Example:
        >>> compress_tail(np.array([2.0, 1.0, 0.0, -1.0, -100.0]), 1.0).round(1)
        array([ 2. ,  1. ,  0. , -1. , -6.9])
    """
    middle = float(np.median(utilities))
    better = utilities[utilities >= middle] - middle
    spread = max(float(np.sqrt(np.mean(better**2))), min_spread)
    if spread == 0:
        return utilities
    start = middle - spreads * spread
    beyond = np.maximum(start - utilities, 0.0) / spread
    return np.where(beyond > 0, start - spread * np.log1p(beyond), utilities)
