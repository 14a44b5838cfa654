"""Subsets on disk."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.errors.recipe import (
    DamagedSubsetError,
    MissingSubsetError,
    OtherPoolError,
    UnreadableSubsetError,
)
from autoselection_core.pool import Pool, Source, ingest
from autoselection_core.pool.sample import Origin, Sample
from autoselection_core.recipe import Recipe
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset import (
    explain,
    read_ids,
    read_subset,
    realise,
    stored_lineages,
    verify,
    write_subset,
)
from autoselection_core.testing.signals import question_and_answer
from tests.subset.pools import pool

ORDERED = Recipe.from_yaml("""
- drop_exact_duplicates
- drop_near_duplicates: {similarity: 0.7}
- keep_top: {signal: word_entropy, fraction: 0.6}
- keep_random: {fraction: 0.2}
""")


def scored(pool: Pool, home: Home) -> SignalTable:
    store = SignalStore(home)
    signals = (WordEntropy(), ExactGroups(), JaccardPairs())
    return store.table(pool, {signal.name: store.score(signal, pool).version for signal in signals})


def test_equal_scores_in_any_order_of_storage_give_one_subset(tmp_path: Path) -> None:
    # Two words each, so that hundreds of samples have one and the same entropy.
    found: list[tuple[Sample, list[Origin]]] = [
        (question_and_answer(f"Question {number % 40}", f"answer {number}"), [Origin("made-up", str(number))])
        for number in range(300)
    ]
    shuffled = random.Random(0).sample(found, len(found))  # noqa: S311  # any order will do
    fingerprints = {
        realise(ORDERED, scored(Pool.from_samples(samples), Home(tmp_path / name))).fingerprint
        for name, samples in (("found", found), ("shuffled", shuffled))
    }

    assert len(fingerprints) == 1


@pytest.mark.real_data
def test_the_small_real_pool_is_selected_explained_and_verified(tmp_path: Path, real_data: Path) -> None:
    home = Home(tmp_path)
    pool = ingest([Source(str(real_data / "pool_small.parquet"))], home).pool
    table = scored(pool, home)
    subset = realise(ORDERED, table)
    path = write_subset(subset, pool.ids, home)
    duplicates = np.setdiff1d(
        np.arange(len(pool)), realise(ORDERED.with_steps(ORDERED.steps[:2]), table).rows
    )

    assert verify(path, table).is_same
    assert len(duplicates) > 0
    for row in duplicates.tolist():
        dropped_by = explain(ORDERED, table, row).dropped_by
        assert dropped_by is not None
        assert dropped_by.reason is not None
        assert dropped_by.reason.like is not None


RECIPE = Recipe.from_yaml("[keep_top: {signal: ifd, fraction: 0.4}, keep_random: {fraction: 0.2}]")


def test_a_subset_is_read_as_it_was_written(tmp_path: Path) -> None:
    signals = pool()
    subset = realise(RECIPE, signals)
    path = write_subset(subset, signals.ids, Home(tmp_path))
    read = read_subset(path)

    assert path.parent.name == subset.fingerprint
    assert read.rows.tolist() == subset.rows.tolist()
    assert (read.recipe, read.pool_version, read.fingerprint) == (RECIPE, "pool 0", subset.fingerprint)
    assert (read.steps, read.signal_versions) == (subset.steps, subset.signal_versions)
    assert read_ids(path).tolist() == signals.ids[subset.rows].tolist()


def test_two_recipes_of_one_subset_keep_their_own_story(tmp_path: Path) -> None:
    signals, home = pool(), Home(tmp_path)
    short = Recipe.from_yaml("[keep_top: {signal: ifd, fraction: 0.4}]")
    long = Recipe.from_yaml(
        "[keep_top: {signal: ifd, fraction: 0.4}, keep_top: {signal: ifd, fraction: 1.0}]"
    )
    paths = [write_subset(realise(recipe, signals), signals.ids, home) for recipe in (short, long, short)]

    assert [read_subset(path).recipe for path in paths] == [short, long, short]
    assert len({read_subset(path).fingerprint for path in paths}) == 1
    assert set(stored_lineages(paths[0].parent.name, home)) == set(paths)


def test_one_subset_of_two_pools_keeps_the_rows_of_each(tmp_path: Path) -> None:
    signals, home = pool(50), Home(tmp_path)
    older, newer = (
        realise(Recipe(), signals),
        replace(realise(Recipe(), signals), pool_version="next"),
    )
    paths = [write_subset(subset, signals.ids, home) for subset in (older, newer)]

    assert [read_subset(path).pool_version for path in paths] == [older.pool_version, "next"]


def test_a_stored_subset_is_rebuilt_and_compared(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(realise(RECIPE, signals), signals.ids, Home(tmp_path))

    assert verify(path, signals).is_same


def test_a_signal_that_changed_is_found_and_named(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(realise(RECIPE, signals), signals.ids, Home(tmp_path))
    changed = replace(signals, columns={**signals.columns, "ifd": signals["tokens"]}, versions={"ifd": "9"})
    found = verify(path, changed)

    assert not found.is_same
    assert found.missing == found.added > 0
    assert found.changed_signals == (("ifd", "1", "9"),)


def test_a_subset_of_another_pool_is_not_compared(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(realise(RECIPE, signals), signals.ids, Home(tmp_path))

    with pytest.raises(OtherPoolError, match="pool 1"):
        verify(path, pool(seed=1))


def test_an_edited_file_is_found(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(realise(RECIPE, signals), signals.ids, Home(tmp_path))
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)

    with pytest.raises(DamagedSubsetError, match="delete it"):
        read_subset(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingSubsetError, match=r"none\.parquet"):
        read_subset(tmp_path / "none.parquet")


@pytest.mark.parametrize("read", [read_subset, read_ids])
def test_a_file_that_is_no_subset_is_named_with_the_reason(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    (tmp_path / "text.parquet").write_text("no table")
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "other.parquet")

    with pytest.raises(UnreadableSubsetError, match=r"text\.parquet holds no subset: .*[Pp]arquet"):
        read(tmp_path / "text.parquet")
    with pytest.raises(UnreadableSubsetError, match=r"other\.parquet holds no subset: it says nothing"):
        read(tmp_path / "other.parquet")


def test_anybody_can_read_the_ids_with_a_parquet_reader(tmp_path: Path) -> None:
    signals = pool(50)
    path = write_subset(realise(Recipe(), signals), signals.ids, Home(tmp_path))
    table = pq.read_table(path)

    assert table.schema.field("id").type == pa.string()
    assert table.column("row").to_pylist() == np.arange(50).tolist()
