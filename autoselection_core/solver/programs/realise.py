"""Candidates with their rows: realised in bulk, each distinct subset once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from autoselection_core.arrays import Mask
from autoselection_core.errors.recipe import InvalidRecipe
from autoselection_core.recipe import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset, realise_many

INVALID, TOO_SMALL, REPEATED, TRIED = "invalid", "too small", "repeated", "tried"
"""Reasons to leave a drawn candidate out."""


@dataclass(frozen=True)
class Draft:
    """A recipe that might become a candidate, and where it comes from.

    Attributes:
        recipe: The program.
        origin: As in `Proposal`.
        parent: The trial that it was edited from.
        edit: Name of the edit.
        chain: Origin or edit with the program that it made, from the first program to this one; empty for a
            draft that no edit made.
    """

    recipe: Recipe
    origin: str
    parent: int | None = None
    edit: str = ""
    chain: tuple[tuple[str, Recipe], ...] = ()

    def with_edit(self, edits: str, recipe: Recipe) -> "Draft":
        """Chain link: a draft that one round of edits makes of this one."""
        root = self.chain or ((self.origin, self.recipe),)
        return replace(self, recipe=recipe, chain=(*root, (edits, recipe)))


@dataclass(frozen=True, eq=False)
class Realised:
    """Drafts that survived, with their subsets, and how many did not.

    Attributes:
        drafts: In the order drawn.
        subsets: One for each draft; all distinct.
        reasons: Drafts left out, by reason.
    """

    drafts: tuple[Draft, ...] = ()
    subsets: tuple[Subset, ...] = ()
    reasons: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.drafts)

    def concat(self, other: "Realised") -> "Realised":
        """Both together; their subsets must differ."""
        reasons = Counter(self.reasons) + Counter(other.reasons)
        return Realised((*self.drafts, *other.drafts), (*self.subsets, *other.subsets), reasons)

    def only(self, kept: Mask, reason: str) -> tuple["Realised", npt.NDArray[np.int64]]:
        """Leave out the others and count them under a reason; also the places of those kept."""
        places = np.flatnonzero(kept)
        reasons = Counter(self.reasons)
        reasons.update({reason: len(self) - len(places)})
        drafts, subsets = (
            tuple(self.drafts[place] for place in places),
            tuple(self.subsets[place] for place in places),
        )
        return Realised(drafts, subsets, +reasons), places

    def without(self, known: frozenset[str]) -> "Realised":
        """Leave out the subsets with these hashes, and count them as tried."""
        kept = [place for place, subset in enumerate(self.subsets) if subset.fingerprint not in known]
        reasons = Counter(self.reasons)
        reasons.update({TRIED: len(self) - len(kept)})
        return Realised(
            tuple(self.drafts[place] for place in kept),
            tuple(self.subsets[place] for place in kept),
            +reasons,
        )


def realise_drafts(
    drafts: Sequence[Draft], signals: SignalTable, min_rows: int, known: Iterable[str] = ()
) -> Realised:
    """Realise drafts; the first of those with one subset stays.

    Args:
        drafts: What to realise.
        signals: The pool.
        min_rows: Subsets with fewer rows are left out; of a sample, those that stand for fewer.
        known: Hashes of subsets that are left out.
    """
    reasons: Counter[str] = Counter()
    observed, seen = frozenset(known), set[str]()
    kept: list[tuple[Draft, Subset]] = []
    for draft, result in zip(drafts, realise_many([draft.recipe for draft in drafts], signals), strict=True):
        reason = _reason(result, signals, min_rows, observed, seen)
        if reason is None and isinstance(result, Subset):
            seen.add(result.fingerprint)
            kept.append((draft, result))
        elif reason is not None:
            reasons[reason] += 1
    return Realised(tuple(draft for draft, _ in kept), tuple(subset for _, subset in kept), reasons)


def _reason(
    result: Subset | InvalidRecipe,
    signals: SignalTable,
    min_rows: int,
    observed: frozenset[str],
    seen: set[str],
) -> str | None:
    if isinstance(result, InvalidRecipe):
        return INVALID
    if signals.size_of(result.rows) < min_rows:
        return TOO_SMALL
    if result.fingerprint in observed:
        return TRIED
    return REPEATED if result.fingerprint in seen else None
