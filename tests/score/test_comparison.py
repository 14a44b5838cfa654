from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, spearmanr
from scipy.stats import t as student

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.errors.benchmarks import ItemsDifferError, NoScoresError
from autoselection_core.score.comparison import (
    StatedVerdict,
    Verdict,
    arm_difference,
    paired_difference,
    single_run_note,
)
from autoselection_core.score.p_values import best_probabilities, paired_p_value
from autoselection_core.score.rank_agreement import (
    ItemAgreement,
    few_items_sentence,
    item_agreement,
    rank_agreement,
)
from autoselection_core.score.resampling import DRAWS, Arm, Run
from tests.score.test_score import run, scored

RNG = np.random.default_rng(0)
HARD = RNG.normal(0, 2.0, 60)


def arm(level: float, runs: int, run_noise: float, rng: np.random.Generator, item_noise: float = 0.1) -> Arm:
    """Runs on items whose difficulty all arms share."""
    return [
        run(HARD + level + run_noise * rng.normal() + item_noise * rng.normal(size=len(HARD)))
        for _ in range(runs)
    ]


def test_shared_difficulty_cancels() -> None:
    (first,), (second,) = arm(0.1, 1, 0.0, RNG), arm(0.0, 1, 0.0, RNG)

    difference = paired_difference(first, second, seed=0)

    assert difference.verdict is Verdict.YES
    assert difference.high - difference.low < 0.12


@given(st.integers(0, 2**31))
def test_a_difference_turns_its_sign_with_its_sides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (first,), (second,) = arm(0.1, 1, 0.0, rng), arm(0.0, 1, 0.0, rng)

    forth, back = paired_difference(first, second, seed=1), paired_difference(second, first, seed=1)

    assert forth.value == pytest.approx(-back.value)
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low))


def test_the_order_of_items_does_not_matter() -> None:
    (first,), (second,) = arm(0.1, 1, 0.0, RNG), arm(0.0, 1, 0.0, RNG)
    turned = (type(second[0])(second[0].benchmark, second[0].metric, second[0].side, second[0].items[::-1]),)

    assert paired_difference(first, turned, seed=0) == paired_difference(first, second, seed=0)


def test_other_items_cannot_be_paired() -> None:
    with pytest.raises(ItemsDifferError, match="0 items were scored for the first model only and 1 for"):
        paired_difference(run([1.0, 2.0]), run([1.0, 2.0, 3.0]), seed=0)
    with pytest.raises(ItemsDifferError, match="1 items were scored for the first model only and 0 for"):
        paired_difference(run([1.0, 2.0, 3.0]), run([1.0, 2.0]), seed=0)


def test_an_arm_of_one_run_leaves_the_verdict_undecided() -> None:
    rng = np.random.default_rng(1)

    assert arm_difference(arm(5.0, 1, 0, rng), arm(0.0, 3, 0, rng), seed=0).verdict is Verdict.UNDECIDED
    assert arm_difference(arm(5.0, 2, 0, rng), arm(0.0, 3, 0, rng), seed=0).verdict is Verdict.YES
    assert arm_difference(arm(0.0, 2, 0, rng), arm(5.0, 3, 0, rng), seed=0).verdict is Verdict.NO


def test_an_arm_without_runs_is_refused() -> None:
    with pytest.raises(NoScoresError):
        arm_difference([], arm(0.0, 3, 0, RNG), seed=0)


def test_arms_of_equal_runs_and_equal_items_are_undecided() -> None:
    """The interval is the point 0, which is on neither side."""
    same = [run([0.5, 0.5])] * 3

    difference = arm_difference(same, same, seed=0)

    assert (difference.low, difference.high, difference.verdict) == (0.0, 0.0, Verdict.UNDECIDED)


def test_noisy_runs_widen_the_interval_of_arms() -> None:
    rng = np.random.default_rng(2)
    quiet = arm_difference(arm(0.2, 2, 0.0, rng), arm(0, 3, 0.0, rng), seed=0)
    noisy = arm_difference(arm(0.2, 2, 0.5, rng), arm(0, 3, 0.5, rng), seed=0)

    assert noisy.high - noisy.low > 3 * (quiet.high - quiet.low)


