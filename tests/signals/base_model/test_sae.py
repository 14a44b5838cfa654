"""MONA against its definition in plain numpy."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.definitions.base_model.sae import Mona, SaeFeatures, generalised_jaccard
from autoselection_core.signals.definitions.base_model.sae_pairs import (
    centred_pairs,
    mean_features,
    update_centred_pairs,
)
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, question_and_answer

SAMPLES = [question_and_answer(f"{n} + {n}", f"{n} + {n} = {2 * n}") for n in range(8)]
POOL = pool_of(SAMPLES)
LATENTS = 256


@pytest.fixture(scope="module")
def features(base_model: BaseModel, tmp_path_factory: pytest.TempPathFactory) -> SaeFeatures:
    folder = tmp_path_factory.mktemp("sae")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = (torch.randn(LATENTS, 128), torch.zeros(LATENTS), torch.randn(LATENTS, 128), torch.zeros(128))
    SparseAutoencoder(HookPoint(3), 5, *parts).save(folder)
    return SaeFeatures(str(base_model.path), str(folder), dtype="float32", kept=LATENTS)


def by_definition(base: BaseModel, sae: SparseAutoencoder, row: int) -> npt.NDArray[np.float64]:
    messages = [{"role": m.role.value, "content": m.content} for m in POOL.sample(row).messages]
    text = base.tokenizer.apply_chat_template(messages, tokenize=False)
    found = base.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, offsets = found["input_ids"], found["offset_mapping"]
    question = text.index(messages[0]["content"])
    answer = text.rindex(messages[1]["content"])
    spans = [(at, at + len(m["content"])) for at, m in zip((question, answer), messages, strict=True)]
    with torch.inference_mode():
        states = base.model(torch.tensor([ids]), output_hidden_states=True).hidden_states[4][0].numpy()
    mean = np.zeros(LATENTS)
    real = [
        place for place, (a, b) in enumerate(offsets) if any(a < stop and b > start for start, stop in spans)
    ]
    for place in real:
        latents = np.maximum(states[place] @ sae.encoder.numpy().T, 0)
        top = np.argsort(-latents)[: sae.k]
        mean[top] += latents[top] / len(real)
    return mean


def test_features_are_mean_activations_over_the_tokens_of_the_messages(
    base_model: BaseModel, features: SaeFeatures
) -> None:
    sae = SparseAutoencoder.load(Path(features.sae))
    stored = features.compute(POOL, {})["sae"]
    assert isinstance(stored, SparseFeatures)

    for row in range(len(POOL)):
        part = slice(stored.indptr[row], stored.indptr[row + 1])
        dense = np.zeros(LATENTS)
        dense[stored.indices[part]] = stored.data[part]
        assert np.abs(dense - by_definition(base_model, sae, row)).max() < 1e-4


def test_only_the_largest_features_are_kept(features: SaeFeatures) -> None:
    few = SaeFeatures(features.model, features.sae, dtype="float32", kept=3).compute(POOL, {})["sae"]
    assert isinstance(few, SparseFeatures)

    assert np.diff(few.indptr).tolist() == [3] * len(POOL)


def test_generalised_jaccard_equals_its_definition() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((30, 40)).astype(np.float32) * (rng.random((30, 40)) < 0.2)
    dense[7] = 0
    rows, columns = np.nonzero(dense)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=30))])
    sparse = SparseFeatures(starts, columns.astype(np.int32), dense[rows, columns], 40)
    tasks = rng.random((4, 40)).astype(np.float32)

    found = generalised_jaccard(sparse, tasks)

    for task in range(4):
        for row in range(30):
            expected = np.minimum(dense[row], tasks[task]).sum() / np.maximum(dense[row], tasks[task]).sum()
            assert np.isclose(found[task, row], np.nan if row == 7 else expected, atol=1e-5, equal_nan=True)


def test_a_target_is_nearer_to_its_task_than_other_samples(features: SaeFeatures, tmp_path: Path) -> None:
    item = Item("1 + 1", (Message(Role.USER, "1 + 1"),), "2")
    store = SignalStore(Home(tmp_path))
    report = store.score(Mona(Benchmark("sums", (item,), (SAMPLES[5],)), features), POOL)

    values = store.table(POOL, {report.name: report.version})["mona/sums"]

    assert values.argmax() == POOL.row_of(SAMPLES[5].id)
    assert values.max() == pytest.approx(1, abs=1e-5)


def test_an_autoencoder_is_trained_where_there_is_none_and_then_stays(
    base_model: BaseModel, tmp_path: Path
) -> None:
    store, folder = SignalStore(Home(tmp_path / "home")), tmp_path / "trained"
    features = SaeFeatures(str(base_model.path), str(folder), dtype="float32", tokens=300, expansion=1)
    first = store.score(features, pool_of(SAMPLES[:6]))
    report = features.quality(POOL)

    again = store.score(features, POOL)

    assert (again.version, again.computed) == (first.version, 2)
    assert report == features.quality(pool_of(SAMPLES[:2]))
    assert [path.name for path in tmp_path.iterdir() if "trained" in path.name] == ["trained"]
    assert 0 < report.tokens < 300
    assert 0 <= report.dead_share <= 1


def test_an_autoencoder_from_elsewhere_is_judged_and_not_written_to(features: SaeFeatures) -> None:
    before = sorted(Path(features.sae).iterdir())

    report = features.quality(POOL)

    assert report.tokens == 0
    assert report.unexplained > 1  # random weights explain nothing
    assert sorted(Path(features.sae).iterdir()) == before


def crowded() -> npt.NDArray[np.float64]:
    """Features around few kinds; row 7 has none."""
    rng = np.random.default_rng(0)
    kinds = rng.random((40, 60)) * (rng.random((40, 60)) < 0.2)
    dense: npt.NDArray[np.float64] = kinds[rng.integers(0, 40, 200)] * rng.uniform(0.5, 1.5, (200, 60))
    dense[7] = 0
    return dense


def sparse(dense: npt.NDArray[np.float64]) -> SparseFeatures:
    rows, columns = np.nonzero(dense)
    starts = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(dense)))])
    return SparseFeatures(starts, columns.astype(np.int32), dense[rows, columns].astype(np.float32), 60)


def cosines(dense: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of each pair, the lower row first, and 0 for rows without features."""
    centred = dense - mean
    length = np.linalg.norm(centred, axis=1)
    cosine: npt.NDArray[np.float64] = np.triu(centred @ centred.T / np.outer(length, length), k=1)
    empty = ~dense.any(axis=1)
    cosine[empty], cosine[:, empty] = 0, 0
    return cosine


