"""Every signal keeps the laws of `SignalContract`."""

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.signals import BrokenPairsError, MisalignedSignalError, MissingSignalError
from autoselection_core.pool.sample import Message, Role
from autoselection_core.signals.base import Signal
from autoselection_core.signals.contamination.contamination import Contamination
from autoselection_core.signals.definitions.base_model.influence import Influence
from autoselection_core.signals.definitions.base_model.model_scores import ModelScores
from autoselection_core.signals.definitions.base_model.rds import HiddenStates, RepresentationSelection
from autoselection_core.signals.definitions.base_model.sae import Mona, SaeFeatures
from autoselection_core.signals.definitions.base_model.sae_pairs import SaePairs
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import EmbeddingPairs, Embeddings, Relevance
from autoselection_core.signals.definitions.semantic.feedback import FeedbackRelevance
from autoselection_core.signals.definitions.semantic.graph import GraphImportance
from autoselection_core.signals.definitions.semantic.reranking import Reranked
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import Form, TokenCounts, WordEntropy
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.signal_report import distributions
from autoselection_core.signals.table import SignalTable
from autoselection_core.testing.signals import SAMPLES, SignalContract, pool_of, question_and_answer

NAN = np.nan
FOUR_KEYS = np.arange(4, dtype=np.uint64)


def floats(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, np.float32)


def test_every_part_of_a_table_has_numbers_to_draw() -> None:
    pairs = PairList.of(np.array([0]), np.array([1]), floats(0.75), floor=0.5, measure="x")
    features = SparseFeatures(np.array([0, 2, 2, 3, 3]), np.array([0, 1, 1], np.int32), floats(1, 1, 1), 2)
    vectors = np.array([[2, 0], [0, 3], [NAN, 0], [1, 0]], np.float32)
    table = SignalTable(
        "pool",
        FOUR_KEYS,
        {"ifd": floats(1, 2, NAN, 4)},
        pairs={"near_duplicates": pairs},
        sparse={"sae": features},
        labels={"cluster/2": np.array([0, 0, -1, 1], np.int32), "source": np.zeros(4, np.int32)},
        vectors={"embedding": vectors},
    )

    drawn = distributions(table)

    mean = np.array([2, 1]) / np.sqrt(5)
    expected: dict[str, list[float]] = {
        "ifd": [1, 2, NAN, 4],
        "near_duplicates (similarity of pairs)": [0.75],
        "sae (features of a row)": [2, 0, 1, 0],
        "cluster/2 (rows of the group)": [2, 2, NAN, 1],
        "embedding (cosine to the mean)": [mean[0], mean[1], NAN, mean[0]],
    }
    assert drawn.keys() == expected.keys()
    for name, values in expected.items():
        assert np.allclose(drawn[name], values, equal_nan=True)


def test_what_is_nowhere_known_is_not_drawn() -> None:
    nothing = PairList.of(np.zeros(0, np.int64), np.zeros(0, np.int64), floats(), floor=0.5, measure="x")

    assert (
        distributions(SignalTable("pool", FOUR_KEYS, {"ifd": floats(*[NAN] * 4)}, pairs={"x": nothing})) == {}
    )


KEYS = np.arange(3, dtype=np.uint64)


def test_a_signal_of_another_length_is_refused_by_name() -> None:
    with pytest.raises(MisalignedSignalError, match="'ifd' has 2 rows but the pool has 3"):
        SignalTable("pool", KEYS, {"ifd": np.zeros(2, np.float32)})
    with pytest.raises(MisalignedSignalError, match="'ids'"):
        SignalTable("pool", KEYS, {}, ids=np.array([b"a"], "S32"))


@given(st.lists(st.integers(-1, 2**31 - 1), min_size=3, max_size=3))
def test_labels_however_large_stay_the_same_groups_and_unknown_stays_unknown(labels: list[int]) -> None:
    table = SignalTable("pool", KEYS, {}, labels={"topic": np.array(labels, np.int32)})
    kept = table.take(np.arange(3)).label("topic").tolist()

    assert [group < 0 for group in kept] == [group < 0 for group in labels]
    assert [[one == other for other in kept] for one in kept] == [
        [one == other for other in labels] for one in labels
    ]
    assert max(kept) < len(kept) or max(labels) < 0


def test_a_missing_signal_says_what_there_is() -> None:
    table = SignalTable(
        "pool", KEYS, {"ifd": np.zeros(3, np.float32)}, labels={"source": np.zeros(3, np.int32)}
    )

    with pytest.raises(
        MissingSignalError, match=r"'idf' was not computed .* \(computed: ifd\)\. Did you mean 'ifd'"
    ):
        table["idf"]
    with pytest.raises(MissingSignalError, match="label 'sources'"):
        table.label("sources")
    with pytest.raises(MissingSignalError, match=r"pair list 'near_duplicates' .*computed: none"):
        table.pair_list("near_duplicates")
    with pytest.raises(MissingSignalError, match="vector signal"):
        table.vectors_of("embedding")


def test_errors_survive_the_way_out_of_a_worker() -> None:
    error = MissingSignalError("signal", "idf", ("ifd",))

    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # our own bytes


