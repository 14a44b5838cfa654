"""Context of a search: its pool, the templates, and the fresh programs of its seed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autoselection_core.errors.search import NoCandidatesError
from autoselection_core.identity import fingerprint
from autoselection_core.operators.catalogue import Template
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.feature_layout import Features
from autoselection_core.solver.features.composition import Composition, composition_of
from autoselection_core.solver.features.describer import Describer
from autoselection_core.solver.features.program_encoding import ProgramEncoder
from autoselection_core.solver.policy import GROUPS_ONLY, Policy
from autoselection_core.solver.programs.fresh import latin_recipes
from autoselection_core.solver.programs.limits import TrainingReading, reading_of, within_limits
from autoselection_core.solver.programs.realise import Draft, Realised, realise_drafts
from autoselection_core.solver.programs.row_sample import RowSample, sample_table
from autoselection_core.subset import Subset


@dataclass(frozen=True, eq=False)
class SearchContext:
    """Values that every choice of one search shares. They follow from pool, templates, policy and seed.

    Attributes:
        pool: All rows of the pool.
        signals: Rows that candidates are compared on: the pool, or a sample of it (`sample_table`).
        templates: What a step may be.
        policy: Settings of the choices.
        seed: The search's seed.
        fresh: Latin hypercube programs, realised.
        describer: Describes candidates on the scales of the fresh programs.
        features: Feature vectors of the fresh programs. Shape (m, d).
        reading: Rows and tokens that a training reads of `signals`.
        max_tokens: Longest conversation that a training reads, in tokens; None where nothing is trained.
        train_tokens: Tokens of a training of any subset; None where they follow from the subset.
    """

    pool: SignalTable
    signals: SignalTable
    templates: tuple[Template, ...]
    policy: Policy
    seed: int
    fresh: Realised
    describer: Describer
    features: Features
    reading: TrainingReading
    max_tokens: int | None = None
    train_tokens: float | None = None

    def realise(self, drafts: Sequence[Draft], known: frozenset[str]) -> Realised:
        """Realise drafts, leaving out subsets that are known."""
        realised = realise_drafts(drafts, self.signals, self.reading.min_rows(self.policy), known)
        return within_limits(self.reading.only_readable(realised), self.signals, self.policy)

    def exact(self, realised: Realised, place: int) -> Subset | None:
        """Rows of the pool that a candidate leaves; None where they break a limit that the sample kept to."""
        if self.pool is self.signals:
            return realised.subsets[place]
        reading = reading_of(self.pool, self.policy, self.max_tokens, self.train_tokens)
        found = realise_drafts([realised.drafts[place]], self.pool, reading.min_rows(self.policy))
        kept = within_limits(reading.only_readable(found), self.pool, self.policy).subsets
        return kept[0] if kept else None

    def sampling_error(self, subset: Subset) -> float | None:
        """Largest standard error of a share that describes a subset; None where all rows are compared.

        Args:
            subset: Rows of the pool.
        """
        if not isinstance(self.signals, RowSample):
            return None
        return self.signals.max_share_error(self.signals.matching_rows(subset.rows))

    def describe(self, realised: Realised) -> Features:
        """Feature vectors of realised candidates."""
        return self.describer.features([draft.recipe for draft in realised.drafts], realised.subsets)

    def describe_subsets(self, subsets: Sequence[Subset]) -> Features:
        """Feature vectors of subsets of `signals` and the recipes that made them."""
        return self.describer.features([subset.recipe for subset in subsets], subsets)

    def describe_exact(self, subsets: Sequence[Subset]) -> Features:
        """Feature vectors of subsets of the pool."""
        if isinstance(self.signals, RowSample):
            subsets = [replace(each, rows=self.signals.matching_rows(each.rows)) for each in subsets]
        return self.describe_subsets(subsets)


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
    return signals.cached(
        (__name__, templates, policy, seed, max_tokens, train_tokens),
        lambda: replace(
            _make(signals, templates, policy, seed, (max_tokens, train_tokens)),
            max_tokens=max_tokens,
            train_tokens=train_tokens,
        ),
    )


def seed_for(*parts: int | str) -> int:
    """A seed for numpy and torch that differs between purposes, the same in every process."""
    return int(fingerprint(list(parts))[:12], 16)


def _make(
    pool: SignalTable,
    templates: tuple[Template, ...],
    policy: Policy,
    seed: int,
    lengths: tuple[int | None, float | None],
) -> SearchContext:
    signals = sample_table(pool, policy.sample_rows, seed_for("sample", seed))
    reading = reading_of(signals, policy, *lengths)
    recipes = latin_recipes(templates, policy.fresh, policy.max_steps, seed)
    fresh = realise_drafts([Draft(recipe, "fresh") for recipe in recipes], signals, reading.min_rows(policy))
    fresh = within_limits(reading.only_readable(fresh), signals, policy)
    if not len(fresh):
        raise NoCandidatesError(1, fresh.reasons)
    composition = _composition_of(signals, policy.composition_seen)
    describer = Describer.of(signals, ProgramEncoder(templates), fresh, composition)
    features = describer.features([draft.recipe for draft in fresh.drafts], fresh.subsets)
    return SearchContext(pool, signals, templates, policy, seed, fresh, describer, features, reading)


def _composition_of(signals: SignalTable, seen: int) -> Composition | None:
    if not seen:
        return None
    return composition_of(signals, () if seen == GROUPS_ONLY else None)