def test_new_rows_join_in_feature_space_and_the_mean_stays() -> None:
    dense = crowded()
    now = np.delete(dense, 3, axis=0)
    rows = np.r_[0:3, -1, 3:149]  # the first 150 were there, one of them left
    mean = mean_features(sparse(dense[:150]))
    before = centred_pairs(sparse(dense[:150]), mean, min_similarity=0.5)

    grown = update_centred_pairs(before, rows, sparse(now), mean)

    cosine = cosines(now, dense[:150].mean(axis=0))
    low, high = np.nonzero(cosine >= 0.5)
    expected = {pair for pair in zip(low.tolist(), high.tolist(), strict=True) if pair[1] >= 149}
    found = set(zip(grown.low.tolist(), grown.high.tolist(), strict=True))
    assert {pair for pair in found if pair[1] >= 149} == expected
    stayed = {(rows[a], rows[b]) for a, b in zip(before.low, before.high, strict=True) if 3 not in (a, b)}
    assert found - expected == stayed
    assert np.abs(grown.similarity - cosine[grown.low, grown.high]).max() < 1e-5


def test_pairs_in_feature_space_are_those_of_centred_cosines() -> None:
    dense = crowded()
    features = sparse(dense)

    pairs = centred_pairs(features, mean_features(features), min_similarity=0.5)

    cosine = cosines(dense, dense.mean(axis=0))
    low, high = np.nonzero(cosine >= 0.5)
    expected = set(zip(low.tolist(), high.tolist(), strict=True))
    found = set(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True))
    assert found <= expected
    assert len(found) > 0.99 * len(expected)
    assert np.abs(pairs.similarity - cosine[pairs.low, pairs.high]).max() < 1e-5
    assert pairs.floor == 0.5
    assert pairs.measure == "cosine of sparse features less their mean"


def test_pairs_in_feature_space_of_a_large_pool_say_what_share_was_found() -> None:
    features = sparse(crowded())

    pairs = centred_pairs(features, mean_features(features), min_similarity=0.5, max_exact_rows=100)

    assert pairs.measure == "cosine of sparse features less their mean, in cells, recall 1.000"
