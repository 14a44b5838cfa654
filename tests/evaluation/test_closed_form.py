from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.evaluation import DamagedEvaluationError, NotEvaluatedError
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.recipe.program import Recipe
from autoselection_core.signals.table import SignalTable
from autoselection_core.store.home import Home
from autoselection_core.subset.value import Subset, fingerprint_of_ids

ROWS = 200
SIGNALS = SignalTable(
    "pool",
    np.arange(ROWS, dtype=np.uint64),
    {"ifd": np.random.default_rng(0).normal(size=ROWS).astype(np.float32)},
)


def some(rows: list[int]) -> Subset:
    chosen = np.array(rows, np.int64)
    return Subset(Recipe(()), "pool", chosen, fingerprint_of_ids(SIGNALS.ids[chosen]))


BEST = some(sorted(np.argsort(SIGNALS["ifd"])[-50:].tolist()))
ALL = some(list(range(ROWS)))


def judge(tmp_path: Path, **settings: float) -> ClosedFormEvaluator:
    return ClosedFormEvaluator(Home(tmp_path), SIGNALS, {"ifd": 1.0}, **settings)  # type: ignore[arg-type]


def test_a_subset_of_better_rows_scores_higher(tmp_path: Path) -> None:
    evaluator = judge(tmp_path)

    assert evaluator.evaluate(BEST, 0).utility > evaluator.evaluate(ALL, 0).utility + 0.5


def test_a_finished_evaluation_is_read_back_and_not_made_again(tmp_path: Path) -> None:
    evaluator = judge(tmp_path, noise=0.5)
    first = evaluator.evaluate(BEST, 0)
    written = (tmp_path / "evaluations" / first.key / "result.json").stat().st_mtime_ns

    assert evaluator.evaluate(BEST, 0) == first
    assert (tmp_path / "evaluations" / first.key / "result.json").stat().st_mtime_ns == written


def test_replicates_differ_by_the_run_noise_alone(tmp_path: Path) -> None:
    noisy = [judge(tmp_path, noise=0.5).evaluate(BEST, replicate).utility for replicate in range(40)]
    quiet = [judge(tmp_path).evaluate(BEST, replicate).utility for replicate in range(3)]

    assert 0.3 < np.std(noisy) < 0.7
    assert np.ptp(quiet) < 1e-12


def test_two_homes_measure_the_same(tmp_path: Path) -> None:
    one = judge(tmp_path / "one", noise=0.5).evaluate(BEST, 3)
    other = judge(tmp_path / "other", noise=0.5).evaluate(BEST, 3)

    assert (one.key, one.utility, one.scores) == (other.key, other.utility, other.scores)


def test_test_items_are_opened_with_a_reason_and_scored_once(tmp_path: Path) -> None:
    evaluator = judge(tmp_path)
    key = evaluator.evaluate(BEST, 0).key

    first = evaluator.open_test(key, "report of search 1")
    second = evaluator.open_test(key, "a second look")

    folder = EvaluationFolder(tmp_path / "evaluations" / key)
    assert first == second
    assert [opening["reason"] for opening in folder.openings()] == ["report of search 1", "a second look"]
    dev = {item.item for item in evaluator.evaluate(BEST, 0).scores[0].items}
    assert dev.isdisjoint(item.item for item in first[0].items)


def test_test_items_of_what_was_never_evaluated_stay_closed(tmp_path: Path) -> None:
    with pytest.raises(NotEvaluatedError):
        judge(tmp_path).open_test("0" * 32, "curiosity")


def test_a_changed_record_is_noticed(tmp_path: Path) -> None:
    evaluator = judge(tmp_path)
    key = evaluator.evaluate(BEST, 0).key
    record = tmp_path / "evaluations" / key / "items" / "dev" / "closed_form.jsonl"
    record.write_text(record.read_text().replace("0.", "1.", 1))

    with pytest.raises(DamagedEvaluationError):
        evaluator.evaluate(BEST, 0)


@pytest.mark.parametrize("setting", ["size_weight", "noise", "item_noise", "items"])
def test_every_setting_changes_the_outcome_and_the_key(tmp_path: Path, setting: str) -> None:
    value = 7 if setting == "items" else 0.3
    plain, changed = judge(tmp_path), judge(tmp_path, **{setting: value})

    assert plain.fingerprint != changed.fingerprint
    assert plain.evaluate(BEST, 0).scores != changed.evaluate(BEST, 0).scores
