"""Every step that is counted moves the weights; a training that moves none is a failure."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.evaluation import UntrainedError
from autoselection_core.evaluation.evaluator import Selected
from autoselection_core.evaluation.training.fine_tune import train
from autoselection_core.evaluation.training.learning_rate import rate_factor
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import PRESETS, Decay, FineTuning, Method, Schedule, Unit
from autoselection_core.models.base_model import BaseModel
from tests.evaluation.bench import POOL, TRAINING, subset
from tests.evaluation.test_training import trained


@given(st.integers(1, 300), st.floats(0, 1), st.sampled_from(Decay))
def test_no_step_has_a_rate_of_zero_and_none_a_higher_one_than_the_peak(
    steps: int, warmup_share: float, decay: Decay
) -> None:
    training = FineTuning(warmup_share=warmup_share, decay=decay)
    factors = [rate_factor(step, steps, training) for step in range(1, steps + 1)]

    assert min(factors) > 0
    assert max(factors) <= 1


def test_a_warm_up_of_all_steps_rises_until_the_last() -> None:
    factors = [rate_factor(step, 5, FineTuning(warmup_share=1.0)) for step in range(1, 6)]

    assert factors == [0.2, 0.4, 0.6, 0.8, 1.0]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("rows", [4, 18])
def test_a_training_of_one_step_changes_the_model(tiny: Path, tmp_path: Path, preset: str, rows: int) -> None:
    training = replace(
        PRESETS[preset],
        batch=256,
        batch_unit=Unit.SEQUENCES,
        amount=1,
        schedule=Schedule.EPOCHS,
        max_tokens=64,
        dtype="float32",
    )

    result = trained(tiny, tmp_path, training, rows=rows)

    assert result.steps == 1
    base = BaseModel.load(tiny, dtype="float32").model
    now = dict(result.model.named_parameters())
    if training.method is Method.FULL:
        assert any((value != now[name]).any() for name, value in base.named_parameters())
    else:
        assert any(value.any() for name, value in now.items() if "lora_B" in name)


def test_a_training_that_moves_no_weight_is_a_failure(tiny: Path, tmp_path: Path) -> None:
    """Adapters of values that no layer reads have no gradient."""

    def deaf() -> BaseModel:
        base = BaseModel.load(tiny, dtype="float32")
        with torch.no_grad():
            for layer in base.model.get_decoder().layers:
                layer.self_attn.o_proj.weight.zero_()
        return base

    training = replace(TRAINING, amount=400, target_modules="v_proj")
    with pytest.raises(UntrainedError, match="no weight changed in 2 optimiser steps"):
        train(deaf, Selected(POOL, subset()), training, Trainee("key", tmp_path, 0))
