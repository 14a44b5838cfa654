"""Settings of a search, and names of policies and their settings, today and in the first release.

A ledger, a campaign or a saved Launchpad config may have either spelling of a name. Identities are made of
the first one, so that a search keeps its name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from autoselection_core.identity import Json
from autoselection_core.recipe.program import MAX_STEPS
from autoselection_core.space import Count

DEFAULT, RANDOM, PUBLISHED = "default", "random", "published"

POLICIES = (DEFAULT, RANDOM, PUBLISHED)
"""`default`: a surrogate over what recipes do; `random`: random recipe search; `published`: arXiv
2605.12944."""

FIRST_POLICIES: Mapping[str, str] = {PUBLISHED: "autoselection"}
"""First name of each policy that has another one now."""

FIRST_SETTINGS: Mapping[str, str] = {
    "min_share": "smallest_share",
    "max_share": "largest_share",
    "max_tokens": "most_tokens",
    "max_sampled": "most_sampled",
    "tail_threshold": "pull_in",
}
"""First name of each setting of a policy that has another one now."""

_POLICIES_NOW = {first: name for name, first in FIRST_POLICIES.items()}
_SETTINGS_NOW = {first: name for name, first in FIRST_SETTINGS.items()}


def policy_now(name: str) -> str:
    """Today's name of a policy.

    Example:
        >>> policy_now("autoselection"), policy_now("random")
        ('published', 'random')
    """
    return _POLICIES_NOW.get(name, name)


def settings_now(settings: Mapping[str, Json]) -> dict[str, Json]:
    """Settings under today's names; of two spellings of one setting the later goes first.

    Example:
        >>> settings_now({"smallest_share": 0.1, "draws": 4})
        {'min_share': 0.1, 'draws': 4}
    """
    return {_SETTINGS_NOW.get(name, name): value for name, value in settings.items()}


def merge_settings(usual: Mapping[str, Json], asked: Mapping[str, Json]) -> dict[str, Json]:
    """Settings with others over them, as they are spelled; what is asked for replaces either spelling.

    Example:
        >>> merge_settings({"smallest_share": 0.1, "draws": 4}, {"min_share": 0.2})
        {'draws': 4, 'min_share': 0.2}
    """
    replaced = settings_now(asked)
    kept = {name: value for name, value in usual.items() if _SETTINGS_NOW.get(name, name) not in replaced}
    return {**kept, **asked}


def first_spelling(policy: str, settings: Mapping[str, Json]) -> dict[str, Json]:
    """`policy` and `policy_settings` as the first release spelled them."""
    spelled = {FIRST_SETTINGS.get(name, name): value for name, value in settings.items()}
    return {"policy": FIRST_POLICIES.get(policy, policy), "policy_settings": spelled}


@dataclass(frozen=True)
class SearchSettings:
    """Budget, concurrency, seed and policy of a search.

    The key `search` of a campaign, the Launchpad, the command line and the reference show these fields.

    Attributes:
        budget: Full trainings that the search may pay for; a reused evaluation costs nothing.
        slots: Trials that may run at the same time.
        seed: Seed of every random choice of the search.
        policy: How candidates are chosen: by a surrogate (default), at random (random), or as in
            arXiv 2605.12944 (published).
        report_evaluations: Second budget, in full trainings, for what the winner is compared with: the full
            pool, random subsets of equal tokens, the winner trained again, and the best plain filter trained
            again where the policy tries plain filters (8 pay for all, 6 without plain filters).
        max_steps: Longest recipe, in steps.
    """

    budget: Annotated[int, Count(1, 100_000)] = 15
    slots: Annotated[int, Count(1, 10_000)] = 1
    seed: Annotated[int, Count(0, 2**32 - 1)] = 0
    policy: str = DEFAULT
    report_evaluations: Annotated[int, Count(0, 100_000)] = 8
    max_steps: Annotated[int, Count(1, MAX_STEPS)] = MAX_STEPS
