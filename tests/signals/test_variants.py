"""Signals beyond the first: feedback, graph, form, audit."""

import math

import numpy as np
import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.recipe import SettingError
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.signals.contamination.audit import audit
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.feedback import (
    FeedbackRelevance,
    _mean_of_most_similar,
    _move,
)
from autoselection_core.signals.definitions.semantic.graph import GraphImportance, label_entropy_bits
from autoselection_core.signals.definitions.wording.text import Form
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.testing.signals import pool_of, pool_of_answers, question_and_answer

QUESTION = (
    "A baker sells twelve loaves on Monday and twice as many on Tuesday; how many loaves are sold in all?"
)
ITEM = Item(QUESTION, (Message(Role.USER, QUESTION),), "36")


def test_a_target_moves_towards_its_nearest_samples_and_no_further_than_allowed() -> None:
    origin = np.array([[1, 0], [1, 0]], np.float32)
    towards = np.array([[0.8, 0.6], [-0.6, 0.8]], np.float32)

    moved = _move(origin, origin, towards, weight=1.0, min_similarity=0.9)

    assert np.allclose(np.linalg.norm(moved, axis=1), 1)
    assert ((moved * origin).sum(axis=1) >= 0.9).all()
    assert (moved[:, 1] > 0).all()


def test_feedback_reads_the_most_similar_samples() -> None:
    samples = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)

    assert np.allclose(_mean_of_most_similar(np.array([[0, 1]], np.float32), samples, 2), [[0.3, 0.9]])


def test_more_rounds_are_another_definition() -> None:
    benchmark = Benchmark("sums", (ITEM,), (question_and_answer("1 + 1", "2"),))

    assert FeedbackRelevance(benchmark).code_version != FeedbackRelevance(benchmark, rounds=2).code_version


def test_the_border_between_two_sources_is_important_and_the_inside_is_not() -> None:
    pairs = PairList.of(
        np.array([0, 0, 2, 3]),
        np.array([1, 2, 3, 4]),
        np.full(4, 0.9, np.float32),
        floor=0.5,
        measure="cosine",
    )

    importance = label_entropy_bits(pairs, np.array([0, 0, 1, 1, 1, 0], np.int32), temperature=0.1)

    assert importance.tolist()[:5] == pytest.approx([1.0, 0.0, 1.0, 0.0, 0.0])
    assert math.isnan(importance[5])


def test_importance_is_on_the_border_of_clusters_where_these_are_its_labels() -> None:
    pool = pool_of_answers(["a", "b", "c", "d"])
    pairs = PairList.of(
        np.array([0, 1, 2]), np.array([1, 2, 3]), np.full(3, 0.9, np.float32), floor=0.5, measure="cosine"
    )
    given = {"embedding": pairs, "cluster/2": np.array([0, 0, 1, -1], np.int32)}

    by_cluster = GraphImportance(labels="cluster/2", clusters=Clusters(sizes=(2,))).compute(pool, given)
    by_source = GraphImportance().compute(pool, given)

    assert np.asarray(by_cluster["graph_importance"]).tolist() == [0, 1, 0, 0]
    assert np.asarray(by_source["graph_importance"]).tolist() == [0, 0, 0, 0]


def test_importance_by_labels_that_nothing_gives_is_refused() -> None:
    with pytest.raises(SettingError, match=r"labels is 'cluster/5', but must be one of source, cluster/2"):
        GraphImportance(labels="cluster/5", clusters=Clusters(sizes=(2, 3)))


def test_nearer_neighbours_count_more() -> None:
    pairs = PairList.of(
        np.array([0, 0]), np.array([1, 2]), np.array([0.9, 0.6], np.float32), floor=0.5, measure="cosine"
    )
    near, far = math.exp(-1), math.exp(-4)
    p = near / (near + far)

    importance = label_entropy_bits(pairs, np.array([0, 0, 1], np.int32), temperature=0.1)

    assert importance[0] == pytest.approx(-p * math.log2(p) - (1 - p) * math.log2(1 - p), abs=1e-5)


@pytest.mark.parametrize(
    ("answer", "flag", "expected"),
    [
        ("```python\nx\n```", "has_code", 1),
        ("def f(x):\n    return x", "has_code", 1),
        ("We import goods from abroad.", "has_code", 0),
        ("- one\n- two", "has_list", 1),
        ("- one", "has_list", 0),
        ("3 + 4 = 7", "has_formula", 1),
        ("in 2019-20", "has_formula", 1),
        ("no numbers", "has_formula", 0),
        ("Привет", "ascii_share", 4 / 10),
        ("a b c", "words", 4),
    ],
)
def test_the_form_of_an_answer_is_told_by_its_characters(answer: str, flag: str, expected: float) -> None:
    values = Form().compute(pool_of_answers([answer], question="word"), {})[flag]

    assert isinstance(values, np.ndarray)
    assert values[0] == pytest.approx(expected)


def test_turns_are_answers_and_a_sample_without_letters_has_no_script() -> None:
    turns = (
        Message(Role.USER, "1"),
        Message(Role.ASSISTANT, "2"),
        Message(Role.USER, "3"),
        Message(Role.ASSISTANT, "4"),
    )
    values = Form().compute(pool_of([Sample(turns)]), {})

    assert np.asarray(values["turns"]).tolist() == [2]
    assert np.isnan(np.asarray(values["ascii_share"])).all()


def test_an_audit_counts_duplicates_lengths_and_benchmark_items() -> None:
    copied = " ".join(f"word{n}" for n in range(40))
    samples = [
        question_and_answer("Say.", copied),
        question_and_answer("Say.", f"{copied} more"),
        question_and_answer("say.", copied),
        question_and_answer(QUESTION, "36"),
    ]
    pool = Pool.from_samples(
        (sample, [Origin("one" if n < 3 else "two", f"f#{n}")]) for n, sample in enumerate(samples)
    )

    findings = audit(pool, [Benchmark("sums", (ITEM,))])

    assert (findings.samples, dict(findings.sources)) == (4, {"one": 3, "two": 1})
    assert (findings.exact_duplicates, findings.near_duplicates) == (1, 2)
    assert findings.response_words == (1, 40, 40, 40, 41, 41)
    assert findings.contamination["sums"].items == (ITEM.id,)
    assert findings.contamination["sums"].rows == (pool.row_of(samples[3].id),)
    assert findings.other_scripts == 0


def test_an_audit_counts_the_samples_of_other_scripts() -> None:
    answers = ["It is red.", "Это красный цвет.", "它是红色的。", "赤です red"]
    samples = [question_and_answer(answer, answer) for answer in answers]
    pool = Pool.from_samples((sample, [Origin("one", f"f#{n}")]) for n, sample in enumerate(samples))

    assert audit(pool, []).other_scripts == 2
