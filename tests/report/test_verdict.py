"""Whose runs say how much runs vary."""

from autoselection_core.history.specification.spec import SearchSpec
from autoselection_core.report.sections.verdict import compare
from autoselection_core.score.comparison import Verdict, arm_difference
from autoselection_core.search.baselines import FULL_POOL, RANDOM, WINNER
from tests.score.runs import run


def test_random_subsets_say_nothing_about_how_much_runs_of_the_full_pool_vary() -> None:
    """Five calm runs would hide that the two of the full pool differ by much."""
    winners, randoms, full = ([run([level] * 3) for level in levels] for levels in _LEVELS)
    tests = {WINNER: winners, RANDOM: randoms, FULL_POOL: full}
    spec = SearchSpec(campaign="calm")

    over_random, over_full = (compare(tests, name, spec) for name in (RANDOM, FULL_POOL))

    assert over_full is not None
    assert over_full.difference == arm_difference(winners, full, seed=0)
    assert over_full.difference.verdict is Verdict.UNDECIDED
    assert over_random is not None
    assert over_random.difference == arm_difference(winners, randoms, seed=0, beside=[full])


_LEVELS = ((2.0, 2.1), (0.9, 1.0, 1.1), (0.0, 1.0))
"""Scores of the winner's runs, of random subsets, of the full pool."""
