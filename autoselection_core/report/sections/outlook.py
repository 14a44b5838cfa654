"""Outlook: certainty of the winner and noise between runs in a sentence each, gain and cost of more runs."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from autoselection_core.history.records import TrialKind
from autoselection_core.progress import percent
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sections.verdict import OPPONENTS
from autoselection_core.score.resampling import arm_draws, pooled_variance, utilities
from autoselection_core.search.arms import tests_by_arm
from autoselection_core.search.baselines import FULL_POOL, PROPER_SUBSET, RANDOM, WINNER

MORE_RUNS = 2
"""Further runs of the winner that are priced."""

_NEARLY_CERTAIN = 0.99


@dataclass(frozen=True)
class Outlook:
    """Certainty of the winner over what it has to beat, and the price of more.

    Attributes:
        chance: Probability that it is better, given its fresh runs; None where an arm has fewer than two.
        half_width: Half the 95 % interval of the difference; None likewise.
        half_width_then: Half width that is expected after two more runs of the winner.
        cost: Full trainings that they cost.
        seconds: Expected seconds of both, by the runs so far; None where no time was recorded.
        opponent: The arm to beat: random subsets of equal tokens, or the best proper subset.
        is_formula: Whether a closed form evaluates, so that no model is trained.
        open_arms: Baselines of the report that are still to be measured.
    """

    chance: float | None
    half_width: float | None = None
    half_width_then: float | None = None
    cost: int = MORE_RUNS
    seconds: float | None = None
    opponent: str = RANDOM
    is_formula: bool = False
    open_arms: int = 0

    @property
    def sentence(self) -> str:
        """The outlook in words."""
        if self.chance is None or self.half_width is None or self.half_width_then is None:
            unknown = f"Whether it beats {OPPONENTS[self.opponent]} is not known"
            if self.open_arms:
                return f"{unknown} yet: baselines of the report are still to be measured ({self.open_arms})."
            return f"{unknown}: that takes two runs of each. Raise report_evaluations."
        who, paid = ("It", "full trainings")
        if self.is_formula:
            who, paid = ("By the formula (no model was trained) it", "evaluations")
        time = "" if not self.seconds or self.seconds < 1 else f", about {self.seconds:,.0f} s"
        return (
            f"{who} beats {OPPONENTS[self.opponent]} with probability {_share(self.chance)}. Two more runs "
            f"of it would bring the 95 % interval from ±{self.half_width:.3g} to about "
            f"±{self.half_width_then:.3g} for {self.cost} {paid}{time}."
        )


def _share(chance: float) -> str:
    """A probability from resampling, which is never certain.

    Example:
        >>> [_share(chance) for chance in (0.0, 0.734, 1.0)]
        ['below 1 %', '73 %', 'above 99 %']
    """
    if chance > _NEARLY_CERTAIN:
        return f"above {percent(_NEARLY_CERTAIN)}"
    if chance < 1 - _NEARLY_CERTAIN:
        return f"below {percent(1 - _NEARLY_CERTAIN)}"
    return percent(chance)


def outlook(facts: SearchFacts) -> Outlook:
    """Outlook from the finished runs of winner and random arm.

    The probability is the share of resampled differences above zero: items with replacement, runs by
    Student's t with the variance pooled over all arms, as in `arm_difference`.
    """
    tests = tests_by_arm(facts.arms)
    opponent = PROPER_SUBSET if facts.is_whole_pool else RANDOM
    winners, others = tests[WINNER], tests[opponent]
    full = tests[FULL_POOL] if opponent == RANDOM else []
    if min(len(winners), len(others)) < 2:  # noqa: PLR2004 - one run says nothing about the next
        return Outlook(None, opponent=opponent, open_arms=facts.record.open_arms)
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
    chance, seconds = float((draws > 0).mean()), _seconds(facts)
    return Outlook(chance, half, then, MORE_RUNS, seconds, opponent, facts.record.spec.is_formula)


def noise_sentence(facts: SearchFacts) -> str:
    """Standard deviation between runs of one subset in words, where a subset was trained more than once.

    Pooled over the dev scores of all subsets with several runs, those of the report among them. The noise
    that a surrogate assumes is no measurement: before anything is repeated it is little more than its prior.
    """
    ledger, search = facts.workspace.ledger, facts.record.search
    runs: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for trial in (*facts.trials, *ledger.trials(search, TrialKind.REPORT)):
        if trial.utility is not None and trial.subset and trial.evaluation and not trial.fidelity:
            runs[trial.subset][trial.evaluation] = trial.utility
    repeated = [np.array(list(values.values())) for values in runs.values() if len(values) > 1]
    if not repeated:
        return "How much runs of one subset vary was not measured: none was trained twice."
    variance, _ = pooled_variance(repeated)
    subsets = "1 subset" if len(repeated) == 1 else f"{len(repeated)} subsets"
    return (
        f"Runs of one subset vary by {np.sqrt(variance):.2g} (standard deviation of dev scores, from "
        f"{sum(map(len, repeated))} runs of {subsets})."
    )


def _seconds(facts: SearchFacts) -> float | None:
    paid = [
        entry.seconds for entry in facts.workspace.ledger.payments(facts.record.search) if entry.seconds > 0
    ]
    return MORE_RUNS * float(np.median(paid)) if paid else None
