"""Checks of a search's report: equal tokens of its arms, and a pool that is the latest."""

from collections.abc import Sequence

import dagster as dg
import numpy as np

from autoselection_core.search.arms import ArmRun
from autoselection_core.search.baselines import RANDOM, WINNER
from autoselection_core.signals.table import SignalTable
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


def arms_are_equal(arms: Sequence[ArmRun], signals: SignalTable) -> dg.AssetCheckResult:
    """Random subsets come as near to the winner's tokens as whole samples can."""
    winner = max((run.trial.tokens or 0 for run in arms if run.arm == WINNER), default=None)
    others = [run.trial.tokens or 0 for run in arms if run.arm == RANDOM]
    furthest = max((abs(tokens - winner) for tokens in others), default=0) if winner is not None else 0
    largest = int(np.nanmax(signals["tokens"])) if "tokens" in signals.columns else 1
    return ARMS_ARE_EQUAL.result(
        passed=furthest <= largest, winner_tokens=winner, furthest=furthest, largest_sample=largest
    )


def pool_is_latest(searched: str, latest: str) -> dg.AssetCheckResult:
    """The search selects from the pool as it is now; a warning where it does not."""
    return POOL_IS_LATEST.result(passed=searched == latest, searched=searched, latest=latest)
