import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side
from autoselection_core.errors.score import NoScoresError, UnitsDifferError, UnknownWeightError
from autoselection_core.score.score import (
    BenchmarkScore,
    ItemScore,
    utility,
    utility_standard_error,
)
from tests.score.runs import scored

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
