"""Every field of every operator changes what stays."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.recipe import SettingError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import (
    DEFAULT_OPERATORS,
    WeightTemplate,
    catalogue,
    template_of,
    with_weights,
)
from autoselection_core.operators.definitions.weighted_mix import MixTopics, clip_shares
from autoselection_core.operators.fields import fields_of
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable

SIZES = (600, 300, 100)
NAMES = ("sums", "poems", "code")


def table(*, has_topics: bool = True) -> SignalTable:
    groups = np.repeat(np.arange(3), SIZES).astype(np.int32)
    labels = {"source": groups[::-1].copy(), **({"topic": groups} if has_topics else {})}
    names = {"source": ("a", "b", "c"), **({"topic": NAMES} if has_topics else {})}
    return SignalTable("pool", np.arange(1_000, dtype=np.uint64), {}, labels=labels, label_names=names)


def counts(operator: MixTopics) -> list[int]:
    signals = table()
    kept = signals.label("topic")[operator(np.arange(1_000), signals)]
    return [int((kept == group).sum()) for group in range(3)]


def test_groups_have_the_shares_of_their_weights() -> None:
    assert counts(MixTopics(0.1, weights={"sums": 1, "poems": 2, "code": 1})) == [25, 50, 25]  # type: ignore[arg-type] # as YAML gives them
    assert counts(MixTopics(0.1, weights={"poems": 1})) == [0, 100, 0]  # type: ignore[arg-type]
    assert counts(MixTopics(0.1)) == [60, 30, 10]


def test_shares_stay_within_their_bounds() -> None:
    assert counts(MixTopics(0.1, max_share=0.5)) == [50, 37, 13]
    assert counts(MixTopics(0.1, min_share=0.25)) == [50, 25, 25]
    assert counts(MixTopics(0.5, max_share=0.4)) == [200, 200, 100]


def test_a_group_that_runs_out_leaves_its_places_to_the_others() -> None:
    assert counts(MixTopics(0.5, weights={"code": 9, "poems": 1})) == [0, 300, 100]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"weights": {}}, {"weights": {"sums": -1}}, {"min_share": 0.6, "max_share": 0.5}]
)
def test_weights_and_bounds_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError):
        MixTopics(**wrong)  # type: ignore[arg-type]


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=8).filter(any), st.floats(0, 0.1), st.floats(0.3, 1.0)
)
def test_clipped_shares_keep_their_order_and_bounds(weights: list[float], low: float, high: float) -> None:
    given_weights = np.array(weights)
    present = given_weights > 0

    shares = clip_shares(given_weights, low, high)

    assert (shares[~present] == 0).all()
    assert (shares[present] >= low - 1e-6).all()
    assert (shares <= high + 1e-6).all()
    assert (np.diff(shares[np.argsort(given_weights, kind="stable")]) >= -1e-6).all()
    if low * present.sum() <= 1 <= high * present.sum():
        assert shares.sum() == pytest.approx(1, abs=1e-5)


def weight_templates() -> list[WeightTemplate]:
    found = catalogue(table(), [MixTopics])
    return [template for template in found if isinstance(template, WeightTemplate)]


@given(st.integers(0, 2**32 - 1))
def test_a_drawn_step_is_found_again_and_keeps_its_places(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for template in weight_templates():
        step = template.sample(rng)
        moved = template.retune(step, rng, 0.1)
        again = template.decode(template.encode(step))
        assert template.encode(again) == pytest.approx(template.encode(step), abs=1e-3)
        assert template_of(step, catalogue(table())) == template
        assert template_of(moved, catalogue(table())) == template


def test_weights_are_drawn_from_a_uniform_dirichlet_distribution() -> None:
    rng = np.random.default_rng(0)
    (template,) = (each for each in weight_templates() if dict(each.fixed)["groups"] == "topic")

    drawn = np.array([[w for _, w in template.sample(rng).weights] for _ in range(4_000)])  # type: ignore[attr-defined]
    drawn /= drawn.sum(axis=1, keepdims=True)

    assert drawn.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.02)
    assert drawn.var(axis=0) == pytest.approx(np.full(3, 1 / 18), abs=0.005)


def test_a_table_without_topics_keeps_the_catalogue_of_earlier_searches() -> None:
    assert not any("mix_topics" in template.label for template in catalogue(table(has_topics=False)))
    assert {dict(each.fixed)["groups"] for each in weight_templates()} == {"source", "topic"}


def test_weights_of_sources_are_searched_without_topics_where_a_search_asks_for_all_weights() -> None:
    bare, full = table(has_topics=False), table()

    (added,) = with_weights(catalogue(bare), bare)[len(catalogue(bare)) :]

    assert isinstance(added, WeightTemplate)
    assert added.groups == ("a", "b", "c")
    assert with_weights(catalogue(full), full) == catalogue(full)


ROWS = 600

CHANGES: dict[str, list[dict[str, Any]]] = {
    "keep_top": [{"signal": "tokens"}, {"fraction": 0.3}, {"order": "lowest"}, {"count": 5}],
    "keep_band": [{"signal": "tokens"}, {"low": 0.5}, {"high": 0.5}],
    "keep_relevant": [{"fraction": 0.5}, {"benchmarks": ("easy",)}, {"count": 5}, {"threshold": 0.9}],
    "keep_random": [{"fraction": 0.3}, {"count": 5}],
    "drop_exact_duplicates": [{"groups": "source"}],
    "drop_near_duplicates": [
        {"similarity": 0.95},
        {"pairs": "embedding"},
        {"prefer": "ifd"},
        {"prefer": "ifd", "order": "lowest"},
    ],
    "drop_semantic_duplicates": [
        {"similarity": 0.8},
        {"pairs": "near_duplicates"},
        {"within": "source"},
        {"prefer": "ifd"},
        {"prefer": "ifd", "order": "lowest"},
    ],
    "mix_sources": [
        {"fraction": 0.3},
        {"evenness": 1.0},
        {"groups": "exact"},
        {"quotas": (("a", 1.0),)},
        {"prefer": "ifd"},
    ],
    "mix_by_varentropy": [{"fraction": 0.3}, {"sharpness": -3.0}, {"groups": "exact"}, {"signal": "ifd"}],
    "token_budget": [{"fraction": 0.3}, {"length": "ifd"}, {"prefer": "ifd"}, {"count": 50}],
    "keep_by_ranks": [
        {"fraction": 0.3},
        {"lower": 1.0},
        {"upper": 1.0},
        {"fraction": 0.05, "rule": "chamberlin_courant"},
        {"lower": 1.0, "groups": "exact"},
        {"highest": ("ifd",)},
        {"lowest": ("ifd",)},
    ],
    "mix_topics": [
        {"fraction": 0.3},
        {"groups": "source"},
        {"weights": (("u", 1.0), ("v", 3.0))},
        {"min_share": 0.3},
        {"max_share": 0.4},
        {"prefer": "ifd"},
    ],
    "keep_diverse": [{"fraction": 0.3}, {"vectors": "other"}, {"within": "source"}],
}
BASES: dict[str, dict[str, Any]] = {"keep_top": {"signal": "ifd"}, "keep_band": {"signal": "ifd", "low": 0.1}}


def _signals() -> SignalTable:
    rng = np.random.default_rng(0)

    def pairs() -> PairList:
        first, second = rng.choice(ROWS, 400, replace=False).reshape(2, 200)
        similarity = rng.uniform(0.5, 1, 200).astype(np.float32)
        return PairList.of(first, second, similarity, floor=0.5, measure="a draw")

    skewed = rng.choice(3, ROWS, p=[0.8, 0.15, 0.05]).astype(np.int32)
    topics = rng.choice(3, ROWS, p=[0.5, 0.3, 0.2]).astype(np.int32)
    columns = ("ifd", "tokens", "varentropy", "relevance/easy", "relevance/hard")
    table = {name: rng.random(ROWS).astype(np.float32) for name in columns}
    table["varentropy"] += skewed
    table["relevance/easy"] += skewed / 4
    return SignalTable(
        "pool",
        np.sort(rng.choice(2**60, ROWS, replace=False)).astype(np.uint64),
        table,
        labels={"source": skewed, "exact": rng.integers(0, 300, ROWS).astype(np.int32), "topic": topics},
        label_names={"source": ("a", "b", "c"), "topic": ("u", "v", "w")},
        pairs={"near_duplicates": pairs(), "embedding": pairs()},
        vectors={name: rng.normal(size=(ROWS, 8)).astype(np.float32) for name in ("embedding", "other")},
    )


SIGNALS = _signals()


@pytest.mark.parametrize(
    ("operator", "change"), [(cls, change) for cls in DEFAULT_OPERATORS for change in CHANGES[cls.name]]
)
def test_a_changed_setting_changes_what_stays(operator: type[Operator], change: dict[str, Any]) -> None:
    # The last of several fields is the one that is proved to matter; those before it make room for it.
    base = operator(**{**BASES.get(operator.name, {}), **{name: change[name] for name in list(change)[:-1]}})
    changed = replace(base, **change)

    before, after = (item(np.arange(ROWS), SIGNALS, 1).tolist() for item in (base, changed))

    assert before != after


@pytest.mark.parametrize("operator", DEFAULT_OPERATORS)
def test_every_field_is_changed_once(operator: type[Operator]) -> None:
    changed = {name for change in CHANGES[operator.name] for name in change}

    assert changed == {field.name for field in fields_of(operator)}
