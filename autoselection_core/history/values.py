"""Values of a history: the solver reads them, the ledger writes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe

FULL = "full"
"""Reserved name of the full fidelity, whose scores decide; no cheaper one may have it."""


@dataclass(frozen=True)
class Observation:
    """A trial that was paid for (or found paid for) and measured.

    Attributes:
        trial: Number of the trial in its search, from 1.
        recipe: The program that chose the rows.
        subset: Hash of the subset's sorted sample ids.
        replicate: Repetition of this subset within the search, from 0; also the training seed.
        utility: Objective that the search maximises, in the unit of its metric. Higher is better.
        scores: Mean dev score of each benchmark.
        standard_error: Of the utility over dev items; None where the evaluator cannot say.
        cost: Full trainings that the search paid: 1 at full fidelity, 0 for a reused evaluation.
        tokens: Size of the subset, in tokens of the base model.
        proposal: Why the solver chose it, as the solver recorded it.
    """

    trial: int
    recipe: Recipe
    subset: str
    replicate: int
    utility: float
    scores: Mapping[str, float]
    standard_error: float | None
    cost: float
    tokens: int
    proposal: Mapping[str, Json] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Pending:
    """A trial that has a recipe and no result yet."""

    trial: int
    recipe: Recipe
    subset: str
    replicate: int
    proposal: Mapping[str, Json] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class FailedTrial:
    """A trial that ended without a score. The recipe is None if it failed before it had one."""

    trial: int
    recipe: Recipe | None
    reason: str
    proposal: Mapping[str, Json] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class EarlierObservation:
    """Observation of an earlier search, carried over to the pool of this one.

    Attributes:
        search: Name of the earlier search.
        trial: Number of the trial there.
        recipe: The program, which this pool realises too.
        utility: Utility measured then, in that search's unit.
        similarity: Jaccard similarity of the samples chosen then and those that the recipe chooses now.
        objective: Fingerprint of evaluator and weights, where several searches are carried over; empty for
            those of the present search, whose level is its own. None for a search that is carried over alone.
    """

    search: str
    trial: int
    recipe: Recipe
    utility: float
    similarity: float
    objective: str | None = None


@dataclass(frozen=True)
class CheapTrial:
    """A trial at a cheaper fidelity: evidence about a utility, and no measurement of it.

    Attributes:
        trial: Number of the trial in its search, from 1.
        fidelity: Fidelity of its evaluation, by the campaign's name.
        recipe: The program that chose the rows.
        subset: Hash of the subset's sorted sample ids.
        utility: Measured utility, in a unit of its own; None while it is being evaluated.
        cost: Full trainings that the search paid, or will pay.
        proposal: Why the solver chose it, as the solver recorded it.
    """

    trial: int
    fidelity: str
    recipe: Recipe
    subset: str
    utility: float | None
    cost: float
    proposal: Mapping[str, Json] = field(default_factory=dict, hash=False)


def round_cost(spent: float) -> float:
    """A sum of shares of trainings without rounding errors: ten tenths are one."""
    return round(spent, 9)


@dataclass(frozen=True)
class History:
    """History of one search at one moment; each tuple is ordered by trial number.

    Attributes:
        search: Name of the search.
        seed: Seed of the search.
        budget: Full trainings that the search may pay for.
        observations: Measured trials, at full fidelity.
        pending: Proposed trials that are still being evaluated, at full fidelity.
        failures: Trials that ended without a score.
        earlier: Observations of earlier searches on other pools or base models; they cost this one nothing.
        cheap: Trials at cheaper fidelities, measured or not.
    """

    search: str
    seed: int
    budget: int
    observations: tuple[Observation, ...] = ()
    pending: tuple[Pending, ...] = ()
    failures: tuple[FailedTrial, ...] = ()
    earlier: tuple[EarlierObservation, ...] = ()
    cheap: tuple[CheapTrial, ...] = ()

    @property
    def spent(self) -> float:
        """Full trainings paid so far, pending ones left out."""
        full = sum(observation.cost for observation in self.observations)
        return round_cost(full + sum(one.cost for one in self.cheap if one.utility is not None))

    @property
    def next_trial(self) -> int:
        """Number of the first trial that this history does not know."""
        known = [entry.trial for entry in self.observations]
        known += [entry.trial for entry in self.pending]
        known += [entry.trial for entry in self.failures]
        known += [entry.trial for entry in self.cheap]
        return 1 + max(known, default=0)

    def replicate_of(self, subset: str) -> int:
        """The replicate number that another evaluation of a subset would carry."""
        known = [entry.replicate for entry in self.observations if entry.subset == subset]
        known += [entry.replicate for entry in self.pending if entry.subset == subset]
        return 1 + max(known, default=-1)
