"""Context of a search: its pool, the templates, and the fresh programs of its seed."""

from collections.abc import Sequence
from dataclasses import dataclass

from autoselection_core.errors.search import NoCandidatesError
from autoselection_core.identity import fingerprint
from autoselection_core.operators.catalogue import Template
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.composition import composition_of
from autoselection_core.solver.features.describer import Describer
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.solver.programs.limits import Reading, reading_of, within_limits
from autoselection_core.solver.programs.realise import Draft, Realised, realise_drafts
from autoselection_core.subset import Subset


@dataclass(frozen=True, eq=False)
class SearchContext:
    """Values that every choice of one search shares. They follow from pool, templates, policy and seed.

    Attributes:
        signals: The pool.
        templates: What a step may be.
        policy: Settings of the choices.
        seed: The search's seed.
        fresh: Latin hypercube programs, realised.
        describer: Describes candidates on the scales of the fresh programs.
        features: Feature vectors of the fresh programs. Shape (m, d).
        reading: Rows and tokens that a training reads.
    """

    signals: SignalTable
    templates: tuple[Template, ...]
    policy: Policy
    seed: int
    fresh: Realised
    describer: Describer
    features: Features
    reading: Reading

    def realise(self, drafts: Sequence[Draft], known: frozenset[str]) -> Realised:
        """Realise drafts, leaving out subsets that are known."""
        realised = realise_drafts(drafts, self.signals, self.reading.min_rows(self.policy), known)
        return within_limits(self.reading.only_readable(realised), self.signals, self.policy)

    def describe(self, realised: Realised) -> Features:
        """Feature vectors of realised candidates."""
        return self.describer.features([draft.recipe for draft in realised.drafts], realised.subsets)

    def describe_subsets(self, subsets: Sequence[Subset]) -> Features:
        """Feature vectors of subsets and the recipes that made them."""
        return self.describer.features([subset.recipe for subset in subsets], subsets)


def context_for(
    signals: SignalTable,
    templates: tuple[Template, ...],
    policy: Policy,
    seed: int,
    *,
    max_tokens: int | None = None,
    train_tokens: float | None = None,
) -> SearchContext:
    """Context of a search; made once per table, policy, seed and lengths of the training."""
    return signals.derived(
        (__name__, templates, policy, seed, max_tokens, train_tokens),
        lambda: _make(
            signals, templates, policy, seed, reading_of(signals, policy, max_tokens, train_tokens)
        ),
    )


def seed_for(*parts: int | str) -> int:
    """A seed for numpy and torch that differs between purposes, the same in every process."""
    return int(fingerprint(list(parts))[:12], 16)


def _make(
    signals: SignalTable, templates: tuple[Template, ...], policy: Policy, seed: int, reading: Reading
) -> SearchContext:
    recipes = latin_recipes(templates, policy.fresh, policy.max_steps, seed)
    fresh = realise_drafts([Draft(recipe, "fresh") for recipe in recipes], signals, reading.min_rows(policy))
    fresh = within_limits(reading.only_readable(fresh), signals, policy)
    if not len(fresh):
        raise NoCandidatesError(1, fresh.reasons)
    composition = composition_of(signals) if policy.composition else None
    describer = Describer.of(signals, ProgramEncoder(templates), fresh, composition)
    features = describer.features([draft.recipe for draft in fresh.drafts], fresh.subsets)
    return SearchContext(signals, templates, policy, seed, fresh, describer, features, reading)
