"""Answers of a solver, with everything needed to explain them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from autoselection_core.identity import Json
from autoselection_core.recipe import Recipe
from autoselection_core.solver.advice.exchange import Exchange
from autoselection_core.subset import Subset

ORIGINS = {
    "full_pool": "the whole pool, which subsets have to beat",
    "plain": "one filter as a person would try it first",
    "warmup_low": "a probe that keeps few rows",
    "warmup_middle": "a probe that keeps about half of the rows",
    "warmup_high": "a probe that keeps most rows",
    "single": "a recipe of one step",
    "intersection": "two plain filters, one after the other",
    "fresh": "a recipe that was drawn anew",
    "edit": "a change of an earlier trial's recipe",
    "reseed": "a new starting point, drawn from the steps that did well",
    "earlier": "a recipe of an earlier search",
    "replicate": "another run of a measured recipe",
    "random": "a recipe that was drawn at random",
    "proposed": "a proposal of the language model",
    "pair": "a measured recipe that is scored cheaply, too",
    "promoted": "a recipe with a cheap score",
    "given": "a recipe that a person stated, or the winner of an earlier search",
}
"""Origins of a candidate, for people."""

LEVELS = (0.05, 0.25, 0.75, 0.95)
"""Levels of the quantiles of a proposal's interval."""


@dataclass(frozen=True)
class RunnerUp:
    """The candidate that would have been chosen next.

    Attributes:
        recipe: Its steps, for people.
        mean: Posterior mean.
        deviation: Posterior standard deviation.
        acquisition: As in `Proposal`.
    """

    recipe: str
    mean: float
    deviation: float
    acquisition: float


