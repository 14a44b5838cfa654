"""The solver: from a history to the next candidates, as a pure function."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from autoselection_core.errors.search import NoTemplatesError, NothingToRecommendError
from autoselection_core.history.search_settings import DEFAULT, PUBLISHED, RANDOM
from autoselection_core.history.values import CheapTrial, EarlierObservation, History, Pending
from autoselection_core.operators.catalogue import Template
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.advice.consultation import Adviser, Consultation
from autoselection_core.solver.candidates.warmup import is_plain
from autoselection_core.solver.context import SearchContext, context_for
from autoselection_core.solver.determinism import one_thread
from autoselection_core.solver.evidence.fitted import FittedModel, fit_model
from autoselection_core.solver.evidence.observations import (
    low_fidelity_observations,
    observed_subsets,
    transferred_observations,
)
from autoselection_core.solver.policies import default, published, random_search
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.proposal import Candidate, Prediction, Recommendation
from autoselection_core.subset import Subset


class _Choose(Protocol):
    def __call__(self, solver: "Solver", history: History, consultation: Consultation, /) -> Candidate: ...


@dataclass(frozen=True, eq=False)
class Solver:
    """Solver of a sequential search: it chooses the subsets to train on next.

    `ask` depends on nothing but the pool's signals, the templates, the policy and the history (its seed
    included): the same question has the same answer in every process, with any number of threads. With an
    adviser it depends on the adviser's answers, too. They are recorded with the choice; what the history
    recorded is not asked again, and over recorded answers (`Recorded`) `ask` is as pure as without.

    Attributes:
        signals: The pool.
        templates: What a step of a program may be, from `operators.catalogue`.
        policy: Settings of the choices.
        earlier: Observations of an earlier search; they replace those that a history has of it.
        adviser: A language model that is asked, too; None asks nobody.
        prices: Price of an evaluation at each lower fidelity, in full trainings; the default policy alone
            makes use of them.
        max_tokens: Longest conversation that a training reads, in tokens; what has no response tokens within
            it is no candidate. None where nothing is trained.
        train_tokens: Tokens of a training of any subset; None where they follow from the subset.

    Raises:
        NoTemplatesError: There is nothing to write programs with.
    """

    signals: SignalTable
    templates: Sequence[Template]
    policy: Policy = field(default_factory=Policy)
    earlier: tuple[EarlierObservation, ...] = ()
    adviser: Adviser | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    max_tokens: int | None = None
    train_tokens: float | None = None
    _last: list[tuple[History, FittedModel]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.templates:
            raise NoTemplatesError
        object.__setattr__(self, "templates", tuple(self.templates))

    def ask(self, history: History, k: int = 1) -> tuple[Candidate, ...]:
        """The next candidates; each but the first is chosen as if those before it were pending.

        Args:
            history: History of the search.
            k: Number of candidates that are wanted at once.

        Raises:
            NoCandidatesError: No valid candidate is left.
        """
        asked: list[Candidate] = []
        history = self._remembering(history)
        with one_thread():
            for _ in range(k):
                consultation = Consultation(self.adviser, history)
                chosen = _CHOICES[self.policy.name](self, history, consultation)
                candidate = with_advice(chosen, consultation)
                asked.append(candidate)
                history = with_pending(history, candidate, self.prices)
        return tuple(asked)

    def recommend(self, history: History) -> Recommendation:
        """The measured recipe with the best posterior mean, not the luckiest one.

        The published policy has no posterior over subsets and recommends its best observation; its numbers
        are the surrogate's all the same.

        Raises:
            NothingToRecommendError: Nothing was measured yet.
        """
        if not history.observations:
            raise NothingToRecommendError(history.search)
        fitted = self._fitted_to(history)
        with one_thread():
            return _recommend(self.policy, history, fitted, len(self.signals))

    def predict(self, history: History, subsets: Sequence[Subset]) -> tuple[Prediction, ...]:
        """Surrogate's predictions for some subsets of this pool, tried or not.

        Raises:
            NothingToRecommendError: Nothing was measured yet.
        """
        if not history.observations:
            raise NothingToRecommendError(history.search)
        fitted = self._fitted_to(history)
        with one_thread():
            described = self.context(history.seed).describe_exact(list(subsets))
            means, deviations = fitted.surrogate.posterior(described)
        return tuple(
            Prediction(float(mean), float(deviation))
            for mean, deviation in zip(means, deviations, strict=True)
        )

    def _fitted_to(self, history: History) -> FittedModel:
        """Model fitted to a history; the last one is kept, for a report asks often and a fit is slow."""
        remembered = self._remembering(history)
        last = self._last[0] if self._last else None
        if last is None or last[0] != remembered:
            with one_thread():
                context = self.context(history.seed)
                observed = [one for one in observed_subsets(remembered, context.signals) if one.utilities]
                transferred = transferred_observations(remembered, context.signals)
                low_fidelity = low_fidelity_observations(remembered, context.signals)
                last = (remembered, fit_model(context, observed, transferred, low_fidelity))
            self._last[:] = [last]
        return last[1]

    def _remembering(self, history: History) -> History:
        return replace(history, earlier=(*self.earlier, *history.earlier))

    def context(self, seed: int) -> SearchContext:
        """Context of a search with this seed."""
        return context_for(
            self.signals,
            tuple(self.templates),
            self.policy,
            seed,
            max_tokens=self.max_tokens,
            train_tokens=self.train_tokens,
        )


def with_advice(candidate: Candidate, consultation: Consultation) -> Candidate:
    """The candidate with all that was asked for it."""
    proposal = replace(candidate.proposal, advice=tuple(consultation.exchanges))
    return replace(candidate, proposal=proposal)


def with_pending(history: History, candidate: Candidate, prices: Mapping[str, float]) -> History:
    """The history once a candidate is being evaluated as the next trial."""
    name, proposal = candidate.subset.fingerprint, candidate.proposal.to_json()
    if fidelity := candidate.proposal.fidelity:
        cheap = CheapTrial(
            history.next_trial, fidelity, candidate.recipe, name, None, prices[fidelity], proposal
        )
        return replace(history, cheap=(*history.cheap, cheap))
    entry = Pending(history.next_trial, candidate.recipe, name, history.replicate_of(name), proposal)
    return replace(history, pending=(*history.pending, entry))


def _recommend(policy: Policy, history: History, fitted: FittedModel, pool_rows: int) -> Recommendation:
    luckiest = max(history.observations, key=lambda observation: (observation.utility, -observation.trial))
    place = fitted.incumbent
    if policy.name == PUBLISHED:
        place = next(number for number, one in enumerate(fitted.observed) if one.name == luckiest.subset)
    one = fitted.observed[place]
    return Recommendation(
        one.trial,
        one.recipe,
        one.name,
        float(fitted.means[place]),
        float(fitted.deviations[place]),
        fitted.surrogate.noise,
        len(one.utilities),
        luckiest.trial,
        _best_plain_filter(policy, fitted, place) if policy.recommends_plain_filter else None,
        _best_proper_subset(fitted, pool_rows) if len(one.subset) == pool_rows else None,
    )


def _best_proper_subset(fitted: FittedModel, pool_rows: int) -> Recipe | None:
    """The recipe with the best posterior mean that leaves something of the pool out."""
    measured = (fitted.observed[place] for place in fitted.ranked)
    return next((one.recipe for one in measured if len(one.subset) < pool_rows), None)


def _best_plain_filter(policy: Policy, fitted: FittedModel, recommended: int) -> Recipe | None:
    """The plain filter with the best posterior mean, apart from what is recommended."""
    others = (fitted.observed[place].recipe for place in fitted.ranked if place != recommended)
    return next((each for each in others if is_plain(each, policy.plain_scores)), None)


def _default(solver: Solver, history: History, consultation: Consultation) -> Candidate:
    return default.choose(solver.context(history.seed), history, consultation, solver.prices)


def _ask_published(solver: Solver, history: History, consultation: Consultation) -> Candidate:
    return published.choose(solver.context(history.seed), history, consultation)


def _random(solver: Solver, history: History, _: Consultation) -> Candidate:
    return random_search.choose(solver.signals, tuple(solver.templates), solver.policy, history)


_CHOICES: Mapping[str, _Choose] = {DEFAULT: _default, RANDOM: _random, PUBLISHED: _ask_published}
"""Choice of the next candidate, by policy."""
