"""Outlook: certainty of the winner and noise between runs in a sentence each, gain and price of more runs."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

import numpy as np

from autoselection_core.history.records import SearchState, TrialKind
from autoselection_core.identity import Json
from autoselection_core.progress import cost_text, percent
from autoselection_core.report.facts import SearchFacts
from autoselection_core.report.sections.verdict import OPPONENTS
from autoselection_core.score.resampling import arm_draws, pooled_variance, utilities
from autoselection_core.score.score import CONFIDENCE
from autoselection_core.search.arms import (
    FULL_POOL,
    PLAIN_FILTER,
    PLAIN_REPLICATES,
    PROPER_SUBSET,
    RANDOM,
    WINNER,
)
from autoselection_core.search.report_evaluations import arm_order, tests_by_arm
from autoselection_core.search.time_left import UnitTimes

FURTHER = 4
"""Evaluations by which an offer raises the report's budget: winner and opponent take turns, two runs each."""

_RUNS = {
    WINNER: ("run of the winner", "runs of the winner"),
    RANDOM: ("random subset", "random subsets"),
    FULL_POOL: ("run of the full pool", "runs of the full pool"),
    PLAIN_FILTER: ("run of the best plain filter", "runs of the best plain filter"),
    PROPER_SUBSET: ("run of the best proper subset", "runs of the best proper subset"),
}
_NEARLY_CERTAIN = 0.99
_DECIDED = (1 + CONFIDENCE) / 2
"""Probability from which on the interval of a verdict leaves 0 out."""


@dataclass(frozen=True)
class Offer:
    """Further runs of a report, their price, and the command that makes them.

    Attributes:
        runs: Number of further runs by arm.
        command: Command line that raises the report's budget and makes them.
        report_evaluations: The raised budget.
        is_formula: Whether a closed form evaluates, so that no model is trained.
        seconds: Expected seconds of all, test items included, by the runs so far; None where no time was
            recorded.
        price_per_hour: Price of an hour; None where reports show no money.
    """

    runs: Mapping[str, int] = field(hash=False)
    command: str
    report_evaluations: int
    is_formula: bool
    seconds: float | None = None
    price_per_hour: float | None = None

    @property
    def cost(self) -> int:
        """Full trainings, or evaluations by the formula, that they cost at most."""
        return sum(self.runs.values())

    @property
    def named_runs(self) -> str:
        """The runs in words, for instance `2 runs of the winner, 2 random subsets`."""
        return ", ".join(f"{count} {_RUNS[arm][count > 1]}" for arm, count in self.runs.items())

    @property
    def price(self) -> str:
        """The price in words, for instance `4 full trainings, about 12 min`."""
        unit = "evaluation" if self.is_formula else "full training"
        price = f"{self.cost} {unit}{'' if self.cost == 1 else 's'}"
        if not self.seconds or self.seconds < 1:
            return price
        return f"{price}, about {cost_text(self.seconds, self.price_per_hour)}"

    def to_json(self) -> dict[str, Json]:
        """The offer as data, for programs."""
        return {"runs": dict(self.runs), "cost": self.cost, "seconds": self.seconds, "command": self.command}


