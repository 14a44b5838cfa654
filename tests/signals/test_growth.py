"""A pool that changes joins its new rows to all others, and the pairs are those of a join from the start."""

import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from autoselection_core.arrays import Rows
from autoselection_core.models.autoencoder.hook import HookPoint
from autoselection_core.models.autoencoder.sae import SparseAutoencoder
from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.signals.base import Signal, missing_rows
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.sae import load_model_and_sae
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs
from autoselection_core.signals.definitions.wording.duplicates import JaccardPairs
from autoselection_core.signals.definitions.wording.text import TokenCounts
from autoselection_core.signals.joins.cosine import cosine_pairs, update_cosine_pairs
from autoselection_core.signals.joins.jaccard import jaccard_pairs
from autoselection_core.signals.joins.jaccard_update import update_jaccard_pairs
from autoselection_core.signals.joins.shingles import shingles
from autoselection_core.signals.joins.stored_sets import StoredSets
from autoselection_core.signals.similar_pairs import PAIRS_PER_ROW, PairList
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of_answers
from autoselection_core.testing.tiny_model import tiny_model

SAMPLE = Sample((Message(Role.USER, "Count apples."), Message(Role.ASSISTANT, "Anna counts apples.")))
POOL = Pool.from_samples([(SAMPLE, [Origin("one", "one.jsonl#0")])])


def replaced(folder: Path, seed: int) -> str:
    shutil.rmtree(folder, ignore_errors=True)
    return str(tiny_model(folder, seed=seed))


def numbers(signal: TokenCounts | ModelScores) -> npt.NDArray[np.float64]:
    """Every number that a signal gives, in the order of their columns."""
    found = [np.asarray(column) for _, column in sorted(signal.compute(POOL, {}).items())]
    return np.concatenate([column.astype(float) for column in found if column.dtype.kind in "fiu"])


def test_scores_follow_the_weights_that_are_there_now(tmp_path: Path) -> None:
    first, other, again = (
        numbers(ModelScores(replaced(tmp_path / "m", seed), dtype="float32")) for seed in (1, 2, 1)
    )

    assert not np.allclose(first, other)
    assert first == pytest.approx(again)


def test_token_counts_follow_an_edited_template(tmp_path: Path) -> None:
    signal = TokenCounts(replaced(tmp_path / "m", 0))
    before = numbers(signal).max()
    template = tmp_path / "m" / "chat_template.jinja"
    template.write_text(template.read_text().replace("<|im_end|>", "<|im_end|> and so on, and on"))

    assert numbers(signal).max() > before


def test_features_follow_the_autoencoder_that_is_there_now(tmp_path: Path) -> None:
    model, folder = replaced(tmp_path / "m", 0), tmp_path / "layers.3"
    found = []
    for bias in (0.0, 1.0):
        parts = torch.eye(128), torch.zeros(128), torch.eye(128), torch.full((128,), bias)
        SparseAutoencoder(HookPoint(3), 5, *parts).save(folder)
        found.append(load_model_and_sae(model, str(folder), "float32")[1].decoder_bias[0].item())

    assert found == [0.0, 1.0]


WORDS = st.lists(st.sampled_from("abcd"), max_size=9).map(" ".join)
STATES = st.sampled_from(["stays", "stays", "leaves", "comes"])
"""What a row does between two pools."""


def parted(states: list[str]) -> tuple[Rows, Rows]:
    """The places of the earlier rows among all, and where each stands in the pool of now, or -1."""
    earlier = np.flatnonzero([state != "comes" for state in states])
    now = np.flatnonzero([state != "leaves" for state in states])
    stands = np.full(len(states), -1)
    stands[now] = np.arange(len(now))
    return earlier, stands[earlier]


def found(pairs: PairList) -> dict[tuple[int, int], float]:
    keys = zip(pairs.low.tolist(), pairs.high.tolist(), strict=True)
    return dict(zip(keys, pairs.similarity.tolist(), strict=True))


@given(
    st.lists(st.tuples(WORDS, STATES), max_size=16),
    st.integers(1, 3),
    st.sampled_from([0.2, 0.5, 2 / 3, 1.0]),
)
@example([("a b", "stays"), ("a", "comes")], 1, 0.5)  # sizes as uneven as the floor allows
@example([("a b", "stays"), ("a b c", "comes")], 1, 2 / 3)
@example([("a b", "stays"), ("b a", "comes")], 1, 1.0)
@example([("a b", "comes"), ("b a", "comes"), ("a b", "leaves")], 1, 1.0)
def test_new_texts_join_as_if_all_had_been_there(
    drawn: list[tuple[str, str]], length: int, lowest: float
) -> None:
    texts, states = [text for text, _ in drawn], [state for _, state in drawn]
    earlier, rows = parted(states)
    sets = shingles([text for text, state in drawn if state != "leaves"], length)
    before = jaccard_pairs(
        shingles([texts[row] for row in earlier], length), min_similarity=lowest, measure="j"
    )

    grown = update_jaccard_pairs(before, rows, StoredSets.of(sets))

    assert found(grown) == found(jaccard_pairs(sets, min_similarity=lowest, measure="j"))
    assert (grown.floor, grown.measure) == (before.floor, "j")


