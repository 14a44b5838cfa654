"""Scores are kept by sample: incremental, killed at any moment, shared by two processes."""

import os
import signal as signals
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typing_extensions import override

from autoselection_core.errors.signals import ChangedSourceError, UnscoredPoolError
from autoselection_core.errors.store import LittleMemoryError
from autoselection_core.pool.pool import Pool
from autoselection_core.progress import Progress
from autoselection_core.signals.base import Computed, Given, PoolSignal, Signal
from autoselection_core.signals.definitions.semantic.clusters import Clusters
from autoselection_core.signals.definitions.semantic.embedding import VECTORS, EmbeddingPairs
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.sparse import SparseFeatures
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.store.value_rows import missing, table_of
from autoselection_core.store.home import Home
from autoselection_core.store.lance import LanceTable
from autoselection_core.store.memory import free_bytes
from autoselection_core.testing.signals import pool_of_answers

NUMBERS = [f"number {n}" for n in range(40)]


@dataclass(frozen=True)
class Length(Signal):
    """Characters of a sample, slowly, with a note of every chunk that was computed."""

    notes: Path
    chunk_rows = 8

    @property
    @override
    def name(self) -> str:
        return "length"

    @property
    @override
    def code_version(self) -> str:
        return "length-1"

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        with self.notes.open("a") as notes:
            notes.writelines(f"{sample.id}\n" for sample in pool.samples())
        time.sleep(0.05)
        lengths = np.array([len(text) for text in pool.texts()], np.float32)
        features = SparseFeatures(
            np.arange(len(pool) + 1, dtype=np.int64), lengths.astype(np.int32), lengths.copy(), features=500
        )
        return {"length": lengths, "vector": np.stack([lengths, -lengths], axis=1), "sparse": features}

    def computed(self) -> list[str]:
        return self.notes.read_text().split()


@dataclass(frozen=True)
class Doubled(PoolSignal):
    """Reads another signal."""

    of: Length

    @property
    @override
    def name(self) -> str:
        return "doubled"

    @property
    @override
    def code_version(self) -> str:
        return "doubled-1"

    @override
    def needs(self) -> tuple[Signal, ...]:
        return (self.of,)

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        return {"doubled": np.asarray(given["length"] * 2)}


@pytest.fixture
def store(tmp_path: Path) -> SignalStore:
    return SignalStore(Home(tmp_path / "home"))


@pytest.fixture
def length(tmp_path: Path) -> Length:
    return Length(tmp_path / "notes")


def test_values_come_back_aligned_to_the_rows_of_the_pool(store: SignalStore, length: Length) -> None:
    pool = pool_of_answers(NUMBERS)
    report = store.score(length, pool)

    table = store.table(pool, {"length": report.version})

    expected = [len(text) for text in pool.texts()]
    assert table["length"].tolist() == expected
    assert table.vectors_of("vector").tolist() == [[n, -n] for n in expected]
    assert table.sparse["sparse"].indices.tolist() == expected
    assert table.sparse["sparse"].features == 500
    assert table.versions == dict.fromkeys(("length", "sparse", "vector"), report.version)
    assert table.label("source").tolist() == [0] * 40
    assert isinstance(table["length"], np.memmap)


def test_a_grown_pool_scores_only_what_it_has_not_seen(store: SignalStore, length: Length) -> None:
    store.score(length, pool_of_answers(NUMBERS))
    grown = pool_of_answers([*NUMBERS[5:], "new one", "new two"])

    report = store.score(length, grown)

    assert (report.computed, report.reused) == (2, 35)
    assert len(length.computed()) == 42
    assert store.table(grown, {"length": report.version})["length"].tolist() == [
        len(t) for t in grown.texts()
    ]


def test_scoring_twice_computes_nothing(store: SignalStore, length: Length) -> None:
    pool = pool_of_answers(NUMBERS)

    assert store.score(length, pool).computed == 40
    assert store.score(length, pool).computed == 0


@dataclass(frozen=True)
class OfModel(Length):
    """Reads a model that is replaced while the second chunk is computed."""

    @override
    def reads(self) -> Mapping[str, str]:
        return {"model": "second" if self.notes.exists() and len(self.computed()) > 8 else "first"}


def test_no_value_of_a_model_that_was_put_under_the_path_meanwhile_has_the_first_ones_name(
    store: SignalStore, tmp_path: Path
) -> None:
    signal, pool = OfModel(tmp_path / "notes"), pool_of_answers(NUMBERS)
    first = signal.fingerprint

    with pytest.raises(ChangedSourceError, match="changed while it was scored"):
        store.score(signal, pool)

    assert signal.fingerprint != first
    assert len(missing(LanceTable(store.home.lance, f"length-{first}"), pool.ids)) == len(pool) - 8
    assert store.score(signal, pool).computed == len(pool)


def test_progress_counts_rows_over_all_chunks(store: SignalStore, length: Length) -> None:
    told: list[tuple[str, int, int]] = []

    store.score(length, pool_of_answers(NUMBERS), lambda *step: told.append(step))

    assert told == [("length", done, 40) for done in (8, 16, 24, 32, 40)]


