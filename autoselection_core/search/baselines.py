"""Baselines of a winner: the full pool and random subsets of as many tokens, each run its own training."""

from collections.abc import Sequence
from dataclasses import replace

from autoselection_core.history.records import ArmPlan
from autoselection_core.identity import fingerprint
from autoselection_core.operators.definitions.budget import TokenBudget
from autoselection_core.operators.definitions.chance import KeepRandom
from autoselection_core.recipe import Recipe
from autoselection_core.search.propose import tokens_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import Subset, materialize, materialize_many

WINNER, RANDOM, FULL_POOL = "winner", "random", "full_pool"
RANDOM_DRAWS = 3
"""Draws of random subsets: fewer would not show how much luck there is in one."""

WINNER_REPLICATES = 2
"""Fresh runs of the winner: the score that made it win is partly luck, and stays out of its gain."""


def plan_arm(arm: str, recipe: Recipe, signals: SignalTable, replicate: int = 0) -> ArmPlan:
    """One evaluation of an arm."""
    subset = materialize(recipe, signals)
    return ArmPlan(arm, recipe, subset.fingerprint, tokens_of(subset, signals), replicate)


def random_recipe(tokens: int, draw: int, signals: SignalTable) -> Recipe:
    """A random subset of as many tokens: the same draw is the same rows in every search of the pool.

    Where a campaign counts no tokens, sizes are in rows throughout, and so is this one.
    """
    seed = int(fingerprint(["random arm", draw])[:8], 16)
    if "tokens" not in signals.columns:
        return Recipe((KeepRandom(count=tokens),), seed)
    recipe = Recipe((TokenBudget(count=tokens),), seed)
    (drawn,) = materialize_many([recipe], signals)
    # A winner of very few tokens may be smaller than the first sample drawn: nothing is smaller than that.
    return recipe if isinstance(drawn, Subset) else Recipe((KeepRandom(count=1),), seed)


def separate_runs(plans: Sequence[ArmPlan]) -> tuple[ArmPlan, ...]:
    """Runs that are all trainings of their own, even where the winner or a draw is the full pool.

    One training counted twice would look like runs that do not vary.
    """
    own: list[ArmPlan] = []
    for plan in plans:
        own.append(separate_run(plan, own))
    return tuple(own)


def separate_run(plan: ArmPlan, planned: Sequence[ArmPlan], fresh: int = 0) -> ArmPlan:
    """A run with a replicate that no planned run of its subset has.

    Args:
        plan: The run.
        planned: The runs before it.
        fresh: The first replicate of the subset that nobody else has seen.
    """
    taken = {each.replicate for each in planned if each.subset == plan.subset}
    if plan.replicate not in taken:
        return plan
    return replace(plan, replicate=max(fresh, 1 + max(taken)))
