"""Listwise ranking with a ranker that knows the truth, and with the likelihoods of a real model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.definitions.semantic.listwise_ranking import (
    ListwiseRanking,
    elbow,
    rank_listwise,
)
from autoselection_core.signals.definitions.semantic.reranking import LikelihoodRanker, Reranked
from autoselection_core.testing.signals import pool_of, question_and_answer

ITEM = Item("1 + 1", (Message(Role.USER, "1 + 1"),), "2")
TARGETS = (question_and_answer("2 + 2", "2 + 2 = 4"), question_and_answer("3 + 3", "3 + 3 = 6"))
SUMS = Benchmark("sums", (ITEM,), TARGETS)
NUMBERS = [str(number) for number in np.random.default_rng(1).permutation(40)]


@dataclass(frozen=True)
class ByNumber:
    """Orders numerals; `slips` swaps the first two of every list whose sum is odd."""

    slips: bool = False
    lists: list[int] = field(default_factory=list)
    fingerprint: str = "by-number"

    def best_first(self, documents: Sequence[str]) -> Sequence[int]:
        self.lists.append(len(documents))
        order = sorted(range(len(documents)), key=lambda place: int(documents[place]))
        if self.slips and sum(map(int, documents)) % 2:
            order[:2] = order[1::-1]
        return order


def test_short_lists_are_put_in_order_at_once() -> None:
    order = rank_listwise(NUMBERS[:8], ByNumber())

    assert [int(NUMBERS[place]) for place in order] == sorted(map(int, NUMBERS[:8]))


def test_long_lists_come_near_the_true_order_through_shuffles() -> None:
    ranker = ByNumber(slips=True)

    order = rank_listwise(NUMBERS, ranker, ListwiseRanking(batch=8))

    found = np.array([int(NUMBERS[place]) for place in order])
    assert np.corrcoef(found, np.arange(40))[0, 1] > 0.9
    assert max(ranker.lists) <= 8
    assert sorted(order.tolist()) == list(range(40))


def test_ranking_stops_when_the_order_no_longer_changes() -> None:
    ranker = ByNumber()

    rank_listwise(NUMBERS[:8], ranker, ListwiseRanking(batch=8, min_trials=5, stable_trials=5))

    assert len(ranker.lists) == 5


@pytest.mark.parametrize("batch", [2, 3, 7])
def test_the_order_is_that_of_the_mean_place_as_a_share_of_the_list(batch: int) -> None:
    chosen = ListwiseRanking(batch=batch, max_trials=3, min_trials=4, seed=5)
    rng, places = np.random.default_rng(5), np.zeros(len(NUMBERS))
    for _ in range(3):
        for part in np.array_split(rng.permutation(len(NUMBERS)), -(-len(NUMBERS) // batch)):
            places[sorted(part, key=lambda place: int(NUMBERS[place]))] += np.linspace(0, 1, len(part))

    order = rank_listwise(NUMBERS, ByNumber(), chosen)

    assert order.tolist() == np.argsort(places / 3, kind="stable").tolist()


def test_a_list_of_one_or_none_is_its_own_order() -> None:
    assert rank_listwise([], ByNumber()).tolist() == []
    assert rank_listwise(["7"], ByNumber()).tolist() == [0]


def test_ranking_ends_after_the_maximum_of_trials() -> None:
    ranker = ByNumber(slips=True)

    rank_listwise(NUMBERS, ranker, ListwiseRanking(batch=10, max_trials=3))

    assert len(ranker.lists) == 3 * 4


def test_one_seed_is_one_order() -> None:
    assert np.array_equal(
        rank_listwise(NUMBERS, ByNumber(slips=True)),
        rank_listwise(NUMBERS, ByNumber(slips=True), ListwiseRanking(seed=0)),
    )
    assert not np.array_equal(
        rank_listwise(NUMBERS, ByNumber(slips=True), ListwiseRanking(max_trials=1)),
        rank_listwise(NUMBERS, ByNumber(slips=True), ListwiseRanking(max_trials=1, seed=7)),
    )


@given(
    st.lists(st.integers(0, 50), min_size=3, max_size=12).filter(any),
    st.sampled_from([0.125, 0.5, 4.0, 64.0]),
    st.integers(-5, 5),
)
def test_an_elbow_is_the_point_furthest_from_the_line_between_the_ends_in_any_unit(
    steps: list[int], unit: float, start: int
) -> None:
    """Distances as determinants of whole numbers, up to a factor that all points share."""
    curve = np.cumsum([0, *steps])
    last = len(steps)
    distances = [abs(int(value) * last - int(curve[-1]) * place) for place, value in enumerate(curve)]

    found = elbow(unit * curve + start)

    assert distances[found] == max(distances)


def test_a_flat_curve_has_no_elbow() -> None:
    assert elbow(np.zeros(9)) == 0
    assert elbow(np.array([0.0, 1.0])) == 0


def test_the_likelihood_is_that_of_the_task_behind_the_sample(tiny: Path, base_model: BaseModel) -> None:
    documents, query = ["two red bicycles", "Anna buys apples"], "Anna counts apples"
    ranker = LikelihoodRanker(str(tiny), (query,), dtype="float32")

    def score(document: str) -> float:
        parts = (f"{document}\n\n", query)
        head, tail = (base_model.tokenizer(text, add_special_tokens=False)["input_ids"] for text in parts)
        with torch.inference_mode():
            log_p = base_model.model(torch.tensor([head + tail])).logits[0].double().log_softmax(-1)
        return float(np.mean([float(log_p[len(head) + n - 1, token]) for n, token in enumerate(tail)]))

    expected = sorted(range(2), key=lambda place: -score(documents[place]))
    assert list(ranker.best_first(documents)) == expected
    assert list(ranker.best_first(documents[::-1])) == [1 - place for place in expected]


def test_candidates_stand_before_the_rest_and_the_rest_keeps_its_relevance(tiny: Path) -> None:
    pool = pool_of([question_and_answer(f"{n} + {n}", f"{2 * n}") for n in range(6)])
    relevance = np.array([0.1, 0.9, np.nan, 0.8, 0.2, 0.7], np.float32)
    signal = Reranked(SUMS, str(tiny), candidates=3, dtype="float32")

    values = np.asarray(signal.compute(pool, {"relevance/sums": relevance})[signal.name])

    assert sorted(values[[1, 3, 5]].tolist()) == pytest.approx([4 / 3, 5 / 3, 2])
    assert values[[0, 4]].tolist() == pytest.approx([0.1, 0.2])
    assert np.isnan(values[2])
    assert relevance[1] == np.float32(0.9)


def test_other_queries_are_another_version(tiny: Path) -> None:
    one, two = Reranked(SUMS, str(tiny)), Reranked(Benchmark("sums", (ITEM,), TARGETS[:1]), str(tiny))

    assert one.fingerprint != two.fingerprint
    assert one.code_version == two.code_version