@given(st.lists(STATES, min_size=1, max_size=40), st.integers(0, 99))
def test_new_vectors_join_as_if_all_had_been_there(states: list[str], seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(len(states), 3)).astype(np.float32)
    earlier, rows = parted(states)
    now = vectors[[state != "leaves" for state in states]]
    if not len(earlier) or not len(now):
        return
    before = cosine_pairs(vectors[earlier], min_similarity=0.6, measure="c")

    grown = update_cosine_pairs(before, rows, now)

    assert found(grown) == pytest.approx(found(cosine_pairs(now, min_similarity=0.6, measure="c")), abs=1e-6)


def test_the_floor_rises_with_a_crowd_and_never_falls() -> None:
    vectors = np.random.default_rng(0).normal(size=(900, 8)).astype(np.float32)
    before = cosine_pairs(vectors[:450], min_similarity=-1.0, measure="c")

    grown = update_cosine_pairs(before, np.arange(450), vectors)

    assert grown.floor >= before.floor
    assert len(grown) <= PAIRS_PER_ROW * 900
    alone = update_cosine_pairs(before, np.where(np.arange(450) < 9, np.arange(450), -1), vectors[:9])
    assert alone.floor == before.floor


SEVERAL_POOLS = st.lists(st.lists(STATES, min_size=3, max_size=12), min_size=1, max_size=4)


@given(st.data(), SEVERAL_POOLS)
def test_sets_are_those_of_the_texts_however_often_a_pool_changed(
    data: st.DataObject, changes: list[list[str]]
) -> None:
    """Texts leave and come between pools; each row keeps its own set."""
    texts = data.draw(st.lists(WORDS, max_size=8))
    stored_sets = StoredSets.of(shingles(texts, 1))
    for states in changes:
        rows, now = [], list[str]()
        for text, state in zip(texts, states + ["stays"] * len(texts), strict=False):
            if state == "comes":
                now.append(data.draw(WORDS))
            rows.append(-1 if state == "leaves" else len(now))
            now += [] if state == "leaves" else [text]
        places = np.array(rows, np.int64)
        new = missing_rows(places, len(now))
        stored_sets = stored_sets.update(places, new, shingles([now[row] for row in new], 1))
        texts = now

    whole, every = shingles(texts, 1), np.arange(len(texts))
    assert stored_sets.take(every).hashes.tolist() == whole.hashes.tolist()
    assert stored_sets.take(every).starts.tolist() == whole.starts.tolist()
    written = [hash_ for _, block in stored_sets.blocks(3) for hash_ in block.tolist()]
    owners = stored_sets.owners(np.arange(len(written)))
    by_row = [sorted(h for h, owner in zip(written, owners, strict=True) if owner == row) for row in every]
    assert by_row == [sorted(shingles([text], 1).hashes.tolist()) for text in texts]


def test_sets_that_stay_are_not_written_again(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store, signal = SignalStore(home), JaccardPairs(words=1)
    answers = [f"number {n}" for n in range(40)]
    pools = [pool_of_answers(answers), pool_of_answers([*answers[1:], "one more"])]
    for pool in pools:
        kept(pool, home)
        store.score(signal, pool)

    first, second = (home.columns_of(pool.version, signal.fingerprint) / "sets.npy" for pool in pools)

    assert first.samefile(second)


@pytest.mark.parametrize("signal", [JaccardPairs(words=2), EmbeddingPairs()], ids=lambda each: each.name)
def test_a_changed_pool_pays_for_its_new_rows_only(tmp_path: Path, signal: Signal) -> None:
    home = Home(tmp_path / "home")
    store = SignalStore(home)
    answers = [f"the {word} is round and {n}" for n, word in enumerate(["ball", "sun", "coin", "egg"] * 8)]
    first, grown = pool_of_answers(answers), pool_of_answers([*answers[2:], "the moon is round and 3"])
    kept(first, home)
    store.score(signal, first)

    report = store.score(signal, grown)

    assert (report.computed, report.reused) == (1, 30)
    fresh = SignalStore(Home(tmp_path / "fresh"))
    fresh.score(signal, grown)
    joined, anew = (
        next(iter(each.table(grown, {signal.name: report.version}).pairs.values())) for each in (store, fresh)
    )
    assert found(joined) == pytest.approx(found(anew), abs=1e-6)
    assert joined.floor == anew.floor


def test_a_pool_grows_from_the_earlier_one_that_it_shares_most_with(tmp_path: Path) -> None:
    home = Home(tmp_path)
    store, signal = SignalStore(home), JaccardPairs(words=2)
    answers = [f"the {word} is round and {n}" for n, word in enumerate(["ball", "sun", "coin", "egg"] * 8)]
    for earlier in (pool_of_answers(answers), pool_of_answers(answers[:10])):
        kept(earlier, home)
        store.score(signal, earlier)

    report = store.score(signal, pool_of_answers([*answers, "the moon is round and 3"]))

    assert (report.computed, report.reused) == (1, len(answers))


def test_a_pool_that_is_mostly_new_starts_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first, other = pool_of_answers(["one two", "two three"]), pool_of_answers(["four", "five six", "one two"])
    store, signal = SignalStore(home), JaccardPairs(words=2)
    kept(first, home)
    store.score(signal, first)

    assert store.score(signal, other).computed == 3


def kept(pool: Pool, home: Home) -> None:
    pool.write(home.pool(pool.version))
