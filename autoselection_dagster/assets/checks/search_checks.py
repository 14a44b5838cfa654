"""Checks of a search's report: equal tokens of its arms, and a pool that is the latest."""

from collections.abc import Sequence

import dagster as dg
import numpy as np

from autoselection_core.recipe import Recipe
from autoselection_core.search.arms import ArmRun
from autoselection_core.search.baselines import RANDOM, WINNER, RandomDraws
from autoselection_core.search.propose import tokens_of
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset import materialize
from autoselection_dagster.assets.checks.blocking import Check

ARMS_ARE_EQUAL = Check(
    "arms_have_equal_tokens",
    "A random subset with fewer tokens than the winner would lose for its size and not for its choice.",
)
POOL_IS_LATEST = Check(
    "is_of_the_latest_pool",
    "A search of an older pool says nothing about what was added since.",
    is_blocking=False,
)


def arms_are_equal(
    arms: Sequence[ArmRun], signals: SignalTable, max_tokens: int | None
) -> dg.AssetCheckResult:
    """Random subsets come as near to the tokens that the winner's training reads as whole samples can.

    Draws that an earlier release planned are as near in tokens of whole samples.
    """
    recipes = {arm: [_recipe(run) for run in arms if run.arm == arm] for arm in (WINNER, RANDOM)}
    drawn = {run.trial.subset for run in arms if run.arm == RANDOM}
    for recipe in recipes[WINNER][:1]:
        max_tokens = RandomDraws(recipe, signals, max_tokens).as_begun(drawn).max_tokens
    sizes = {arm: _sizes(of_arm, signals, max_tokens) for arm, of_arm in recipes.items()}
    winner = max(sizes[WINNER], default=None)
    furthest = max((abs(size - winner) for size in sizes[RANDOM]), default=0) if winner is not None else 0
    largest = int(np.nanmax(signals["tokens"])) if "tokens" in signals.columns else 1
    largest = largest if max_tokens is None else min(largest, max_tokens)
    return ARMS_ARE_EQUAL.result(
        passed=furthest <= largest, winner_tokens=winner, furthest=furthest, largest_sample=largest
    )


def _sizes(recipes: Sequence[Recipe], signals: SignalTable, max_tokens: int | None) -> list[int]:
    return [tokens_of(materialize(recipe, signals), signals, max_tokens) for recipe in recipes]


def _recipe(run: ArmRun) -> Recipe:
    assert run.trial.recipe is not None, "an arm is planned with its recipe"
    return run.trial.recipe


def pool_is_latest(searched: str, latest: str) -> dg.AssetCheckResult:
    """The search selects from the pool as it is now; a warning where it does not."""
    return POOL_IS_LATEST.result(passed=searched == latest, searched=searched, latest=latest)
