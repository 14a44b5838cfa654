"""Comparisons of a study with intervals, and the agreement between seeds and models."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoselection_core.campaign.declaration.signals import own_scores
from autoselection_core.progress import percent
from autoselection_core.score.comparison import Difference, arm_difference, single_run_note
from autoselection_core.score.importance import Importance, importances
from autoselection_core.score.p_values import best_probabilities
from autoselection_core.score.rank_agreement import rank_agreement
from autoselection_core.score.resampling import Run, utilities
from autoselection_core.score.score import BenchmarkScore
from autoselection_core.search.arms import FULL_POOL, RANDOM, WINNER
from autoselection_core.solver.candidates.warmup import is_plain
from autoselection_core.solver.policy import EITHER
from autoselection_core.study.arms import RECIPE
from autoselection_core.study.loading import Contest
from autoselection_core.study.results.facts import StudyFacts
from autoselection_core.study.study import SearchArm

SAME_NAME = "the choice among equal candidates"
"""Name of the A/A mode for people."""

_SEED = 0
"""Seed of the resampling: a report that is written again says the same."""


@dataclass(frozen=True)
class Comparison:
    """One contestant beside another, on test items.

    Attributes:
        first: The contestant.
        second: Its opponent.
        difference: First minus second with its interval and verdict.
        runs: Runs of each; for a way to search, its searches.
    """

    first: str
    second: str
    difference: Difference
    runs: tuple[int, int]

    def sentence(self, metric: str) -> str:
        """The comparison for people."""
        found, note = self.difference, single_run_note(self.runs)
        return (
            f"Is {self.first} better than {self.second}? {found.verdict.value}{note}. Test items, {metric}: "
            f"{found.value:+.4f}, {percent(found.confidence)} interval "
            f"[{found.low:+.4f}, {found.high:+.4f}], {self.runs[0]} against {self.runs[1]} runs."
        )


def comparisons(facts: StudyFacts) -> list[Comparison]:
    """Ways to search over their seeds, each recommendation alone, each recipe beside the full pool.

    Each recommendation stands beside the best plain filter that the study states, too.
    """
    ways = (*facts.study.searches, *((None,) if facts.study.same is not None else ()))
    searched = [_over_seeds(facts, arm) for arm in ways]
    single = [
        _compare(facts, f"{WINNER}/{each.name}", opponent)
        for each in facts.contests
        if each.arm is not None
        for opponent in (f"{RANDOM}/{each.name}", FULL_POOL)
    ]
    recipes = [_compare(facts, arm, FULL_POOL) for arm in facts.arm_names if arm.startswith("recipe/")]
    beside = [_beside_plain_filter(facts, each) for each in facts.contests if each.arm is not None]
    return [found for found in (*searched, *single, *recipes, *beside) if found is not None]


def whole_pool_sentences(facts: StudyFacts) -> list[str]:
    """A sentence on each search that recommends the full pool: random subsets would be it, too."""
    return [
        f"{each.name} recommends the full pool: it is the best of what was tried, and no subset beat it."
        for each in facts.contests
        if facts.subsets_of(f"{WINNER}/{each.name}") == facts.subsets_of(FULL_POOL)
    ]


def _beside_plain_filter(facts: StudyFacts, contest: Contest) -> Comparison | None:
    """A recommendation beside the best plain filter of the study, which dev scores choose."""
    scores = [(name, EITHER) for name in own_scores(facts.study.campaign.signals)]
    plain = {
        arm: [each.evaluation.utility for each in facts.arms if each.arm == arm]
        for arm in facts.arm_names
        if arm.startswith(f"{RECIPE}/")
        and any(
            is_plain(each.trial.recipe, scores)
            for each in facts.arms
            if each.arm == arm and each.trial.recipe
        )
    }
    if not plain:
        return None
    best = max(plain, key=lambda arm: float(np.mean(plain[arm])))
    found = _compare(facts, f"{WINNER}/{contest.name}", best)
    return None if found is None else replace(found, second=f"{found.second}, the best plain filter")


def _over_seeds(facts: StudyFacts, arm: SearchArm | None) -> Comparison | None:
    """A way to search beside random subsets. Runs of one search share its luck and count once.

    None means the choice among equal candidates. Its winner may be a draw that is truly lucky, so only
    several contests can say whether choosing is worth anything.
    """
    mine = [each for each in facts.contests if each.arm == arm]
    runs = [average(tests) for each in mine if (tests := facts.tests_of(f"{WINNER}/{each.name}"))]
    draws = [test for each in mine for test in facts.tests_of(f"{RANDOM}/{each.name}")]
    arms = [f"{kind}/{each.name}" for each in mine for kind in (WINNER, RANDOM)]
    if not runs or not draws or len(facts.subsets_of(*arms)) == 1:
        return None
    found = arm_difference(runs, draws, seed=_SEED, weights=facts.weights)
    name = SAME_NAME if arm is None else arm.name
    first = f"{name} over {len(runs)} seeds" if len(runs) > 1 else f"{name} with one seed"
    return Comparison(first, "random subsets of equal tokens", found, (len(runs), len(draws)))


def _compare(facts: StudyFacts, first: str, second: str) -> Comparison | None:
    """Two arms by their own runs: those of a large subset vary more, because each reads another part."""
    mine, others = facts.tests_of(first), facts.tests_of(second)
    if not mine or not others or len(facts.subsets_of(first, second)) == 1:
        return None  # another seed on the same rows is luck, and no opponent
    found = arm_difference(mine, others, seed=_SEED, weights=facts.weights)
    return Comparison(facts.arm_label(first), facts.arm_label(second), found, (len(mine), len(others)))


def average(runs: Sequence[Run]) -> Run:
    """The runs of one recommendation as one: every item's mean value."""
    return tuple(_average([run[at] for run in runs]) for at in range(len(runs[0])))


