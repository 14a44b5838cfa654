"""Settings of a search: the one definition of their meaning, range and default."""

from dataclasses import dataclass
from typing import Annotated

from autoselection_core.recipe.program import MAX_STEPS
from autoselection_core.space import Count


@dataclass(frozen=True)
class SearchSettings:
    """Budget, concurrency, seed and policy of a search.

    The key `search` of a campaign, the Launchpad, the command line and the reference show these fields.

    Attributes:
        budget: Full trainings that the search may pay for; a reused evaluation costs nothing.
        slots: Trials that may run at the same time.
        seed: Seed of every random choice of the search.
        policy: How candidates are chosen: by a surrogate (default), at random (random), or as published
            (published).
        report_evaluations: Second budget, in full trainings, for what the winner is compared with: the full
            pool, random subsets of equal tokens, and the winner trained again.
        max_steps: Longest recipe, in steps.
    """

    budget: Annotated[int, Count(1, 100_000)] = 15
    slots: Annotated[int, Count(1, 10_000)] = 1
    seed: Annotated[int, Count(0, 2**32 - 1)] = 0
    policy: str = "default"
    report_evaluations: Annotated[int, Count(0, 100_000)] = 6
    max_steps: Annotated[int, Count(1, MAX_STEPS)] = MAX_STEPS
