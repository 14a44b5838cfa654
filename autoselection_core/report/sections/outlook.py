"""Outlook: certainty of the winner in one sentence, and gain and cost of more evaluations."""

from dataclasses import dataclass

import numpy as np

from autoselection_core.report.facts import SearchFacts
from autoselection_core.score.resampling import arm_draws, pooled_variance, utilities
from autoselection_core.search.arms import tests_by_arm
from autoselection_core.search.baselines import FULL_POOL, RANDOM, WINNER

MORE_RUNS = 2
"""Further runs of the winner that are priced."""

_NEARLY_CERTAIN = 0.99


@dataclass(frozen=True)
class Outlook:
    """Certainty of the winner over random subsets of equal tokens, and the price of more.

    Attributes:
        chance: Probability that it is better, given its fresh runs; None where an arm has fewer than two.
        half_width: Half the 95 % interval of the difference; None likewise.
        half_width_then: Half width that is expected after two more runs of the winner.
        cost: Full trainings that they cost.
        seconds: Expected seconds of both, by the runs so far; None where no time was recorded.
    """

    chance: float | None
    half_width: float | None = None
    half_width_then: float | None = None
    cost: int = MORE_RUNS
    seconds: float | None = None

    @property
    def sentence(self) -> str:
        """The outlook in words."""
        if self.chance is None or self.half_width is None or self.half_width_then is None:
            return (
                "Whether it beats random subsets of equal tokens is unknown: that takes two runs of either. "
                "Raise report_evaluations."
            )
        time = "" if not self.seconds or self.seconds < 1 else f", about {self.seconds:,.0f} s"
        return (
            f"It beats random subsets of equal tokens with probability {_share(self.chance)}. Two more runs "
            f"of it would bring the 95 % interval from ±{self.half_width:.3g} to about "
            f"±{self.half_width_then:.3g} for {self.cost} full trainings{time}."
        )


def _share(chance: float) -> str:
    """A probability from resampling, which is never certain.

    Example:
        >>> [_share(chance) for chance in (0.0, 0.734, 1.0)]
        ['below 1 %', '73 %', 'above 99 %']
    """
    if chance > _NEARLY_CERTAIN:
        return f"above {100 * _NEARLY_CERTAIN:.0f} %"
    if chance < 1 - _NEARLY_CERTAIN:
        return f"below {100 * (1 - _NEARLY_CERTAIN):.0f} %"
    return f"{100 * chance:.0f} %"


def outlook(facts: SearchFacts) -> Outlook:
    """Outlook from the finished runs of winner and random arm.

    The probability is the share of resampled differences above zero: items with replacement, runs by
    Student's t with the variance pooled over all arms, as in `arm_difference`.
    """
    tests = tests_by_arm(facts.arms)
    winners, others, full = tests[WINNER], tests[RANDOM], tests[FULL_POOL]
    if min(len(winners), len(others)) < 2:  # noqa: PLR2004 - one run says nothing about the next
        return Outlook(None)
    from scipy import stats

    weights = facts.record.spec.score_weights
    rng = np.random.default_rng(facts.record.spec.seed)
    beside = [full] if full else []
    draws = arm_draws(winners, others, weights=weights, rng=rng, beside=beside)
    low, high = np.quantile(draws, [0.025, 0.975])
    variance, freedom = pooled_variance([utilities(arm, weights) for arm in (winners, others, *beside)])
    reach, reach_then = (float(stats.t.ppf(0.975, count)) for count in (freedom, freedom + MORE_RUNS))
    # The interval narrows by what more runs take off the runs' part; the items' part stays.
    saved = variance * (1 / len(winners) - 1 / (len(winners) + MORE_RUNS))
    half = float(high - low) / 2
    then = reach_then * float(np.sqrt(max(0.0, (half / reach) ** 2 - saved)))
    return Outlook(float((draws > 0).mean()), half, then, MORE_RUNS, _seconds(facts))


def _seconds(facts: SearchFacts) -> float | None:
    paid = [entry.seconds for entry in facts.workspace.ledger.money(facts.record.search) if entry.seconds > 0]
    return MORE_RUNS * float(np.median(paid)) if paid else None