def test_two_against_three_runs_without_a_difference_are_rarely_told_apart() -> None:
    """The nominal rate is 5 %; items alone would claim a winner in most of these."""
    rng = np.random.default_rng(3)
    worlds = [(arm(0, 2, 0.2, rng), arm(0, 3, 0.2, rng)) for _ in range(100)]

    arms = [arm_difference(first, second, seed=0).verdict for first, second in worlds]
    items = [paired_difference(first[0], second[0], seed=0).verdict for first, second in worlds]

    assert sum(verdict is not Verdict.UNDECIDED for verdict in arms) <= 10
    assert sum(verdict is not Verdict.UNDECIDED for verdict in items) > 50


def test_weights_turn_a_difference_around() -> None:
    first = (scored([1.0, 1.1]), scored([0.0, 0.1], "other"))
    second = (scored([0.0, 0.1]), scored([3.0, 3.1], "other"))

    assert paired_difference(first, second, seed=0).value == pytest.approx(-1.0)
    weighted = paired_difference(first, second, seed=0, weights={"sums": 9.0, "other": 1.0})
    assert weighted.value == pytest.approx(0.6)


def test_a_lower_error_is_an_advantage() -> None:
    first, second = ((scored([v, v + 0.1], metric=Metric.BITS_PER_BYTE),) for v in (0.5, 0.9))

    assert paired_difference(first, second, seed=0).value == pytest.approx(0.4)


def test_right_and_wrong_have_the_exact_test() -> None:
    first = scored([1.0] * 8 + [0.0] * 2, metric=Metric.CHOICE_ACCURACY)
    second = scored([0.0] * 8 + [0.0] * 2, metric=Metric.CHOICE_ACCURACY)

    assert paired_p_value(first, second, seed=0) == pytest.approx(2 / 2**8)
    assert paired_p_value(first, first, seed=0) == 1.0


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=3, max_size=9))
def test_rank_agreement_is_spearmans_wherever_both_series_have_an_order(pairs: list[tuple[int, int]]) -> None:
    first, second = zip(*pairs, strict=True)
    found = rank_agreement(first, second)

    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(first, second).statistic)


@given(st.floats(1e-6, 1e6), st.integers(2, 30))
def test_a_difference_on_one_item_alone_proves_nothing(size: float, items: int) -> None:
    """Each flip of its sign is as far from zero."""
    first, second = scored([size, *[0.0] * (items - 1)]), scored([0.0] * items)

    assert paired_p_value(first, second, seed=0) == 1.0


def test_no_p_value_is_smaller_than_the_flips_that_were_drawn_can_show() -> None:
    """(b + 1) / (m + 1): of m flips none is as far, and the observed one counts, too."""
    assert paired_p_value(scored([0.7] * 60), scored([0.2] * 60), seed=0) == 1 / (DRAWS + 1)


def test_p_values_of_equal_models_are_spread_evenly() -> None:
    rng = np.random.default_rng(4)
    pairs = [(scored(rng.normal(size=20)), scored(rng.normal(size=20))) for _ in range(100)]

    small = sum(paired_p_value(first, second, seed=0) < 0.2 for first, second in pairs)

    assert 8 <= small <= 34


def test_probabilities_to_be_best_follow_the_arms_and_sum_to_one() -> None:
    rng = np.random.default_rng(5)
    arms = [arm(0.0, 2, 0.1, rng), arm(2.0, 2, 0.1, rng), arm(2.0, 2, 0.1, rng)]

    shares = best_probabilities(arms, seed=0)

    assert shares is not None
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] < 0.01
    assert min(shares[1:]) > 0.05


def test_the_best_arm_is_unknown_where_no_arm_has_two_runs() -> None:
    rng = np.random.default_rng(3)

    assert best_probabilities([arm(level, 1, 1.0, rng) for level in (0.0, 0.5, 1.0)], seed=0) is None
    assert best_probabilities([arm(0.0, 2, 1.0, rng), arm(1.0, 1, 1.0, rng)], seed=0) is not None


def test_equal_arms_whose_runs_do_not_vary_are_equally_likely_to_be_the_best() -> None:
    """The first one was certain to be the best."""
    right, wrong = run([1.0, 0.0, 1.0, 1.0]), run([0.0, 0.0, 1.0, 0.0])

    assert best_probabilities([(right,) * 2, (right,) * 2], seed=0) == [0.5, 0.5]
    shares = best_probabilities([(wrong,) * 2, (right,) * 2, (right,) * 3], seed=0)

    assert shares is not None
    assert shares[1] == shares[2] > shares[0]
    assert sum(shares) == pytest.approx(1.0)


