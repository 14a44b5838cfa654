"""Arms of a report: the winner, and its baselines full pool, random subsets of as many tokens, plain filter.

An arm is what a report or a study compares, trained in one or several runs. A baseline is an arm that is
nobody's recommendation, and that the winner has to beat.

Tokens are those that an optimiser reads: a training cuts samples at its `max_tokens`, so a winner of long
samples and a draw of short ones that hold equally many tokens would be trained on different amounts.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoselection_core.history.records import ArmPlan
from autoselection_core.history.specification import SearchSpec
from autoselection_core.identity import fingerprint
from autoselection_core.operators.definitions.budget import KeepRandom, TokenBudget
from autoselection_core.operators.definitions.mixing import taking_order
from autoselection_core.recipe import Recipe
from autoselection_core.search.propose import tokens_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.solver.policy import Policy
from autoselection_core.solver.programs.limits import read_tokens
from autoselection_core.subset import Subset, realise, realise_many
from autoselection_core.subset.realisation import seed_of_step

WINNER, RANDOM, FULL_POOL, PLAIN_FILTER = "winner", "random", "full_pool", "plain_filter"
PROPER_SUBSET = "proper_subset"
"""The best subset that leaves something out, beside a winner that is the whole pool."""

RANDOM_DRAWS = 3
"""Draws of random subsets: fewer would not show how much luck there is in one."""

WINNER_REPLICATES = 2
"""Fresh runs of the winner: the score that made it win is partly luck, and stays out of its gain."""


PLAIN_REPLICATES = 2
"""Fresh runs of the best plain filter, which was chosen by its score as the winner was."""


def plain_filter_runs(spec: SearchSpec) -> int:
    """Runs of the best plain filter that the report of a search plans, where its policy has tried some."""
    policy = Policy.of_search(spec.policy, spec.policy_settings, spec.max_steps)
    return PLAIN_REPLICATES if policy.recommends_plain_filter else 0


def plan_arm(arm: str, recipe: Recipe, signals: SignalTable, replicate: int = 0) -> ArmPlan:
    """One evaluation of an arm."""
    subset = realise(recipe, signals)
    return ArmPlan(arm, recipe, subset.fingerprint, tokens_of(subset, signals), replicate)


def random_recipe(tokens: int, draw: int, signals: SignalTable, max_tokens: int | None = None) -> Recipe:
    """A random subset of as many tokens: the same draw is the same rows in every search of the pool.

    Where a campaign counts no tokens, sizes are in rows throughout, and so is this one.

    Args:
        tokens: Size of the subset.
        draw: Number of the draw.
        signals: The pool.
        max_tokens: Length limit of the training, where `tokens` are those that it reads in an epoch; None
            where they are those of whole samples.
    """
    seed = int(fingerprint(["random arm", draw])[:8], 16)
    if "tokens" not in signals.columns:
        return Recipe((KeepRandom(count=tokens),), seed)
    count = tokens if max_tokens is None else _count_that_reads(tokens, seed, signals, max_tokens)
    recipe = Recipe((TokenBudget(count=count),), seed)
    (drawn,) = realise_many([recipe], signals)
    # A winner of very few tokens may be smaller than the first sample drawn: nothing is smaller than that.
    return recipe if isinstance(drawn, Subset) else Recipe((KeepRandom(count=1),), seed)


@dataclass(frozen=True, eq=False)
class RandomDraws:
    """Random subsets of which a training reads as many tokens as of a recipe.

    Attributes:
        recipe: Recipe that they are compared with.
        signals: The pool.
        max_tokens: Length limit of the training; None compares tokens of whole samples.
        share: Share of the recipe's tokens that a draw has.
    """

    recipe: Recipe
    signals: SignalTable
    max_tokens: int | None
    share: float = 1.0

    def plan(self, arm: str, draw: int) -> ArmPlan:
        """The evaluation of a draw."""
        whole = tokens_of(realise(self.recipe, self.signals), self.signals, self.max_tokens)
        recipe = random_recipe(round(self.share * whole), draw, self.signals, self.max_tokens)
        return plan_arm(arm, recipe, self.signals)

    def as_first_planned(self, drawn: Collection[str | None], draw: int = 0) -> "RandomDraws":
        """The draws as a report or study began them: of equal tokens in whole samples in earlier releases.

        Args:
            drawn: Subsets of the draws that were planned before.
            draw: Number of the first draw.
        """
        earlier = replace(self, max_tokens=None)
        return earlier if drawn and earlier.plan(RANDOM, draw).subset in drawn else self


def _count_that_reads(tokens: int, seed: int, signals: SignalTable, max_tokens: int) -> int:
    """Tokens of the whole samples of a draw of which a training reads no more than `tokens`."""
    read, whole = read_tokens(signals, max_tokens), signals["tokens"].astype(np.float64)
    if np.array_equal(read, np.nan_to_num(whole)):
        return tokens
    order = taking_order(np.arange(len(signals)), signals, None, seed_of_step(seed, 0))
    order = order[~np.isnan(whole[order])]
    drawn = int(np.searchsorted(np.cumsum(read[order]), tokens, side="right"))
    return max(1, int(whole[order[:drawn]].sum()))


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
