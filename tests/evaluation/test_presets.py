"""What the named presets stand for."""

import pytest

from autoselection_core.evaluation.training.settings import PRESETS, Decay, Method, Schedule, Unit


def test_the_published_protocol_has_a_name() -> None:
    """Table 5 of arXiv 2605.12944."""
    preset = PRESETS["paper-full-sft"]

    assert (preset.method, preset.dtype, preset.max_tokens) == (Method.FULL, "bfloat16", 2_048)
    assert (preset.schedule, preset.amount) == (Schedule.EPOCHS, 3)
    assert (preset.batch, preset.batch_unit) == (256, Unit.SEQUENCES)
    assert (preset.learning_rate, preset.decay, preset.warmup_share) == (2e-5, Decay.COSINE, 0.1)


@pytest.mark.parametrize("name", ["cpu-lora", "lora"])
def test_others_train_adapters(name: str) -> None:
    assert PRESETS[name].method is Method.LORA


def test_on_a_processor_every_arm_has_equal_tokens() -> None:
    assert (PRESETS["cpu-lora"].schedule, PRESETS["cpu-lora"].batch_unit) == (Schedule.TOKENS, Unit.TOKENS)
