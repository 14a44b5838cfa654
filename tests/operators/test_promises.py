"""Promises of single operators, by example."""

import numpy as np
import pytest

from autoselection_core.errors.recipe import SettingError
from autoselection_core.errors.signals import MissingSignalError, PairFloorError
from autoselection_core.operators.base import Operator
from autoselection_core.operators.catalogue import DEFAULT_OPERATORS, catalogue
from autoselection_core.operators.definitions.aggregate import KeepByRanks
from autoselection_core.operators.definitions.budget import KeepRandom, TokenBudget
from autoselection_core.operators.definitions.diverse import KeepDiverse
from autoselection_core.operators.definitions.duplicates import DropNearDuplicates, DropSemanticDuplicates
from autoselection_core.operators.definitions.mixing import MixByVarentropy, MixSources
from autoselection_core.operators.definitions.relevance import KeepRelevant
from autoselection_core.operators.definitions.score import KeepBand, KeepTop
from autoselection_core.signals.similar_pairs import PairList
from autoselection_core.signals.table import SignalTable
from autoselection_core.testing.operators import OperatorContract

TIE = (KeepByRanks, KeepDiverse)
"""Sums of ranks can be equal, and two rows are equally far from their mean."""


def _contract(operator: type[Operator]) -> type[OperatorContract]:
    members = {"operator": operator, "has_ties_of_its_own": operator in TIE}
    return type(f"Test{operator.__name__}", (OperatorContract,), members)


globals().update({f"Test{operator.__name__}": _contract(operator) for operator in DEFAULT_OPERATORS})


@pytest.mark.parametrize("operator", DEFAULT_OPERATORS)
def test_every_operator_of_the_method_has_its_laws_tested(operator: type[Operator]) -> None:
    assert globals()[f"Test{operator.__name__}"].operator is operator


NAN = float("nan")


def table(scores: list[float], **parts: object) -> SignalTable:
    keys = np.arange(len(scores), dtype=np.uint64)
    return SignalTable("pool", keys, {"ifd": np.array(scores, np.float32)}, **parts)  # type: ignore[arg-type]


def kept(scores: list[float], operator: Operator) -> list[int]:
    rows: list[int] = operator(np.arange(len(scores)), table(scores)).tolist()
    return rows


def test_unknown_scores_are_the_first_to_go() -> None:
    assert kept([NAN, -9, NAN, -8], KeepTop("ifd", fraction=0.5)) == [1, 3]
    assert kept([NAN, -9, NAN, -8], KeepTop("ifd", fraction=0.5, order="lowest")) == [1, 3]


def test_the_lowest_known_score_goes_before_an_unknown_one() -> None:
    assert kept([NAN, -np.inf, 1], KeepTop("ifd", count=2)) == [1, 2]


def test_a_thousand_mixed_scores_with_ties_keep_the_lower_rows() -> None:
    scores = np.random.default_rng(0).integers(0, 7, 1000).astype(np.float32)
    expected = np.sort(np.argsort(-scores, kind="stable")[:333])

    assert kept(scores.tolist(), KeepTop("ifd", count=333)) == expected.tolist()


@pytest.mark.parametrize(
    ("fraction", "rows", "count"), [(0.1, 30, 3), (0.1, 31, 4), (0.7, 10, 7), (1.0, 7, 7)]
)
def test_a_top_fraction_rounds_up_after_rounding_noise_away(fraction: float, rows: int, count: int) -> None:
    assert len(kept(list(range(rows)), KeepTop("ifd", fraction=fraction))) == count


def test_a_band_holds_its_ends_and_drops_the_unknown() -> None:
    assert kept([0.9, 1.0, 1.1, NAN], KeepBand("ifd", high=1.0)) == [0, 1]
    assert kept([0.9, 1.0, 1.1, NAN], KeepBand("ifd", low=1.0)) == [1, 2]


def test_a_threshold_in_decimal_means_the_float32_that_is_stored() -> None:
    assert kept([0.1, 0.3], KeepBand("ifd", low=0.1, high=0.3)) == [0, 1]