@dataclass(frozen=True)
class Outlook:
    """Certainty of the winner over what it has to beat, and an offer of more runs.

    Attributes:
        chance: Probability that it is better, given its fresh runs; None where an arm has fewer than two.
        half_width: Half the 95 % interval of the difference; None likewise.
        half_width_then: Half width that is expected after the offered runs; None where none is offered.
        opponent: The arm to beat: random subsets of equal tokens, or the best proper subset.
        offer: Further runs; None where the search is stopped, its report waits, or nothing else is to run.
        is_formula: Whether a closed form evaluates, so that no model is trained.
        open_arms: Evaluations of the report that are still to be measured.
        value: Difference so far, winner minus opponent; None where `chance` is.
    """

    chance: float | None
    half_width: float | None = None
    half_width_then: float | None = None
    opponent: str = RANDOM
    offer: Offer | None = None
    is_formula: bool = False
    open_arms: int = 0
    value: float | None = None

    @property
    def sentence(self) -> str:
        """The outlook in words."""
        return " ".join(filter(None, (self._certainty, self._offered)))

    @property
    def _certainty(self) -> str:
        opponent = OPPONENTS[self.opponent]
        if self.chance is None:
            unknown = f"Whether it beats {opponent} is not known"
            if self.open_arms:
                return f"{unknown} yet: report evaluations are still to be measured ({self.open_arms})."
            return f"{unknown}: that takes two runs of each."
        if not self._is_undecided:
            who = "By the formula (no model was trained) it" if self.is_formula else "It"
            return f"{who} beats {opponent} with probability {_share(self.chance)}."
        by = " by the formula (no model was trained)" if self.is_formula else ""
        return (
            f"Undecided{by}: the probability that it beats {opponent} is {_share(self.chance)}; a verdict "
            f"takes more than {percent(_DECIDED, 1)}, or less than {percent(1 - _DECIDED, 1)}."
        )

    @property
    def _is_undecided(self) -> bool:
        """Whether 0 is within the interval of a verdict."""
        return self.chance is not None and 1 - _DECIDED <= self.chance <= _DECIDED

    @property
    def _offered(self) -> str:
        """The offered runs with gain, price and command; empty where none are offered."""
        if self.offer is None:
            return "" if self.open_arms or self.chance is not None else "Raise report_evaluations."
        gain = "cost"
        if self.half_width is not None and self.half_width_then is not None:
            gain = (
                f"would bring the 95 % interval from ±{self.half_width:.3g} to about "
                f"±{self.half_width_then:.3g} for"
            )
        further = f"Further runs ({self.offer.named_runs}) {gain} {self.offer.price}: `{self.offer.command}`"
        return f"{further}{self._expected}"

    @property
    def _expected(self) -> str:
        """Whether the offered runs are likely to decide anything; empty where that is decided or unknown."""
        if not self._is_undecided or self.value is None or self.half_width_then is None:
            return ""
        if abs(self.value) > self.half_width_then:
            return f". They decide it if the difference stays what it is now ({self.value:+.3g})."
        return (
            f". Even then it is likely to stay undecided: the difference so far is {self.value:+.3g}, within "
            f"±{self.half_width_then:.3g}."
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
    """Outlook from the finished runs of winner and opponent.

    The probability is the share of resampled differences above zero: items with replacement, runs by
    Student's t with the variance pooled over all arms, as in `arm_difference`.
    """
    tests, offer, is_formula = tests_by_arm(facts.arms), offer_of(facts), facts.record.spec.is_formula
    opponent = PROPER_SUBSET if facts.is_whole_pool else RANDOM
    winners, others = tests[WINNER], tests[opponent]
    full = tests[FULL_POOL] if opponent == RANDOM else []
    if min(len(winners), len(others)) < 2:  # noqa: PLR2004 - one run says nothing about the next
        return Outlook(
            None,
            opponent=opponent,
            offer=offer,
            is_formula=is_formula,
            open_arms=facts.record.open_arms,
        )
    from scipy import stats

    weights = facts.record.spec.score_weights
    rng = np.random.default_rng(facts.record.spec.seed)
    beside = [full] if full else []
    draws = arm_draws(winners, others, weights=weights, rng=rng, beside=beside)
    low, high = np.quantile(draws, [0.025, 0.975])
    chance, half = float((draws > 0).mean()), float(high - low) / 2
    value = float(utilities(winners, weights).mean() - utilities(others, weights).mean())
    if offer is None:
        return Outlook(chance, half, None, opponent, None, is_formula, value=value)
    variance, freedom = pooled_variance([utilities(arm, weights) for arm in (winners, others, *beside)])
    more = {arm: offer.runs.get(arm, 0) for arm in (WINNER, opponent)}
    reach, reach_then = (float(stats.t.ppf(0.975, count)) for count in (freedom, freedom + offer.cost))
    # The interval narrows by what more runs take off the runs' part; the items' part stays.
    saved = variance * sum(
        1 / len(runs) - 1 / (len(runs) + more[arm]) for arm, runs in ((WINNER, winners), (opponent, others))
    )
    then = reach_then * float(np.sqrt(max(0.0, (half / reach) ** 2 - saved)))
    return Outlook(chance, half, then, opponent, offer, is_formula, value=value)


def offer_of(facts: SearchFacts) -> Offer | None:
    """Further runs that a larger report budget buys; None before the report is measured."""
    record, campaign = facts.record, facts.workspace.campaign
    if record.state is not SearchState.DONE or record.open_arms or facts.best is None:
        return None
    budget = record.report_evaluations + FURTHER
    arms = _without(_planned(facts, budget), [run.arm for run in facts.arms])
    runs = Counter(arms[: max(0, int(budget - record.report_spent))])
    if not runs:
        return None
    each = _seconds(facts)
    return Offer(
        runs,
        campaign.command(f"search --name {record.search} --report-evaluations {budget}"),
        budget,
        record.spec.is_formula,
        None if each is None else each * sum(runs.values()),
        campaign.price_per_hour,
    )


def _planned(facts: SearchFacts, evaluations: int) -> list[str]:
    """Arms that a report with this budget asks for and pays, in their order; see `arm_order`."""
    best = facts.require_best()
    if facts.is_whole_pool and not any(run.arm == RANDOM for run in facts.arms):
        beside = [WINNER, PROPER_SUBSET]
        return list(islice(cycle(beside), evaluations)) if best.proper_subset is not None else []
    arms = arm_order(evaluations, 0 if best.plain_filter is None else PLAIN_REPLICATES)
    is_measured = any(
        len(facts.realise(each.recipe)) == len(facts.signals) for each in facts.history.observations
    )
    return list(arms[1:]) if is_measured and not facts.arms else list(arms)


def _without(arms: Sequence[str], done: Sequence[str]) -> list[str]:
    """The arms that are left of some in their order, once those that are done are taken off."""
    left, rest = Counter(done), []
    for arm in arms:
        if left[arm]:
            left[arm] -= 1
        else:
            rest.append(arm)
    return rest


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
        return "How much runs of one subset vary was not measured: none was evaluated twice."
    variance, _ = pooled_variance(repeated)
    subsets = "1 subset" if len(repeated) == 1 else f"{len(repeated)} subsets"
    return (
        f"Runs of one subset vary by {np.sqrt(variance):.2g} (standard deviation of dev scores, from "
        f"{sum(map(len, repeated))} runs of {subsets})."
    )


def _seconds(facts: SearchFacts) -> float | None:
    """Expected seconds of an evaluation and of its test items; None where no time was recorded."""
    times = UnitTimes.of(facts.workspace.ledger, facts.record, facts.workspace.home)
    return None if times is None else times.evaluation_s + times.test_s
