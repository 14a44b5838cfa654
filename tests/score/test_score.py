import pickle
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.benchmarks import NoScoresError, UnitsDifferError, UnknownWeightError
from autoselection_core.score.evaluation import Cost, Evaluation
from autoselection_core.score.importance import importances
from autoselection_core.score.resampling import Run
from autoselection_core.score.score import (
    BenchmarkScore,
    ItemScore,
    utility,
    utility_standard_error,
)


def scored(
    values: Sequence[float] | npt.NDArray[np.float64],
    benchmark: str = "sums",
    metric: Metric = Metric.LOG_LIKELIHOOD,
) -> BenchmarkScore:
    items = tuple(ItemScore(f"item {number}", float(value)) for number, value in enumerate(values))
    return BenchmarkScore(benchmark, metric, Side.DEV, items)


def run(values: Sequence[float] | npt.NDArray[np.float64]) -> Run:
    return (scored(values),)


def test_the_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    states, scores = rng.integers(5, size=(30, 3)).astype(float), rng.normal(size=30)

    found = {each.name: each.correlation for each in importances("abc", states, scores, seed=0)}

    for at, name in enumerate("abc"):
        assert found[name] == pytest.approx(spearmanr(states[:, at], scores).statistic)


def test_what_drives_the_score_comes_first_and_lies_outside_of_chance() -> None:
    rng = np.random.default_rng(1)
    states = rng.normal(size=(25, 40))
    first, *others = importances([f"s{at}" for at in range(40)], states, states[:, 7] * 3 + 1, seed=0)

    assert first.name == "s7"
    assert first.p_value < 0.01
    assert all(each.low < 0 < each.high for each in others)


def test_numbers_that_mean_nothing_are_rarely_called_important() -> None:
    rng = np.random.default_rng(2)
    claimed = sum(
        importances("abcdefgh", rng.normal(size=(15, 8)), rng.normal(size=15), seed=run)[0].p_value < 0.05
        for run in range(60)
    )

    assert claimed <= 8


@pytest.mark.parametrize("rows", [0, 4])
def test_few_subsets_say_nothing(rows: int) -> None:
    assert importances("ab", np.zeros((rows, 2)), np.zeros(rows), seed=0) == []


def test_unknown_and_constant_numbers_are_left_out() -> None:
    states = np.array([[float(row), 1.0, 4.0] for row in range(5)])
    states[0, 1] = np.nan

    assert [each.name for each in importances("abc", states, np.arange(5.0), seed=0)] == ["a"]


def test_subsets_of_equal_scores_and_numbers_that_never_vary_say_nothing() -> None:
    varied = np.arange(12.0).reshape(6, 2)

    assert importances("ab", varied, np.ones(6), seed=0) == []
    assert importances("ab", np.ones((6, 2)), np.arange(6.0), seed=0) == []


def test_equal_evaluations_are_one_in_a_set() -> None:
    def evaluation() -> Evaluation:
        return Evaluation(
            "k", "s", 0, 0.5, None, (), Cost(0.0, 0, 0, 0), {"order": 1}, 3, 2, "h", {"x": "long"}
        )

    assert len({evaluation(), evaluation()}) == 1


VALUES = st.lists(st.floats(-50, 50), min_size=2, max_size=30)


def test_a_score_without_items_is_not_a_score() -> None:
    with pytest.raises(NoScoresError):
        BenchmarkScore("sums", Metric.LOG_LIKELIHOOD, Side.DEV, ())


@given(VALUES)
def test_the_standard_error_is_that_of_a_mean(values: list[float]) -> None:
    assert scored(values).standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(len(values)))


def test_one_item_has_no_standard_error() -> None:
    assert scored([1.0]).standard_error is None
    assert utility_standard_error((scored([1.0]), scored([1.0, 2.0], "other"))) is None


def test_benchmarks_of_one_unit_weigh_the_same_whatever_their_number_of_items() -> None:
    assert utility((scored([-1.0]), scored([-3.0, -3.0, -3.0], "other"))) == -2.0


def test_weights_count_relative_to_their_sum() -> None:
    scores = (scored([-1.0]), scored([-3.0], "other"))

    assert utility(scores, {"sums": 3.0, "other": 1.0}) == pytest.approx(-1.5)
    assert utility(scores, {"sums": 6.0, "other": 2.0}) == pytest.approx(-1.5)


def test_more_utility_is_better_also_where_a_lower_score_is() -> None:
    assert utility((scored([0.5], metric=Metric.BITS_PER_BYTE),)) > utility(
        (scored([0.9], metric=Metric.BITS_PER_BYTE),)
    )


def test_scores_of_different_units_are_not_averaged_by_themselves() -> None:
    mixed = (scored([-1.0]), scored([1.0], "choice", Metric.CHOICE_ACCURACY))

    with pytest.raises(UnitsDifferError, match="share"):
        utility(mixed)
    assert utility(mixed, {"sums": 1.0, "choice": 1.0}) == pytest.approx(0.0)


@pytest.mark.parametrize("weights", [{}, {"sums": 0.0}, {"sums": -1.0}, {"sums": 1.0, "typo": 1.0}])
def test_weights_that_do_not_fit_the_benchmarks_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(UnknownWeightError):
        utility((scored([1.0]),), weights)


def test_parse_failures_are_counted_beside_wrong_answers() -> None:
    items = (
        ItemScore("a", 1.0, parsed="A", is_correct=True),
        ItemScore("b", 0.0, parsed="B", is_correct=False),
        ItemScore("c", 0.0, is_correct=False, is_parse_failure=True),
        ItemScore("d", 0.0, is_correct=False, is_parse_failure=True),
    )

    assert BenchmarkScore("x", Metric.ANSWER_ACCURACY, Side.DEV, items).parse_failure_share == 0.5


def test_errors_survive_the_way_out_of_a_worker() -> None:
    for error in (
        NoScoresError("x"),
        UnitsDifferError({"a": "share", "b": "nats/token"}),
        UnknownWeightError({"a": 1.0}, ("b",)),
    ):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 made on the line