def test_random_draws_are_nested_and_stable_when_a_pool_grows() -> None:
    keys = np.sort(np.random.default_rng(0).choice(2**60, 1000, replace=False)).astype(np.uint64)
    grown = SignalTable("grown", keys, {})
    small = SignalTable("small", keys[::2], {})
    drawn_small = set(small.keys[KeepRandom(count=100)(np.arange(500), small, 7)].tolist())
    drawn_grown = set(keys[KeepRandom(count=100)(np.arange(1000), grown, 7)].tolist())

    assert drawn_grown & set(small.keys.tolist()) <= drawn_small


def test_another_seed_draws_other_rows() -> None:
    signals = SignalTable("pool", np.arange(1000, dtype=np.uint64), {})
    first, second = (set(KeepRandom(0.5)(np.arange(1000), signals, seed).tolist()) for seed in (0, 1))

    assert 200 < len(first & second) < 300


def test_random_is_a_share_of_the_pool_not_of_the_rows_that_enter() -> None:
    signals = SignalTable("pool", np.arange(100, dtype=np.uint64), {})

    assert len(KeepRandom(0.3)(np.arange(50), signals)) == 30
    assert len(KeepRandom(0.3)(np.arange(20), signals)) == 20


def test_a_missing_signal_offers_the_closest_name() -> None:
    with pytest.raises(MissingSignalError, match="Did you mean 'ifd'"):
        KeepTop("idf")(np.arange(1), table([1]))


def test_pairs_cannot_be_asked_below_their_floor() -> None:
    pairs = PairList.of(np.array([0]), np.array([1]), np.ones(1, np.float32), floor=0.9, measure="cosine")
    signals = table([1, 2], pairs={"embedding": pairs})

    with pytest.raises(PairFloorError, match=r"from a similarity of 0\.9"):
        DropSemanticDuplicates(0.8)(np.arange(2), signals)
    assert DropSemanticDuplicates(0.9)(np.arange(2), signals).tolist() == [0]


def test_the_floor_of_the_pairs_is_the_lower_end_of_the_search() -> None:
    pairs = PairList.of(np.array([0]), np.array([1]), np.ones(1, np.float32), floor=0.9, measure="cosine")
    (template,) = catalogue(table([1, 2], pairs={"embedding": pairs}), [DropSemanticDuplicates])

    assert template.decode(np.zeros(1)) == DropSemanticDuplicates(0.9)


def test_keep_hardest_keeps_the_row_that_ranks_first() -> None:
    pairs = PairList.of(np.array([0, 1]), np.array([1, 2]), np.ones(2, np.float32), floor=0.5, measure="x")
    signals = table([1, 3, NAN], pairs={"near_duplicates": pairs})

    assert DropNearDuplicates(prefer="ifd")(np.arange(3), signals).tolist() == [1]
    assert DropNearDuplicates(prefer="ifd", order="lowest")(np.arange(3), signals).tolist() == [0, 2]


def test_only_rows_that_entered_can_make_a_row_a_duplicate() -> None:
    pairs = PairList.of(np.array([0]), np.array([1]), np.ones(1, np.float32), floor=0.5, measure="x")

    assert DropNearDuplicates()(np.array([1]), table([1, 2], pairs={"near_duplicates": pairs})).tolist() == [
        1
    ]


def test_quotas_are_met_and_unnamed_groups_are_dropped() -> None:
    signals = table(
        [0] * 100,
        labels={"source": np.repeat([0, 1, 2], [50, 30, 20]).astype(np.int32)},
        label_names={"source": ("a", "b", "c")},
    )
    rows = MixSources(0.3, quotas=(("a", 1.0), ("b", 2.0)))(np.arange(100), signals)

    assert np.bincount(signals.label("source")[rows]).tolist() == [10, 20]


def test_a_group_that_runs_out_leaves_its_places_to_the_others() -> None:
    signals = table([0] * 100, labels={"source": np.repeat([0, 1], [90, 10]).astype(np.int32)})
    rows = MixSources(0.5, evenness=1.0)(np.arange(100), signals)

    assert np.bincount(signals.label("source")[rows]).tolist() == [40, 10]


def test_a_quota_for_a_group_that_does_not_exist_is_an_error() -> None:
    signals = table([0], labels={"source": np.zeros(1, np.int32)}, label_names={"source": ("alpaca",)})

    with pytest.raises(MissingSignalError, match="Did you mean 'alpaca'"):
        MixSources(quotas=(("alpaka", 1.0),))(np.arange(1), signals)