def test_made_up_ids_are_unique_and_as_ascending_as_the_keys() -> None:
    ids = SignalTable("pool", np.array([1, 255, 2**63], np.uint64), {}).ids

    assert ids[0] == b"0000000000000001" + b"0" * 16
    assert ids.tolist() == sorted(set(ids.tolist()))


def test_benchmarks_are_read_off_the_columns() -> None:
    columns = {name: np.zeros(3, np.float32) for name in ("relevance/mmlu", "ifd", "relevance/gsm8k")}

    assert SignalTable("pool", KEYS, columns).benchmarks == ("gsm8k", "mmlu")


def test_pairs_are_read_as_they_were_written(tmp_path: Path) -> None:
    pairs = PairList.of(
        np.array([5, 1]), np.array([2, 3]), np.array([0.9, 1], np.float32), floor=0.5, measure="x"
    )
    pairs.save(tmp_path)
    read = PairList.load(tmp_path)

    assert (read.low.tolist(), read.high.tolist()) == ([1, 2], [3, 5])
    assert read.similarity.tolist() == pairs.similarity.tolist()
    assert (read.floor, read.measure) == (0.5, "x")
    assert isinstance(read.low, np.memmap)


def test_a_pair_given_twice_keeps_its_highest_similarity() -> None:
    similarity = np.array([0.6, 0.9, 0.7], np.float32)
    pairs = PairList.of(np.array([1, 2, 1]), np.array([2, 1, 3]), similarity, floor=0.5, measure="x")

    assert pairs.similarity.tolist() == [np.float32(0.9), np.float32(0.7)]


@pytest.mark.parametrize(
    ("low", "high"),
    [([1], [0]), ([2], [2]), ([1, 0], [2, 3]), ([0, 0], [2, 1]), ([0, 0], [1, 1]), ([0], [1, 2])],
)
def test_a_broken_pair_list_is_refused(low: list[int], high: list[int]) -> None:
    ones = np.ones(len(low), np.float32)

    with pytest.raises(BrokenPairsError, match="compute it again"):
        PairList(np.array(low, np.int32), np.array(high, np.int32), ones, 0.5, "x")


def test_sparse_features_are_read_as_they_were_written(tmp_path: Path) -> None:
    features = SparseFeatures(
        np.array([0, 2, 2, 3]), np.array([0, 4, 1], np.int32), np.ones(3, np.float32), 5
    )
    features.save(tmp_path)
    read = SparseFeatures.load(tmp_path)

    assert len(read) == 3
    assert read.features == 5
    assert read.entries_of(np.array([0, 1, 2])).tolist() == [0, 4, 1]


def test_sparse_features_of_uneven_arrays_are_refused() -> None:
    with pytest.raises(MisalignedSignalError, match="sparse"):
        SparseFeatures(np.array([0, 2]), np.array([0], np.int32), np.ones(1, np.float32), 5)


QUESTION = "Why does Anna buy apples?"
SUMS = Benchmark(
    "sums",
    (Item(QUESTION, (Message(Role.USER, QUESTION),), "For the market."),),
    (question_and_answer("What is 5 + 6?", "11"), question_and_answer("What is 1 + 1?", "2")),
)


class TestSignals(SignalContract):
    @pytest.fixture(
        autouse=True,
        params=[
            WordEntropy(),
            WordEntropy(words=2),
            Form(),
            Contamination(SUMS),
            ExactGroups(),
            JaccardPairs(),
            Embeddings(),
            Relevance(SUMS),
            FeedbackRelevance(SUMS),
            EmbeddingPairs(),
            GraphImportance(),
            Clusters(sizes=(2,)),
        ],
        ids=lambda signal: signal.name,
    )
    def _signal(self, request: pytest.FixtureRequest) -> None:
        type(self).signal = request.param


@pytest.fixture(scope="session")
def of_model(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Signal]:
    """Signals that read a model, by name, with what they are measured by."""
    folder, pool = tmp_path_factory.mktemp("fitted"), pool_of(SAMPLES)
    model = str(tiny)
    sae = SaeFeatures(model, str(folder / "sae"), dtype="float32", tokens=300, expansion=1)
    warmed = str(folder / "warmed")
    influence = Influence(SUMS, model, warmed, dtype="float32", dimensions=64)
    for signal in (sae, influence):
        signal.prepare(pool, {})
    signals: tuple[Signal, ...] = (
        TokenCounts(model),
        ModelScores(model, dtype="float32"),
        sae,
        SaePairs(sae),
        Mona(SUMS, sae),
        influence,
        Reranked(SUMS, model, candidates=3, dtype="float32"),
        HiddenStates(model, dtype="float32"),
        RepresentationSelection(SUMS, model, dtype="float32"),
    )
    return {signal.name: signal for signal in signals}


OF_MODEL = (
    *("tokens", "model_scores", "sae", "sae_pairs", "mona/sums", "influence/sums", "reranked/sums"),
    *("hidden_states", "rds/sums"),
)


class TestModelSignals(SignalContract):
    @pytest.fixture(autouse=True, params=OF_MODEL)
    def _signal(self, request: pytest.FixtureRequest, of_model: Mapping[str, Signal]) -> None:
        type(self).signal = of_model[request.param]