def test_columns_that_were_deleted_are_derived_again(store: SignalStore, length: Length) -> None:
    pool = pool_of_answers(NUMBERS)
    version = store.score(length, pool).version
    before = store.table(pool, {"length": version})["length"].tolist()
    subprocess.run(["rm", "-r", store.home.columns], check=True)

    assert store.is_scored("length", version, pool)
    assert store.table(pool, {"length": version})["length"].tolist() == before
    assert len(length.computed()) == 40


def test_a_signal_is_given_the_signals_that_it_needs(store: SignalStore, length: Length) -> None:
    pool = pool_of_answers(NUMBERS)

    report = store.score(Doubled(length), pool)

    assert store.table(pool, {"doubled": report.version})["doubled"].tolist() == [
        2 * len(t) for t in pool.texts()
    ]


def test_a_pool_that_was_not_scored_is_an_error_and_not_a_column_of_nan(
    store: SignalStore, length: Length
) -> None:
    version = store.score(length, pool_of_answers(NUMBERS)).version

    with pytest.raises(UnscoredPoolError, match="1 samples"):
        store.table(pool_of_answers([*NUMBERS, "new"]), {"length": version})


def test_unknown_values_stay_unknown_and_are_counted(store: SignalStore) -> None:
    pool = pool_of_answers(["...", "words here"], question="?")

    report = store.score(WordEntropy(), pool)

    values = store.table(pool, {"word_entropy": report.version})["word_entropy"]
    assert np.isnan(values).tolist() == [not any(c.isalpha() for c in text) for text in pool.texts()]
    assert report.finite_share == {"word_entropy": 0.5}
    assert report.unscored == {"no words": 1}


@dataclass(frozen=True)
class Unreadable(Signal):
    """Knows vectors and features of every other sample."""

    undefined = "cannot be read"

    @property
    @override
    def name(self) -> str:
        return "unreadable"

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        has = np.array([int(text.split()[-1]) % 2 for text in pool.texts()])
        vectors = np.where(has[:, None] == 1, np.ones((1, 3)), np.nan).astype(np.float32)
        starts = np.concatenate([[0], np.cumsum(has)]).astype(np.int64)
        features = SparseFeatures(starts, np.zeros(starts[-1], np.int32), np.ones(starts[-1], np.float32), 5)
        return {"vectors": vectors, "features": features}


def test_samples_without_vector_or_features_are_counted(store: SignalStore) -> None:
    pool = pool_of_answers(NUMBERS)
    report = store.score(Unreadable(), pool)

    vectors = store.table(pool, {report.name: report.version}).vectors_of("vectors")
    assert np.isnan(vectors).all(axis=1).tolist() == [int(t.split()[-1]) % 2 == 0 for t in pool.texts()]
    assert np.isfinite(vectors).all(axis=1).sum() == 20
    assert report.finite_share == {"vectors": 0.5, "features": 0.5}
    assert report.unscored == {"cannot be read": 20}


def test_pairs_and_groups_of_a_pool_are_kept_with_it(store: SignalStore) -> None:
    pool = pool_of_answers(["one two three four", "One  two three four", "no"])
    versions = {s.name: store.score(s, pool).version for s in (JaccardPairs(words=2), ExactGroups())}

    table = store.table(pool, versions)

    assert len(table.pair_list("near_duplicates")) == 1
    assert len(np.unique(table.label("exact"))) == 2
    assert store.score(JaccardPairs(words=2), pool).computed == 0


def test_only_the_signals_that_are_wanted_are_read(store: SignalStore, length: Length) -> None:
    pool = pool_of_answers(NUMBERS)
    versions = {"length": store.score(length, pool).version, "never_scored": "0" * 32}

    assert set(store.table(pool, versions, read=["length"]).columns) == {"length"}


def test_no_file_of_the_store_is_a_pickle(store: SignalStore, length: Length) -> None:
    store.score(length, pool_of_answers(NUMBERS))

    for path in store.home.columns.rglob("*.npy"):
        np.load(path, allow_pickle=False)


def test_a_sample_that_was_recorded_twice_counts_once(tmp_path: Path) -> None:
    table = LanceTable(tmp_path, "twice")
    pool = pool_of_answers(NUMBERS)
    for _ in range(2):
        table.append(table_of(pool.ids, {"x": np.arange(40, dtype=np.float32)}))

    assert len(table.ids()) == 80
    assert len(missing(table, pool.ids)) == 0


APPENDER = """
import sys, time
from pathlib import Path
import lancedb
import pyarrow as pa
from autoselection_core.store.lance import ID, ID_TYPE, LanceTable
folder, who, start = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
lancedb.connect(folder)
(start.parent / f"ready{who}").touch()
while not start.exists():
    time.sleep(0.001)
row = pa.table({ID: pa.array([bytes([who]) * 16], ID_TYPE), "value": pa.array([float(who)])})
for number in range(40):
    LanceTable(folder, f"t{number}").append(row)
"""


