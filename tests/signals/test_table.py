"""The formats that operators read."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.table import BrokenPairsError, MisalignedSignalError, MissingSignalError
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.table import SignalTable

KEYS = np.arange(3, dtype=np.uint64)


def test_a_signal_of_another_length_is_refused_by_name() -> None:
    with pytest.raises(MisalignedSignalError, match="'ifd' has 2 rows but the pool has 3"):
        SignalTable("pool", KEYS, {"ifd": np.zeros(2, np.float32)})
    with pytest.raises(MisalignedSignalError, match="'ids'"):
        SignalTable("pool", KEYS, {}, ids=np.array([b"a"], "S32"))


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
