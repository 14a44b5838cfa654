"""Each check fails where what it promises does not hold."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from autoselection_core.pool.pool import Pool
from autoselection_core.pool.sample import Message, Origin, Role, Sample
from autoselection_core.recipe import Recipe
from autoselection_core.score.evaluation import Cost, Evaluation
from autoselection_core.signals.store import SignalReport
from autoselection_core.subset import Subset
from autoselection_core.subset.value import fingerprint_of_ids
from autoselection_dagster.assets.pool import ids_are_unique
from autoselection_dagster.assets.signals import is_mostly_known
from autoselection_dagster.assets.trial_checks import subset_is_inside, trained_is_selected


def pool(size: int = 10) -> Pool:
    def sample(number: int) -> Sample:
        return Sample((Message(Role.USER, f"{number}?"), Message(Role.ASSISTANT, f"{number}!")))

    return Pool.from_samples(
        [(sample(number), [Origin("generated", str(number), None)]) for number in range(size)]
    )


def subset(rows: list[int], of: Pool) -> Subset:
    chosen = np.array(rows)
    return Subset(Recipe(), of.version, chosen, fingerprint_of_ids(of.ids[chosen]))


def evaluation(of: Subset) -> Evaluation:
    return Evaluation(
        key="k",
        subset=of.fingerprint,
        replicate=0,
        utility=0.0,
        standard_error=None,
        scores=(),
        cost=Cost(0.0, 0, 0, 0),
        seeds={},
        selected_count=len(of),
        trained_count=len(of),
        trained_hash=of.fingerprint,
    )


def signal_report(known: Mapping[str, float]) -> SignalReport:
    return SignalReport("ifd", "v", 10, 10, 0, known, {}, 0.0)


def test_a_subset_inside_its_pool_passes() -> None:
    found = pool()

    assert subset_is_inside(subset([1, 4], found), found).passed


def test_a_row_beyond_the_pool_fails() -> None:
    found = pool()
    selected = replace(subset([1, 4], found), rows=np.array([1, 10]))

    assert not subset_is_inside(selected, found).passed


def test_rows_of_another_pool_fail() -> None:
    assert not subset_is_inside(subset([1, 4], pool(60)), pool(10)).passed


def test_rows_that_do_not_ascend_fail() -> None:
    found = pool()
    selected = replace(subset([1, 4], found), rows=np.array([4, 1]))

    assert not subset_is_inside(selected, found).passed


def test_what_was_selected_and_trained_passes() -> None:
    selected = subset([1, 4], pool())

    assert trained_is_selected(evaluation(selected), selected).passed


def test_training_that_ended_before_all_rows_were_seen_passes() -> None:
    selected = subset([1, 4], pool())

    assert trained_is_selected(
        replace(evaluation(selected), trained_count=1, trained_hash="x"), selected
    ).passed


def test_training_on_other_rows_fails() -> None:
    selected = subset([1, 4], pool())

    assert not trained_is_selected(replace(evaluation(selected), trained_hash="x"), selected).passed
    assert not trained_is_selected(replace(evaluation(selected), subset="x"), selected).passed
    assert not trained_is_selected(replace(evaluation(selected), trained_count=3), selected).passed


def test_a_repeated_id_fails() -> None:
    found = pool()

    assert ids_are_unique(found).passed
    assert not ids_are_unique(found.take(np.array([0, 0, 1]))).passed


def test_a_signal_of_unknown_values_fails() -> None:
    assert is_mostly_known(signal_report({"ifd": 0.9})).passed
    assert not is_mostly_known(signal_report({"ifd": 0.9, "varentropy": 0.1})).passed
