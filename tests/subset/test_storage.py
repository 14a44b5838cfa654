"""Subsets on disk."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from autoselection_core.errors.subset import DamagedSubsetError, MissingSubsetError, OtherPoolError
from autoselection_core.recipe import Recipe
from autoselection_core.store.home import Home
from autoselection_core.subset import (
    materialize,
    read_ids,
    read_subset,
    stored_lineages,
    verify,
    write_subset,
)
from tests.subset.pools import pool

RECIPE = Recipe.from_yaml("[keep_top: {signal: ifd, fraction: 0.4}, keep_random: {fraction: 0.2}]")


def test_a_subset_is_read_as_it_was_written(tmp_path: Path) -> None:
    signals = pool()
    subset = materialize(RECIPE, signals)
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
    paths = [write_subset(materialize(recipe, signals), signals.ids, home) for recipe in (short, long, short)]

    assert [read_subset(path).recipe for path in paths] == [short, long, short]
    assert len({read_subset(path).fingerprint for path in paths}) == 1
    assert set(stored_lineages(paths[0].parent.name, home)) == set(paths)


def test_one_subset_of_two_pools_keeps_the_rows_of_each(tmp_path: Path) -> None:
    signals, home = pool(50), Home(tmp_path)
    older, newer = (
        materialize(Recipe(), signals),
        replace(materialize(Recipe(), signals), pool_version="next"),
    )
    paths = [write_subset(subset, signals.ids, home) for subset in (older, newer)]

    assert [read_subset(path).pool_version for path in paths] == [older.pool_version, "next"]


def test_a_stored_subset_is_rebuilt_and_compared(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(materialize(RECIPE, signals), signals.ids, Home(tmp_path))

    assert verify(path, signals).is_same


def test_a_signal_that_changed_is_found_and_named(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(materialize(RECIPE, signals), signals.ids, Home(tmp_path))
    changed = replace(signals, columns={**signals.columns, "ifd": signals["tokens"]}, versions={"ifd": "9"})
    found = verify(path, changed)

    assert not found.is_same
    assert found.missing == found.added > 0
    assert found.changed_signals == (("ifd", "1", "9"),)


def test_a_subset_of_another_pool_is_not_compared(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(materialize(RECIPE, signals), signals.ids, Home(tmp_path))

    with pytest.raises(OtherPoolError, match="pool 1"):
        verify(path, pool(seed=1))


def test_an_edited_file_is_found(tmp_path: Path) -> None:
    signals = pool()
    path = write_subset(materialize(RECIPE, signals), signals.ids, Home(tmp_path))
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)

    with pytest.raises(DamagedSubsetError, match="delete it"):
        read_subset(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingSubsetError, match=r"none\.parquet"):
        read_subset(tmp_path / "none.parquet")


def test_anybody_can_read_the_ids_with_a_parquet_reader(tmp_path: Path) -> None:
    signals = pool(50)
    path = write_subset(materialize(Recipe(), signals), signals.ids, Home(tmp_path))
    table = pq.read_table(path)

    assert table.schema.field("id").type == pa.string()
    assert table.column("row").to_pylist() == np.arange(50).tolist()
