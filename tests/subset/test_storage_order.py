"""The order in which samples were found decides nothing: rows stand in the order of content hashes."""

import random
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.pool import Pool, Source, ingest
from autoselection_core.pool.sample import Origin, Sample
from autoselection_core.recipe import Recipe
from autoselection_core.signals.definitions.wording.duplicates import ExactGroups, JaccardPairs
from autoselection_core.signals.definitions.wording.text import WordEntropy
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset import explain, materialize, verify, write_subset
from autoselection_core.testing.pools import question_and_answer

RECIPE = Recipe.from_yaml("""
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
        materialize(RECIPE, scored(Pool.from_samples(samples), Home(tmp_path / name))).fingerprint
        for name, samples in (("found", found), ("shuffled", shuffled))
    }

    assert len(fingerprints) == 1


@pytest.mark.real_data
def test_the_small_real_pool_is_selected_explained_and_verified(tmp_path: Path, real_data: Path) -> None:
    home = Home(tmp_path)
    pool = ingest([Source(str(real_data / "pool_small.parquet"))], home).pool
    table = scored(pool, home)
    subset = materialize(RECIPE, table)
    path = write_subset(subset, pool.ids, home)
    duplicates = np.setdiff1d(
        np.arange(len(pool)), materialize(RECIPE.with_steps(RECIPE.steps[:2]), table).rows
    )

    assert verify(path, table).is_same
    assert len(duplicates) > 0
    for row in duplicates.tolist():
        dropped_by = explain(RECIPE, table, row).dropped_by
        assert dropped_by is not None
        assert dropped_by.reason is not None
        assert dropped_by.reason.like is not None
