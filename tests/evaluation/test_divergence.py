"""A loss is compared with the base model's on the same sequences: mixed data does not diverge."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autoselection_core.errors.evaluation import DamagedEvaluationError, DivergedError, NotEvaluatedError
from autoselection_core.evaluation.closed_form import ClosedFormEvaluator
from autoselection_core.evaluation.folder import EvaluationFolder
from autoselection_core.evaluation.training.divergence import Divergence, Step
from autoselection_core.evaluation.training.fine_tune import Trained, train
from autoselection_core.evaluation.training.plan import order
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning, Method, Schedule, Unit
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Message, Role, Sample
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


def closed_form(tmp_path: Path, **settings: float) -> ClosedFormEvaluator:
    return ClosedFormEvaluator(Home(tmp_path), SIGNALS, {"ifd": 1.0}, **settings)  # type: ignore[arg-type]


def test_a_subset_of_better_rows_scores_higher(tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)

    assert evaluator.evaluate(BEST, 0).utility > evaluator.evaluate(ALL, 0).utility + 0.5


def test_a_finished_evaluation_is_read_back_and_not_made_again(tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path, noise=0.5)
    first = evaluator.evaluate(BEST, 0)
    written = (tmp_path / "evaluations" / first.key / "result.json").stat().st_mtime_ns

    assert evaluator.evaluate(BEST, 0) == first
    assert (tmp_path / "evaluations" / first.key / "result.json").stat().st_mtime_ns == written


def test_replicates_differ_by_the_run_noise_alone(tmp_path: Path) -> None:
    noisy = [closed_form(tmp_path, noise=0.5).evaluate(BEST, replicate).utility for replicate in range(40)]
    quiet = [closed_form(tmp_path).evaluate(BEST, replicate).utility for replicate in range(3)]

    assert 0.3 < np.std(noisy) < 0.7
    assert np.ptp(quiet) < 1e-12


def test_two_homes_measure_the_same(tmp_path: Path) -> None:
    one = closed_form(tmp_path / "one", noise=0.5).evaluate(BEST, 3)
    other = closed_form(tmp_path / "other", noise=0.5).evaluate(BEST, 3)

    assert (one.key, one.utility, one.scores) == (other.key, other.utility, other.scores)


def test_test_items_are_opened_with_a_reason_and_scored_once(tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
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
        closed_form(tmp_path).open_test("0" * 32, "curiosity")


def test_a_changed_record_is_noticed(tmp_path: Path) -> None:
    evaluator = closed_form(tmp_path)
    key = evaluator.evaluate(BEST, 0).key
    record = tmp_path / "evaluations" / key / "items" / "dev" / "closed_form.jsonl"
    record.write_text(record.read_text().replace("0.", "1.", 1))

    with pytest.raises(DamagedEvaluationError):
        evaluator.evaluate(BEST, 0)


@pytest.mark.parametrize("setting", ["size_weight", "noise", "item_noise", "items"])
def test_every_setting_changes_the_outcome_and_the_key(tmp_path: Path, setting: str) -> None:
    value = 7 if setting == "items" else 0.3
    plain, changed = closed_form(tmp_path), closed_form(tmp_path, **{setting: value})

    assert plain.fingerprint != changed.fingerprint
    assert plain.evaluate(BEST, 0).scores != changed.evaluate(BEST, 0).scores


FIT = FineTuning(
    method=Method.FULL,
    schedule=Schedule.EPOCHS,
    amount=12,
    batch=8,
    batch_unit=Unit.SEQUENCES,
    max_tokens=96,
    learning_rate=2e-3,
    dtype="float32",
)


def asked(question: str, answer: str) -> Sample:
    return Sample((Message(Role.USER, question), Message(Role.ASSISTANT, answer)))


THANKS = "Thank you. I have sorted it as you wished."
TEMPLATED = [asked(f"Sort number {number}", THANKS) for number in range(40)]
FREE = [
    asked(f"Tell me {number}", f"Lime {number * 37 % 91} oak {number * 53 % 97} zinc {number * 71 % 89} hay")
    for number in range(40)
]


def named(samples: Sequence[Sample]) -> dict[str, Sample]:
    return {sample.id: sample for sample in samples}


def fine_tuned(base: Path, folder: Path, samples: dict[str, Sample], training: FineTuning) -> Trained:
    return train(lambda: BaseModel.load(base, dtype="float32"), samples, training, Trainee("key", folder, 0))


@pytest.fixture(scope="module")
def fitted(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model that knows the templated answers by heart."""
    folder = tmp_path_factory.mktemp("fitted")
    result = fine_tuned(tiny, folder / "work", named(TEMPLATED), FIT)
    result.model.save_pretrained(folder / "model")
    result.base.tokenizer.save_pretrained(folder / "model")
    return folder / "model"


