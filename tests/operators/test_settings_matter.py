"""Every field of every operator changes what stays."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from autoselection_core.operators.base import Operator
from autoselection_core.operators.fields import fields_of
from autoselection_core.operators.installed import DEFAULT_OPERATORS
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable

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
