"""Warm start: observations of earlier searches, carried over to the pool of a new one."""

from collections import Counter
from dataclasses import dataclass, replace

from autoselection_core.history.ledger import Ledger
from autoselection_core.history.specification import SearchSpec
from autoselection_core.history.values import EarlierObservation, History, Observation
from autoselection_core.recipe import Recipe
from autoselection_core.score.rank_agreement import rank_agreement
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.proposal import Proposal
from autoselection_core.store.home import Home
from autoselection_core.subset import Subset, read_ids, realise_many, stored_lineages


def earlier_of(
    ledger: Ledger, search: str, signals: SignalTable, home: Home
) -> tuple[EarlierObservation, ...]:
    """The observations of an earlier search, each with how much of its subset this pool still chooses.

    The search may have had another pool version or another base model. Recipes that this pool cannot realise
    say nothing about it and are left out.

    Args:
        ledger: Ledger of the earlier search.
        search: Its name.
        signals: The pool of the new search.
        home: Home folder of the evaluated subsets.

    Raises:
        UnknownSearchError: No search has this name.
        MissingSubsetError: A subset that it evaluated is no longer stored.
    """
    observations = ledger.history(search).observations
    realised = realise_many([observation.recipe for observation in observations], signals)
    return tuple(
        EarlierObservation(
            search,
            observation.trial,
            observation.recipe,
            observation.utility,
            _similarity(observation, subset, signals, home),
        )
        for observation, subset in zip(observations, realised, strict=True)
        if isinstance(subset, Subset)
    )


def all_earlier_of(
    ledger: Ledger, spec: SearchSpec, signals: SignalTable, home: Home
) -> tuple[EarlierObservation, ...]:
    """The observations of every search that a search starts from; none for a cold one.

    Several searches are told apart by what they measured (`SearchSpec.objective`): how far each kind of score
    is trusted is learned for each, and its level is free unless it is this search's own. One evaluation that
    several searches took over counts once. A kind of score that was measured once only says nothing but its
    level, and is left out.

    Raises:
        UnknownSearchError: A search that it starts from does not exist.
        MissingSubsetError: A subset that one of them evaluated is no longer stored.
    """
    if not spec.warm_also:
        return () if spec.warm_from is None else earlier_of(ledger, spec.warm_from, signals, home)
    found: dict[tuple[str, str, int], EarlierObservation] = {}
    for search in filter(None, (spec.warm_from, *spec.warm_also)):
        objective = ledger.search(search).spec.objective
        named = {
            one.trial: (objective, one.subset, one.replicate) for one in ledger.history(search).observations
        }
        for one in earlier_of(ledger, search, signals, home):
            kept = replace(one, objective="" if objective == spec.objective else objective)
            found.setdefault(named[one.trial], kept)
    counts = Counter(one.objective for one in found.values())
    return tuple(one for one in found.values() if not one.objective or counts[one.objective] > 1)


def _similarity(observation: Observation, subset: Subset, signals: SignalTable, home: Home) -> float:
    """Jaccard similarity of the samples chosen then and now; the same hash is the same samples."""
    if observation.subset == subset.fingerprint:
        return 1.0
    then = set(read_ids(stored_lineages(observation.subset, home)[0]).tolist())
    now = set(signals.ids[subset.rows].tolist())
    return len(then & now) / len(then | now)


@dataclass(frozen=True)
class TransferAgreement:
    """Rank agreement of an earlier search and this one where both measured the same recipe.

    Attributes:
        recipes: Number of recipes that both measured.
        correlation: Spearman's rank correlation of their utilities; None below three recipes, or where one
            of the searches saw no difference.
        trust: The correlation that the surrogate learned from all measurements; None before it chose.
    """

    recipes: int
    correlation: float | None
    trust: float | None

    @property
    def sentence(self) -> str:
        """The agreement in a sentence."""
        ranks = "too few to compare"
        if self.correlation is not None:
            ranks = f"rank correlation {self.correlation:.2f}"
        learned = "" if self.trust is None else f"; the surrogate learned a correlation of {self.trust:.2f}"
        return f"{self.recipes} recipes were measured there and here: {ranks}{learned}"


def agreement(earlier: History, now: History) -> TransferAgreement:
    """Rank agreement of two searches over the recipes that both measured."""
    before, after = _means(earlier), _means(now)
    common = [recipe for recipe in after if recipe in before]
    correlation = rank_agreement([before[recipe] for recipe in common], [after[recipe] for recipe in common])
    trusts = [Proposal.from_json(one.proposal).trust for one in now.observations]
    learned = [trust for trust in trusts if trust is not None]
    return TransferAgreement(len(common), correlation, learned[-1] if learned else None)


def _means(history: History) -> dict[Recipe, float]:
    """Mean utility of every measured recipe; the full pool is one, whatever its seed."""
    utilities: dict[Recipe, list[float]] = {}
    for one in history.observations:
        utilities.setdefault(one.recipe if one.recipe.steps else Recipe(), []).append(one.utility)
    return {recipe: sum(values) / len(values) for recipe, values in utilities.items()}