def test_a_sharper_varentropy_mix_leans_further_towards_surprising_sources() -> None:
    signals = SignalTable(
        "pool",
        np.arange(200, dtype=np.uint64),
        {"varentropy": np.repeat([1.0, 3.0], 100).astype(np.float32)},
        labels={"source": np.repeat([0, 1], 100).astype(np.int32)},
    )
    shares = [
        float((MixByVarentropy(0.4, sharpness=sharpness)(np.arange(200), signals) >= 100).mean())
        for sharpness in (-1.0, 0.0, 1.0)
    ]

    assert shares == [0.25, 0.5, 0.75]


def test_diverse_rows_of_two_far_clusters_come_from_both() -> None:
    vectors = np.concatenate([np.zeros((50, 4)), np.ones((50, 4))]).astype(np.float32)
    vectors += np.random.default_rng(0).normal(0, 0.01, vectors.shape).astype(np.float32)
    signals = table([0] * 100, vectors={"embedding": vectors})
    rows = KeepDiverse(0.05)(np.arange(100), signals)

    assert len(rows) == 5
    assert {row >= 50 for row in rows.tolist()} == {True, False}


def test_diverse_rows_cover_their_pool_better_than_random_ones() -> None:
    vectors = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    signals = table([0] * 400, vectors={"embedding": vectors})

    def reach(rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> float:
        distances = np.linalg.norm(vectors[:, None] - vectors[rows][None], axis=2)
        return float(distances.min(axis=1).max())

    random = min(reach(KeepRandom(0.2)(np.arange(400), signals, seed)) for seed in range(20))

    assert reach(KeepDiverse(0.2)(np.arange(400), signals)) < random


def test_relevance_of_no_benchmark_is_an_error() -> None:
    with pytest.raises(MissingSignalError, match="relevance"):
        KeepRelevant()(np.arange(1), table([1]))
    with pytest.raises(MissingSignalError, match="relevance"):
        KeepByRanks()(np.arange(1), table([1], labels={"source": np.zeros(1, np.int32)}))


@pytest.mark.parametrize(
    ("operator", "settings", "field"),
    [
        (KeepTop, {"signal": "ifd", "fraction": 0.01}, "fraction"),
        (KeepTop, {"signal": "ifd", "fraction": "half"}, "fraction"),
        (KeepTop, {"signal": 3}, "signal"),
        (KeepTop, {"signal": "ifd", "count": 0}, "count"),
        (KeepTop, {"signal": "ifd", "count": 5, "fraction": 0.2}, "count"),
        (KeepTop, {"signal": "ifd", "order": "top"}, "order"),
        (KeepBand, {"signal": "ifd", "low": 2, "high": 1}, "low"),
        (KeepBand, {"signal": "ifd", "high": NAN}, "high"),
        (KeepBand, {"signal": "ifd", "high": float("inf")}, "high"),
        (KeepRelevant, {"count": 3, "threshold": 0.5}, "count"),
        (KeepRelevant, {"benchmarks": "gsm8k"}, "benchmarks"),
        (MixSources, {"quotas": {"a": -1}}, "quotas"),
        (MixSources, {"quotas": {"a": 1}, "evenness": 0.1}, "evenness"),
        (KeepByRanks, {"lowest": []}, "lowest"),
        (TokenBudget, {"fraction": True}, "fraction"),
    ],
)
def test_a_wrong_setting_names_its_field(
    operator: type[Operator], settings: dict[str, object], field: str
) -> None:
    with pytest.raises(SettingError) as error:
        operator(**settings)

    assert error.value.name == field


def test_whole_numbers_and_floats_spell_the_same_operator() -> None:
    assert KeepTop("ifd", fraction=1) == KeepTop("ifd", fraction=1.0)
    assert repr(KeepTop("ifd", fraction=1)) == repr(KeepTop("ifd", fraction=1.0))


def test_labels_name_the_signal_and_what_differs_from_the_default() -> None:
    assert KeepTop("ifd").label == "keep_top[ifd]"
    assert KeepTop("ifd", order="lowest").label == "keep_top[ifd,lowest]"
    assert (
        DropSemanticDuplicates(pairs="sae", within="cluster/8").label
        == "drop_semantic_duplicates[sae,cluster/8]"
    )
    assert KeepRandom(0.1).label == "keep_random"


def test_no_two_operators_share_a_name() -> None:
    assert len({operator.name for operator in DEFAULT_OPERATORS}) == len(DEFAULT_OPERATORS)