def test_runs_that_vary_make_the_leading_arm_less_sure_than_items_alone() -> None:
    """Of two equal arms each is the best half the time, however runs are drawn."""
    first = [run([level] * 5) for level in (0.0, 1.0)]

    shares = best_probabilities([first, first], seed=0)

    assert shares is not None
    assert shares == pytest.approx([0.5, 0.5], abs=0.05)


def test_few_degrees_of_freedom_make_the_leading_arm_less_sure() -> None:
    """Two arms with one freedom: P(best) is that of Student's t, far from the normal one."""
    arms = [[run(HARD + level) for level in (0.0, 2.0)], [run(HARD + 4.0)]]

    shares = best_probabilities(arms, seed=0)

    assert shares is not None
    # The difference is 3, its standard error 2**0.5 * 1.5**0.5, with one degree of freedom.
    assert shares[1] == pytest.approx(float(student.cdf(3 / (2 * 1.5) ** 0.5, 1)), abs=0.02)
    assert shares[1] < float(norm.cdf(3 / (2 * 1.5) ** 0.5)) - 0.03


def test_leading_arms_are_the_best_about_as_often_as_is_said() -> None:
    said, right = [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        levels = 2.0 * rng.standard_normal(3)
        shares = best_probabilities([arm(level, 2, 1.0, rng) for level in levels], seed=seed)
        assert shares is not None
        said.append(max(shares))
        right.append(int(np.argmax(shares)) == int(levels.argmax()))

    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.1)


def test_what_items_do_from_run_to_run_counts_once() -> None:
    """With hundreds of items and runs enough, the interval is that of the true standard error."""
    rng = np.random.default_rng(6)
    first, second = (arm(0.0, 12, 0.0, rng, item_noise=2.0) for _ in range(2))
    error = 2.0 / len(HARD) ** 0.5 * (2 / 12) ** 0.5

    difference = arm_difference(first, second, seed=0)

    assert (difference.high - difference.low) / 2 == pytest.approx(2.07 * error, rel=0.3)


def test_items_that_subsets_answer_differently_still_widen_the_interval() -> None:
    rng = np.random.default_rng(7)
    profile = rng.normal(size=len(HARD))
    first = [run(HARD + profile + 0.01 * rng.normal(size=len(HARD))) for _ in range(4)]
    second = arm(0.0, 4, 0.0, rng, item_noise=0.01)

    difference = arm_difference(first, second, seed=0)

    assert (difference.high - difference.low) / 2 == pytest.approx(1.96 * len(HARD) ** -0.5, rel=0.3)


@pytest.mark.parametrize("runs", [2, 4])
def test_an_interval_is_as_wide_as_the_variances_of_items_and_of_runs_make_it(runs: int) -> None:
    """Items differ by a deviation of 1 between the arms, and vary by 1 from run to run.

    The variance of the difference is that of a mean over items, whose own noise counts once: in the items or
    in the runs, not in both. Many further arms make the variance between runs a known one.
    """
    rng = np.random.default_rng(8)
    items = 400
    between = rng.normal(size=items)

    def noisy(share: float) -> Arm:
        return [run(share * between + rng.normal(size=items)) for _ in range(runs)]

    beside = [noisy(0.0) for _ in range(60)]
    difference = arm_difference(noisy(0.5), noisy(-0.5), seed=0, beside=beside)

    deviation = np.sqrt(between.var() / items + 2 / (items * runs))
    assert (difference.high - difference.low) / 2 == pytest.approx(1.96 * deviation, rel=0.07)


def test_runs_of_a_third_arm_say_how_much_runs_vary() -> None:
    rng = np.random.default_rng(8)
    first, second, third = arm(0.0, 2, 0.2, rng), arm(0.0, 2, 0.2, rng), arm(3.0, 40, 0.2, rng)

    alone = arm_difference(first, second, seed=0)
    beside = arm_difference(first, second, seed=0, beside=[third])

    assert beside.value == alone.value
    assert (beside.high - beside.low) / 2 == pytest.approx(2.02 * 0.2, rel=0.3)