@dataclass(frozen=True)
class FidelityAssessment:
    """Expected gain and trust of a fidelity when a trial was chosen.

    Attributes:
        fidelity: `full`, or the name of a cheaper one.
        cost: Price of one evaluation, in full trainings.
        scores: Cheap scores that its best plan buys before the next full training.
        gain: Expected gain of that plan per full training, in units of utility; None where nothing was
            weighed.
        trust: Learned correlation of its utilities with the full ones.
        pairs: Recipes that were measured at both.
        rank_correlation: Spearman's, over these pairs; None below three, or where nothing differs.
    """

    fidelity: str
    cost: float
    scores: int = 0
    gain: float | None = None
    trust: float | None = None
    pairs: int = 0
    rank_correlation: float | None = None

    def to_json(self) -> dict[str, Json]:
        """The known fields, as JSON values."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Proposal:
    """Reasons for the choice of a candidate.

    Attributes:
        origin: `full_pool`, `plain`, `warmup_low`, `warmup_middle`, `warmup_high`, `single`, `intersection`,
            `fresh`, `edit`, `reseed`, `earlier`, `replicate`, `random`, or `proposed` by a language model;
            `pair` for a measured recipe that is scored cheaply, too; `promoted` for one with a cheap score;
            `given` for one that was stated.
        parent: The trial that an edit or a replicate started from.
        edit: Name of the edit, and what it was applied to.
        mean: Expected utility before the evaluation (posterior mean); None before there is a surrogate.
        deviation: Uncertainty of the expected utility (posterior standard deviation of the noise-free one).
        interval: Quantiles of the utility at 5, 25, 75 and 95 %, as expected before the evaluation.
        acquisition: Expected gain over the best tried candidate, in units of utility; the upper confidence
            bound in the published policy.
        rank: Place in the order by acquisition, from 1; later ones are chosen by a language model.
        runner_up: Candidate in the second place.
        noise: Run-to-run standard deviation that the surrogate assumed.
        earlier: Observations of an earlier search that the surrogate learned from, too.
        trust: Learned correlation of that search's utilities with those of this one.
        candidates_considered: Distinct realised subsets that were compared.
        screened: Numbers of drawn candidates that were left out, by reason.
        anchors: Trials that edits started from.
        stagnation: Evaluations since the posterior best was first tried, or since the last new anchor.
        distance: Subset distance to the nearest tried candidate, in median distances of fresh programs.
        advice: Questions to a language model for this choice, its answers, and why some were not used.
        chain: Each edit that made the recipe, with the program that it left, from the first program on.
        nearest: The measured trial whose subset is nearest: what an edit of a program that was never tried is
            compared with.
        fidelity: Name of the lower fidelity that the trial is evaluated at; empty for the full one.
        weighed: Expected gain of each fidelity; empty where there is one only.
        sampling_error: Largest standard error of a share that the subset is described by, where candidates
            were compared on a sample of the rows; None where they were compared on all.
    """

    origin: str
    parent: int | None = None
    edit: str = ""
    mean: float | None = None
    deviation: float | None = None
    interval: tuple[float, ...] = ()
    acquisition: float | None = None
    rank: int | None = None
    runner_up: RunnerUp | None = None
    noise: float | None = None
    earlier: int = 0
    trust: float | None = None
    candidates_considered: int = 0
    screened: Mapping[str, int] = field(default_factory=dict, hash=False)
    anchors: tuple[int, ...] = ()
    stagnation: int = 0
    distance: float | None = None
    advice: tuple[Exchange, ...] = ()
    chain: tuple[tuple[str, str], ...] = ()
    nearest: int | None = None
    fidelity: str = ""
    weighed: tuple[FidelityAssessment, ...] = ()
    sampling_error: float | None = None

    @property
    def anchor(self) -> int | None:
        """The measured trial that the recipe was edited from; else the nearest one, if it is known."""
        return self.nearest if self.parent is None else self.parent

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote; a trial without a recorded proposal has an empty origin."""
        runner_up = value.get("runner_up")
        read = {
            "origin": value.get("origin") or "",
            "runner_up": None if runner_up is None else RunnerUp(**runner_up),
            "anchors": tuple(value.get("anchors", ())),
            "interval": tuple(value.get("interval", ())),
            "chain": tuple((edit, program) for edit, program in value.get("chain", ())),
            "advice": tuple(Exchange(**each) for each in value.get("advice", ())),
            "weighed": tuple(FidelityAssessment(**each) for each in value.get("weighed", ())),
        }
        return cls(**{**value, **read})

    def to_json(self) -> dict[str, Json]:
        """The proposal as JSON values; what came later is left out where it is empty."""
        values = {**asdict(self), "screened": dict(self.screened), "anchors": list(self.anchors)}
        values["interval"] = list(self.interval)
        later: dict[str, Json] = {
            "advice": [one.to_json() for one in self.advice],
            "chain": [[edit, program] for edit, program in self.chain],
            "nearest": self.nearest,
            "fidelity": self.fidelity,
            "weighed": [one.to_json() for one in self.weighed],
            "sampling_error": self.sampling_error,
        }
        kept = {name: value for name, value in values.items() if name not in later}
        return kept | {name: value for name, value in later.items() if value}

    def to_display(self) -> dict[str, Json]:
        """Reasons for people, by name: nothing empty, and no text of its advice."""
        values = {name: value for name, value in self.to_json().items() if value not in (None, "", [], {})}
        if self.advice:
            values["advice"] = [
                {"role": one.role, "question": one.question, "used": not one.problem, "problem": one.problem}
                for one in self.advice
            ]
        return dict(sorted(values.items()))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe that the solver asks to be evaluated.

    Attributes:
        recipe: The program.
        subset: The rows that it leaves of the pool.
        proposal: Reasons for the choice.
    """

    recipe: Recipe
    subset: Subset
    proposal: Proposal


@dataclass(frozen=True)
class Prediction:
    """Surrogate's prediction for a subset, tried or not.

    Attributes:
        mean: Posterior mean of its noise-free utility.
        deviation: Posterior standard deviation.
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class Recommendation:
    """The tried recipe with the best posterior mean.

    Attributes:
        trial: The first trial that evaluated it.
        recipe: The program.
        subset: Hash of its sorted sample ids.
        mean: Posterior mean of its noise-free utility.
        deviation: Posterior standard deviation.
        noise: Run-to-run standard deviation of one evaluation, as the surrogate sees it.
        evaluations: How many evaluations of this subset there are.
        best_observed: The trial with the highest single utility, which may be a lucky one.
        plain_filter: The plain filter with the best posterior mean of those that were measured and are not
            the recommended recipe: what a person would have used instead. None in version 1 of the
            default policy, and where there is none.
        proper_subset: The recipe with the best posterior mean of those that leave something out, where the
            recommended one keeps the whole pool. None else, and where only the whole pool was measured.
    """

    trial: int
    recipe: Recipe
    subset: str
    mean: float
    deviation: float
    noise: float
    evaluations: int
    best_observed: int
    plain_filter: Recipe | None = None
    proper_subset: Recipe | None = None

    def to_json(self) -> dict[str, Json]:
        """The recommendation as JSON values, without the other recipes where there are none."""
        values = {**asdict(self), "recipe": self.recipe.settings}
        for name, other in (("plain_filter", self.plain_filter), ("proper_subset", self.proper_subset)):
            del values[name]
            values |= {} if other is None else {name: other.settings}
        return values