def _average(scores: Sequence[BenchmarkScore]) -> BenchmarkScore:
    by_item = [{item.item: item.value for item in score.items} for score in scores]
    items = tuple(
        replace(item, value=float(np.mean([values[item.item] for values in by_item])))
        for item in scores[0].items
    )
    return replace(scores[0], items=items)


def probabilities_of_best(facts: StudyFacts) -> dict[str, float]:
    """Probability of each arm with test scores to be the best, when runs and items are drawn again.

    Empty where that is unknown, because no arm has two runs.
    """
    tested = {arm: runs for arm in facts.compared_arms if (runs := facts.tests_of(arm))}
    if not tested:
        return {}
    shares = best_probabilities(list(tested.values()), seed=_SEED, weights=facts.weights)
    return {} if shares is None else dict(zip(tested, shares, strict=True))


def leading_first(facts: StudyFacts) -> list[str]:
    """The arms with test scores, the likeliest best first; by their mean score where that is unknown."""
    best = probabilities_of_best(facts)
    tested = [arm for arm in facts.compared_arms if facts.tests_of(arm)]
    return sorted(tested, key=lambda arm: -best.get(arm, float(np.mean(facts.test_utilities(arm)))))


def importance_of_states(facts: StudyFacts) -> list[Importance]:
    """Importance of the numbers of a state for the dev score, over all subsets that were evaluated."""
    kept = facts.states
    if kept is None:
        return []
    scores: dict[str, list[float]] = {}
    for evaluation in facts.evaluations:
        if evaluation.subset in kept.states:
            scores.setdefault(evaluation.subset, []).append(evaluation.utility)
    if not scores:
        return []
    means = np.array([np.mean(values) for values in scores.values()])
    return importances(kept.names, kept.table(tuple(scores)), means, seed=_SEED)


@dataclass(frozen=True)
class ModelAgreement:
    """Rank agreement of two base models over the arms.

    Attributes:
        arms: Name, test utility on the campaign's model, test utility on the other.
        spearman: Rank correlation; None for fewer than three arms.
        kendall: Share of pairs ordered alike minus share ordered otherwise; None likewise.
    """

    arms: tuple[tuple[str, float, float], ...]
    spearman: float | None
    kendall: float | None


def transfer_agreement(facts: StudyFacts) -> ModelAgreement | None:
    """The arms on both base models; None where nothing was transferred."""
    from scipy.stats import kendalltau

    own = {arm: values for arm in facts.arm_names if (values := facts.test_utilities(arm))}
    other = {
        each.arm: float(utilities([each.test], facts.weights)[0])
        for each in facts.transferred
        if each.test is not None
    }
    pairs = tuple(
        (facts.arm_label(arm), float(np.mean(values)), other[arm])
        for arm, values in own.items()
        if arm in other
    )
    if not pairs:
        return None
    if len(pairs) < 3:  # noqa: PLR2004 two arms are always ordered alike or not
        return ModelAgreement(pairs, None, None)
    left, right = [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    return ModelAgreement(pairs, rank_agreement(left, right), float(kendalltau(left, right).statistic))
