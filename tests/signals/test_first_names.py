"""Names that values, recipes and campaigns were stored under before a class or a field was renamed."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.campaign.declaration.signals import DEFAULT_SIGNALS
from autoselection_core.operators.catalogue import catalogue, template_of
from autoselection_core.operators.definitions.duplicates import DropNearDuplicates
from autoselection_core.pool.sample import Message, Role
from autoselection_core.recipe import Recipe
from autoselection_core.signals.base import Signal
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.store.kinds import load_values, save_values
from autoselection_core.signals.table import SignalTable
from autoselection_core.subset.realisation import realise

VERSIONS: Mapping[str, str] = {
    "tokens": "fea6244377f584ccb53ed6e96fba1bc9",
    "word_entropy": "c1149d743fe6ba9d8607db9778b2844e",
    "model_scores": "bd4014d0cd6ca24cae4a0018ed3e61b4",
    "embedding": "fd89a09b95218955e736892652ea219b",
    "relevance": "80bd02ced278b35d2757591660da1158",
    "exact": "6bfb2ac3baaa27a8139fe14e3842bac3",
    "near_duplicates": "77eae102d2ee1a386c4b928686f6a59a",
    "embedding_pairs": "ff9cc5565b29a00cc5d6e7464e3f7fe2",
    "clusters": "90160fe2dd27557481aa0148712e0706",
    "contamination": "a83f0d15158a4cfcf94c6b3baf53b4bc",
    "form": "d522cace69ed6e89c1127e6ac5eba841",
    "feedback": "a541a442a1420be94f01bca3eb0c94d8",
    "reranked": "e4f9482a1e794231e9e0bd30b88c22c5",
    "graph_importance": "95ef4b92fe8ed9be92d7bf14ca46225e",
    "action_branching": "faecee5d9d38d27e8ffe967c00e16f55",
    "sae": "83c3b5f929dc139f0ae485a8324b2983",
    "sae_pairs": "4811907bdb6a62adbd814c5753cf5b28",
    "mona": "9154068afc0d4d5e78010e2f6dc5efed",
    "influence": "2e1e812f9e476e495ef5a84752027540",
}
"""`Signal.code_version` of every signal with default parameters, at commit f7d6479."""

CHANGED = frozenset(
    {"word_entropy", "near_duplicates", "contamination", "form", "sae", "sae_pairs", "mona", "influence"}
)
"""Signals that give other values since; `influence` by its default alone."""

SUMS = Benchmark("sums", (Item("1 + 1?", (Message(Role.USER, "1 + 1?"),), "2"),))
OLD_RECIPE = (
    '{"process":[{"drop_near_duplicates":{"order":"highest","pairs":"minhash","similarity":0.8}}],"seed":0}'
)
PAIR = PairList.of(np.array([0]), np.array([1]), np.ones(1, np.float32), floor=0.5, measure="x")


def default_of(definition: type[Signal]) -> Signal:
    given: dict[str, object] = {}
    for field in fields(definition):  # type: ignore[arg-type] # every signal is a dataclass
        if field.default is MISSING and field.default_factory is MISSING:
            is_held = field.name == "features"
            given[field.name] = default_of(DEFAULT_SIGNALS["sae"]) if is_held else "folder"
        if field.name == "benchmark":
            given[field.name] = SUMS
    return definition(**given)


def table_with_pairs(name: str) -> SignalTable:
    keys = np.arange(3, dtype=np.uint64)
    return SignalTable("pool", keys, {}, pairs={name: PAIR}, versions={name: "1"})


@pytest.mark.parametrize("name", VERSIONS)
def test_a_version_changes_only_with_the_values(name: str) -> None:
    is_same = default_of(DEFAULT_SIGNALS[name]).code_version == VERSIONS[name]

    assert is_same is (name not in CHANGED)


def test_a_subclass_has_a_version_of_its_own() -> None:
    class Other(type(default_of(DEFAULT_SIGNALS["near_duplicates"]))):  # type: ignore[misc] # known at run time only
        pass

    assert Other().code_version != default_of(DEFAULT_SIGNALS["near_duplicates"]).code_version


def test_a_recipe_keeps_its_hash_when_a_signal_is_renamed() -> None:
    recipe = Recipe.from_json(OLD_RECIPE)

    assert recipe == Recipe((DropNearDuplicates(),))
    assert recipe.to_json() == OLD_RECIPE
    assert recipe.label == "drop_near_duplicates"


def test_people_read_the_present_name_of_a_signal() -> None:
    text = Recipe.from_json(OLD_RECIPE).to_yaml()

    assert "pairs: near_duplicates" in text
    assert Recipe.from_yaml(text).to_json() == OLD_RECIPE


@pytest.mark.parametrize("stored", ["minhash", "near_duplicates"])
def test_what_was_stored_under_a_first_name_is_read_by_its_present_name(tmp_path: Path, stored: str) -> None:
    save_values(tmp_path, table_with_pairs(stored).pairs)

    assert list(load_values(tmp_path)) == ["near_duplicates"]


@pytest.mark.parametrize("named", ["minhash", "near_duplicates"])
def test_a_list_of_pairs_is_found_under_either_name_and_recorded_under_the_first(named: str) -> None:
    table, recipe = table_with_pairs("near_duplicates"), Recipe((DropNearDuplicates(pairs=named),))

    subset = realise(recipe, table)

    assert subset.rows.tolist() == [0, 2]
    assert subset.signal_versions == (("minhash", "1"),)
    assert template_of(recipe.steps[0], catalogue(table, [DropNearDuplicates])) is not None