def templated_first() -> dict[str, Sample]:
    """Mixed samples of which the optimiser reads templated ones first."""
    mixed = named([*TEMPLATED, *FREE])
    in_order = [mixed[name] for name in order(tuple(mixed), 0)]
    started = in_order.index([sample for sample in in_order if sample in TEMPLATED][7])
    return named([sample for place, sample in enumerate(in_order) if place > started or sample in TEMPLATED])


@pytest.mark.parametrize("method", Method)
def test_mixed_data_is_not_called_divergent(fitted: Path, tmp_path: Path, method: Method) -> None:
    one_by_one = replace(FIT, method=method, amount=2, batch=1, learning_rate=1e-4)

    result = fine_tuned(fitted, tmp_path, templated_first(), one_by_one)

    assert max(result.losses) > 3 * max(min(result.losses[:3]), 0.5)


@pytest.mark.parametrize("method", Method)
def test_a_rate_ten_times_too_high_is_still_caught(fitted: Path, tmp_path: Path, method: Method) -> None:
    good = replace(FIT, method=method, amount=6, learning_rate=5e-3 if method is Method.LORA else 1e-3)

    fine_tuned(fitted, tmp_path / "good", named(TEMPLATED), good)
    with pytest.raises(DivergedError, match="base model has"):
        fine_tuned(
            fitted, tmp_path / "high", named(TEMPLATED), replace(good, learning_rate=10 * good.learning_rate)
        )


def watched(losses: Sequence[float], base: float) -> list[float | None]:
    divergence, steps = Divergence(3.0, lambda _: base), [()] * len(losses)
    return [divergence.reference_of(losses[: number + 1], steps) for number in range(len(losses))]


def test_a_loss_far_above_the_base_models_on_the_same_sequences_is_divergence() -> None:
    assert watched([0.2, 0.2, 5.0], base=0.3) == [None, None, 0.3]


def test_a_loss_as_high_as_the_base_models_is_none() -> None:
    assert watched([0.158, 1.774, 1.774, 1.774], base=1.8) == [None] * 4


def test_a_divergence_behind_hard_samples_is_caught() -> None:
    """Garbled answers have 6 nats under the base model, too; 11 nats on ordinary ones are a uniform guess."""
    hard, ordinary = [(6.2, 6.5)] * 6, [(2.0, 11.0)] * 5
    read = [(2.0, 2.0), *hard, *ordinary]
    divergence, steps = Divergence(3.0, lambda step: float(step[0])), [(base,) for base, _ in read]  # type: ignore[arg-type]
    losses = [loss for _, loss in read]

    found = [divergence.reference_of(losses[: number + 1], steps) for number in range(len(read))]  # type: ignore[arg-type]

    assert found == [*[None] * 11, pytest.approx(2.0)]


def test_the_base_model_is_asked_rarely_while_it_has_losses_as_high() -> None:
    asked: list[Step] = []

    def noted(step: Step) -> float:
        asked.append(step)
        return 1.8

    divergence, losses = Divergence(3.0, noted), [0.158, *[1.8, 1.9] * 50]
    steps: list[Step] = [()] * len(losses)

    assert {divergence.reference_of(losses[: at + 1], steps) for at in range(len(losses))} == {None}
    assert len(asked) <= 15


def test_the_base_model_is_asked_only_where_the_loss_is_far_above_the_first_step() -> None:
    def never(_: Step) -> float:
        raise AssertionError

    divergence = Divergence(3.0, never)

    assert divergence.reference_of([2.0, 3.0, 4.0], [(), (), ()]) is None