def test_processes_that_create_one_table_at_once_all_append_to_it(tmp_path: Path) -> None:
    start, folder = tmp_path / "start", tmp_path / "lance"
    commands = [[sys.executable, "-c", APPENDER, str(folder), str(who), str(start)] for who in range(3)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for command in commands]
    while len(list(tmp_path.glob("ready*"))) < 3 and all(each.poll() is None for each in processes):
        time.sleep(0.01)
    start.touch()

    said = [process.communicate()[1].decode() for process in processes]

    assert [each.returncode for each in processes] == [0, 0, 0], said
    assert {len(LanceTable(folder, f"t{number}").read()) for number in range(40)} == {3}


def test_a_table_whose_creator_was_killed_is_created_again(tmp_path: Path) -> None:
    (tmp_path / "half.lance" / "_transactions").mkdir(parents=True)

    rows = table_of(pool_of_answers(NUMBERS).ids, {"x": np.zeros(40, np.float32)})
    LanceTable(tmp_path, "half").append(rows)

    assert len(LanceTable(tmp_path, "half").ids()) == 40


WORKER = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from test_store import NUMBERS, Length, SignalStore, Home, pool_of_answers
root = Path({root!r})
store = SignalStore(Home(root / "home"))
pool = pool_of_answers(NUMBERS + [f"more {{n}}" for n in range(160)])
store.score(Length(root / "notes"), pool)
"""


def start_worker(root: Path) -> subprocess.Popen[bytes]:
    code = WORKER.format(tests=str(Path(__file__).parent), root=str(root))
    return subprocess.Popen([sys.executable, "-c", code])


@pytest.mark.e2e
@pytest.mark.parametrize("attempt", range(3))
def test_a_killed_process_loses_at_most_one_chunk(tmp_path: Path, attempt: int) -> None:
    notes = tmp_path / "notes"
    worker = start_worker(tmp_path)
    while not notes.exists() or len(notes.read_text().split()) < 8 * (3 + 5 * attempt):
        assert worker.poll() is None
        time.sleep(0.01)
    os.kill(worker.pid, signals.SIGKILL)
    worker.wait()

    assert start_worker(tmp_path).wait() == 0

    begun = notes.read_text().split()
    assert len(set(begun)) == 200
    assert len(begun) <= 200 + Length.chunk_rows


@pytest.mark.e2e
def test_two_processes_that_score_one_pool_do_no_harm(tmp_path: Path) -> None:
    workers = [start_worker(tmp_path) for _ in range(2)]

    assert [worker.wait() for worker in workers] == [0, 0]
    store = SignalStore(Home(tmp_path / "home"))
    pool = pool_of_answers(NUMBERS + [f"more {n}" for n in range(160)])
    report = store.score(Length(tmp_path / "notes"), pool)
    assert report.computed == 0
    assert store.table(pool, {"length": report.version})["length"].tolist() == [len(t) for t in pool.texts()]


@dataclass(frozen=True)
class Huge(PoolSignal):
    """A signal that no machine has the memory for."""

    @property
    @override
    def name(self) -> str:
        return "huge"

    @override
    def memory_bytes(self, pool: Pool) -> int:
        return 10**18

    @override
    def compute(self, pool: Pool, given: Given, progress: Progress | None = None) -> Mapping[str, Computed]:
        raise AssertionError


def test_a_signal_that_the_memory_is_too_small_for_is_refused_before_it_begins(store: SignalStore) -> None:
    pool = pool_of_answers(["one", "two"])

    with pytest.raises(LittleMemoryError, match=r"huge takes about 1,000,000,000\.0 GB of memory") as caught:
        store.score(Huge(), pool)

    assert 0 < caught.value.free_gb < caught.value.needed_gb
    assert not list(store.home.columns.glob("*"))


@pytest.mark.parametrize("signal", [Clusters(), EmbeddingPairs()], ids=lambda each: each.name)
def test_more_vectors_than_the_memory_holds_are_refused_before_the_work(signal: PoolSignal) -> None:
    vectors = np.broadcast_to(np.zeros((1, 384), np.float32), (10**9, 384))  # takes no memory itself

    with pytest.raises(LittleMemoryError, match=rf"{signal.name} takes about [\d,.]+ GB of memory") as caught:
        signal.compute(pool_of_answers(["one"]), {VECTORS: vectors})

    assert caught.value.needed_gb > 1_500


def test_the_join_of_near_duplicates_says_what_it_takes_by_the_size_of_the_pool() -> None:
    texts = [f"{number} words " * 9 for number in range(1000)]
    small, large = pool_of_answers(texts[:100]), pool_of_answers(texts)

    assert 5 < JaccardPairs().memory_bytes(large) / JaccardPairs().memory_bytes(small) < 12
    assert JaccardPairs().memory_bytes(large) < (free_bytes() or 0)
