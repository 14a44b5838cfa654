"""A loss is compared with the base model's on the same sequences: mixed data does not diverge."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.errors.evaluation import DivergedError
from autoselection_core.evaluation.training.divergence import Divergence, Step
from autoselection_core.evaluation.training.fine_tune import Trained, train
from autoselection_core.evaluation.training.plan import order
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import FineTuning, Method, Schedule, Unit
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Message, Role, Sample

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


def test_the_base_model_is_asked_only_where_the_loss_is_far_above_the_first_step() -> None:
    def never(_: Step) -> float:
        raise AssertionError

    divergence = Divergence(3.0, never)

    assert divergence.reference_of([2.0, 3.0, 4.0], [(), (), ()]) is None