@pytest.mark.parametrize("measured", [None, (7, 3)])
def test_a_stated_verdict_is_read_as_it_was_written(tmp_path: Path, measured: tuple[int, int] | None) -> None:
    assert StatedVerdict.read(tmp_path) is None
    stated = StatedVerdict("subset", "better", ("It is better.",), measured, ("It is small.",))
    for name, content in stated.files().items():
        (tmp_path / name).write_bytes(content)

    assert StatedVerdict.read(tmp_path) == stated


def test_a_verdict_over_an_arm_of_one_run_has_a_note_and_over_more_none() -> None:
    assert single_run_note((1, 3)) == single_run_note((3, 1)) != ""
    assert single_run_note((2, 3)) == ""


def models(levels: np.ndarray, items: int, noise: float, rng: np.random.Generator) -> list[Run]:
    """Models with true levels on new items, which find each item more or less easy."""
    hard = rng.normal(0, 2.0, items)
    return [run(level + hard + noise * rng.normal(size=items)) for level in levels]


@pytest.mark.parametrize(("noise", "items"), [(0.5, 24), (0.5, 96), (2.0, 24)])
def test_items_agree_as_far_as_scores_on_other_items_correlate(noise: float, items: int) -> None:
    """Against the correlation itself, with as many items that nobody had seen."""
    rng = np.random.default_rng(3)
    found, true = [], []
    for _ in range(60):
        levels = rng.normal(0, 0.1, 40)
        here, there = (models(levels, items, noise, rng) for _ in range(2))
        agreement = item_agreement(here)
        assert agreement is not None
        found.append(agreement.correlation)
        true.append(np.corrcoef([[one[0].mean for one in side] for side in (here, there)])[0, 1])

    assert np.mean(found) == pytest.approx(np.mean(true), abs=0.05)


def test_six_models_say_little_of_the_agreement_and_the_interval_says_so() -> None:
    rng = np.random.default_rng(4)
    expected = 0.01 / (0.01 + 0.25 / 24)
    drawn = [item_agreement(models(rng.normal(0, 0.1, 6), 24, 0.5, rng)) for _ in range(300)]

    known = [each for each in drawn if each is not None]

    assert len(known) == len(drawn)
    assert np.mean([each.low <= expected <= each.high for each in known]) > 0.92
    assert np.mean([each.correlation < expected for each in known]) == pytest.approx(0.5, abs=0.08)
    assert np.mean([each.high - each.low for each in known]) > 0.5


def test_the_agreement_is_that_of_the_benchmarks_that_count() -> None:
    rng = np.random.default_rng(5)
    levels = rng.normal(0, 0.5, 8)
    told, noise = models(levels, 30, 0.5, rng), models(np.zeros(8), 30, 5.0, rng)
    both = [(one, scored(two.values, "words")) for (one,), (two,) in zip(told, noise, strict=True)]

    alone, weighed = item_agreement(told), item_agreement(both, {"sums": 1.0, "words": 0.0})
    mean = item_agreement(both)

    assert alone is not None
    assert weighed is not None
    assert mean is not None
    assert weighed.correlation == pytest.approx(alone.correlation, abs=1e-3)
    assert (alone.items, weighed.items) == (30, 60)
    assert mean.correlation < alone.correlation - 0.2


def test_what_cannot_be_told_of_items_is_not_told() -> None:
    rng = np.random.default_rng(6)
    several = models(rng.normal(size=4), 10, 0.5, rng)
    others = [(scored(one.values[:9]),) for (one,) in several[:1]]

    assert item_agreement(several[:2]) is None
    assert item_agreement([*several[1:], *others]) is None
    assert item_agreement([run([1.0]), run([2.0]), run([3.0])]) is None
    assert item_agreement([several[0]] * 3) is None


def test_too_few_items_are_told_with_the_number_that_would_be_enough() -> None:
    """By Spearman and Brown four times the items make 0.8 of 0.5."""
    half, none, good = (ItemAgreement(6, 24, share, 0.0, 0.9) for share in (0.5, 0.0, 0.85))

    assert half.wanted_items == 96
    assert "correlation of 0.50 [0.00, 0.90] with those on these 24 dev items;" in half.sentence
    assert half.sentence.endswith("about 96 would give 0.8.")
    assert "do not tell the models apart" in none.sentence
    assert good.sentence.endswith("24 dev items; luck of a training is not seen.")
    assert few_items_sentence(39).startswith("39 dev items steer the search")
    assert few_items_sentence(40) == few_items_sentence(0) == ""
