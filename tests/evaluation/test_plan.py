"""Named presets and their settings."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, count
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.errors.evaluation import UnknownTrainingSettingError, UntrainedError
from autoselection_core.errors.recipe import SettingError
from autoselection_core.evaluation.training.fine_tune import SubsetSamples, train
from autoselection_core.evaluation.training.plan import (
    NO_ANSWER,
    PROMPT_CUT,
    TrainingPlan,
    TrainingSequence,
    make_plan,
    order,
    rate_factor,
)
from autoselection_core.evaluation.training.run import Trainee
from autoselection_core.evaluation.training.settings import (
    PRESETS,
    SMALL_SHARE,
    Decay,
    FineTuning,
    Method,
    Schedule,
    Unit,
    fine_tuning,
    reach_of,
)
from autoselection_core.evaluation.training.trainer import trainer_arguments
from autoselection_core.identity import fingerprint
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import Encoded, Turn
from autoselection_core.space import Axis, Choice, axes
from tests.evaluation.bench import POOL, TRAINING, subset
from tests.evaluation.test_training import trained


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


IDENTITIES = {
    "cpu-lora": "96b08d56961d09f75879f587cf65ba80",
    "lora": "4b23d0abeb6ebd283383f94738b9a2f0",
    "paper-full-sft": "3f199f1f38d5efff0d84973c02de3b6e",
}
"""Names that commit f7d6479 gives to the presets; its evaluations are stored under them."""


def test_presets_are_those_of_stored_evaluations() -> None:
    assert {name: fingerprint(preset.identity) for name, preset in PRESETS.items()} == IDENTITIES


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"preset": "cpu-lara"}, "preset 'cpu-lara' is unknown.*Did you mean 'cpu-lora'"),
        ({"preset": "lora", "rnak": 4}, "setting 'rnak' is unknown.*Did you mean 'rank'"),
        ({"Rank": 4}, "setting 'Rank' is unknown.*learning_rate"),
    ],
)
def test_an_unknown_preset_or_setting_is_named_with_those_that_are_known(
    settings: dict[str, Any], says: str
) -> None:
    with pytest.raises(UnknownTrainingSettingError, match=says):
        fine_tuning(settings)


@pytest.mark.parametrize("axis", axes(FineTuning), ids=lambda axis: axis.name)
def test_a_setting_outside_of_its_range_is_refused_by_name(axis: Axis) -> None:
    space = axis.space
    outside = ("none",) if isinstance(space, Choice) else (space.low - 1, space.high + 1, float("nan"), True)

    for value in outside:
        with pytest.raises(SettingError, match=axis.name):
            replace(FineTuning(), **{axis.name: value})  # type: ignore[arg-type] # that is the point


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_only_a_full_training_in_bfloat16_keeps_weights_of_float32(
    tmp_path: Path, method: Method, dtype: str
) -> None:
    training = FineTuning(method=method, dtype=dtype)

    said = trainer_arguments(training, tmp_path, steps=1, packs_per_step=1, replicate=0, on_cpu=True)

    assert said.bf16 == ((method, dtype) == (Method.FULL, "bfloat16"))


def test_a_training_that_reads_little_of_the_pool_is_warned_of_and_one_told_as_the_limit_is_not() -> None:
    assert "may drown in the noise" in reach_of(1_000, 1_000 / (SMALL_SHARE - 0.006))
    assert "may drown in the noise" not in reach_of(1_000, 1_000 / (SMALL_SHARE - 0.004))
    assert "may drown in the noise" not in reach_of(1_000, 1_000 / SMALL_SHARE)


def test_on_a_processor_every_arm_has_equal_tokens() -> None:
    assert (PRESETS["cpu-lora"].schedule, PRESETS["cpu-lora"].batch_unit) == (Schedule.TOKENS, Unit.TOKENS)


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
        train(deaf, SubsetSamples(POOL, subset()), training, Trainee("key", tmp_path, 0))


LENGTHS = st.lists(st.integers(3, 40), min_size=1, max_size=30)


def encoded(tokens: int, prompt: int = 2) -> Encoded:
    return Encoded(
        np.arange(tokens, dtype=np.int32), (Turn(prompt, prompt, tokens, tokens),), truncated=False
    )


def answers(lengths: Sequence[tuple[int, int]], **settings: object) -> TrainingPlan:
    """Plan over samples of so many tokens in the prompt and in the answer."""
    samples = {f"{number:032x}": encoded(sum(both), both[0]) for number, both in enumerate(lengths)}
    return make_plan(tuple(samples), lambda sample: samples[sample], FineTuning(**settings), 0)  # type: ignore[arg-type]


PROMPTS_AND_ANSWERS = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20)), min_size=1, max_size=30)


@given(PROMPTS_AND_ANSWERS, st.integers(80, 600), st.integers(2, 2_000))
def test_all_subsets_train_on_equally_many_tokens_in_equally_many_steps_however_long_their_prompts_are(
    lengths: list[tuple[int, int]], batch: int, amount: int
) -> None:
    """A single token that is left can teach nothing, because nothing precedes it."""
    plan = answers(lengths, amount=amount, batch=batch, plan_version=2)

    assert amount - 1 <= plan.tokens <= amount
    assert len(plan.steps) == ceil((amount - 1) / batch)
    assert all(sequence.taught.any() for step in plan.steps for sequence in step)


def test_the_first_token_of_a_part_is_not_taught_because_nothing_predicts_it() -> None:
    whole = TrainingSequence("a", np.arange(9, dtype=np.int32), np.ones(9, np.bool_))

    assert whole.part(3, 6).input_ids.tolist() == [3, 4, 5]
    assert whole.part(3, 6).taught.tolist() == [False, True, True]


def test_a_long_prompt_that_ends_a_training_loses_its_beginning_and_keeps_its_answer() -> None:
    lengths, settings = [(1_500, 100)], {"amount": 5_000, "batch": 2_048}
    before, after = answers(lengths, **settings), answers(lengths, **settings, plan_version=2)

    assert (before.tokens, after.tokens) == (4_800, 5_000)
    *_, last = (sequence for step in after.steps for sequence in step)
    assert last.input_ids.tolist() == list(range(1_400, 1_600))
    assert last.taught.tolist() == [False] * 100 + [True] * 100
    assert after.changes == {PROMPT_CUT: 1}
    assert before.changes == {}


def test_an_answer_longer_than_half_of_what_is_left_is_cut_so_that_a_prompt_stands_before_it() -> None:
    plan = answers([(60, 40)], amount=110, batch=200, plan_version=2)
    *_, last = (sequence for step in plan.steps for sequence in step)

    assert last.input_ids.tolist() == list(range(55, 65))
    assert int(last.taught.sum()) == 5


@given(PROMPTS_AND_ANSWERS, st.integers(1, 600), st.integers(2, 2_000))
def test_the_first_version_of_a_plan_is_what_it_was(
    lengths: list[tuple[int, int]], batch: int, amount: int
) -> None:
    """Stored evaluations were made so: a last sequence is left out where its cut leaves nothing to learn."""
    sizes = {f"{number:032x}": both for number, both in enumerate(lengths)}
    read, said, middles = 0, [], []
    for sample in chain.from_iterable(order(tuple(sizes), 0, epoch) for epoch in count()):
        size = min(amount - read, sum(sizes[sample]))
        if size > sizes[sample][0]:
            said.append((sample, size))
            middles.append(read + size // 2)
        read += size
        if read == amount:
            break

    plan = answers(lengths, amount=amount, batch=batch)

    assert [(each.sample, len(each)) for step in plan.steps for each in step] == said
    assert [len(step) for step in plan.steps] == list(Counter(each // batch for each in middles).values())


@pytest.mark.parametrize("settings", [{"preset": "lora"}, {"schedule": "steps", "batch_unit": "sequences"}])
def test_where_the_length_is_not_in_tokens_the_version_of_the_plan_changes_no_name(
    settings: dict[str, Any],
) -> None:
    first, second = fine_tuning(settings), fine_tuning({**settings, "plan_version": 2})

    assert first.identity == second.identity
    assert fine_tuning({}).identity != fine_tuning({"plan_version": 2}).identity


def planned(lengths: Sequence[int], replicate: int = 0, **settings: object) -> TrainingPlan:
    samples = {f"{number:032x}": encoded(length) for number, length in enumerate(lengths)}
    return make_plan(tuple(samples), lambda sample: samples[sample], FineTuning(**settings), replicate)  # type: ignore[arg-type]


@given(LENGTHS, st.integers(50, 2_000))
def test_a_token_budget_is_met_within_a_prompt_however_small_the_subset(
    lengths: list[int], budget: int
) -> None:
    plan = planned(lengths, amount=budget)

    assert budget - 2 <= plan.tokens <= budget


@given(LENGTHS, st.integers(1, 60), st.integers(10, 200))
def test_packs_hold_every_sequence_of_their_step_once(lengths: list[int], pack: int, batch: int) -> None:
    plan = planned(lengths, schedule=Schedule.EPOCHS, amount=1, batch=batch)
    count = plan.packs_per_step(pack)
    packs = plan.packs(pack)

    assert len(packs) == count * len(plan.steps)
    for number, step in enumerate(plan.steps):
        held = [sequence for each in packs[number * count : (number + 1) * count] for sequence in each]
        assert sorted(map(id, held)) == sorted(map(id, step))


@given(LENGTHS, st.integers(1, 60), st.integers(10, 200), st.integers(1, 3))
def test_forward_passes_are_as_few_as_their_size_allows_and_exceed_it_by_less_than_a_sequence(
    lengths: list[int], size: int, batch: int, devices: int
) -> None:
    plan = planned(lengths, schedule=Schedule.EPOCHS, amount=1, batch=batch)
    passes = plan.packs_per_step(size, devices)
    fullest = max(sum(map(len, step)) for step in plan.steps)

    assert (passes - 1) * size * devices < fullest <= passes * size * devices
    for pack in plan.packs(size, devices):
        assert sum(map(len, pack)) < size + min(map(len, pack), default=1)


@given(LENGTHS, st.integers(1, 3))
def test_epochs_read_every_sample_as_often_as_said(lengths: list[int], epochs: int) -> None:
    plan = planned(lengths, schedule=Schedule.EPOCHS, amount=epochs, batch=3, batch_unit=Unit.SEQUENCES)
    read = [sequence.sample for step in plan.steps for sequence in step]

    assert {sample: read.count(sample) for sample in read} == dict.fromkeys(read, epochs)
    assert len(set(read)) == len(lengths)
    assert all(len(step) == 3 for step in plan.steps[:-1])


@pytest.mark.parametrize("unit", list(Unit))
def test_steps_are_as_many_as_said(unit: Unit) -> None:
    plan = planned([20] * 10, schedule=Schedule.STEPS, amount=7, batch=40, batch_unit=unit)

    assert len(plan.steps) == 7


def test_steps_of_equal_tokens_are_equally_many_for_short_and_long_samples() -> None:
    short, long = planned([5] * 50, amount=1_000, batch=100), planned([50] * 50, amount=1_000, batch=100)

    assert len(short.steps) == len(long.steps) == 10


def test_no_other_sample_moves_a_sample_in_the_order() -> None:
    samples = [f"{number:032x}" for number in range(50)]

    assert [sample for sample in order(samples, 3) if sample in samples[:20]] == order(samples[:20], 3)


def test_replicates_and_epochs_have_orders_of_their_own() -> None:
    samples = [f"{number:032x}" for number in range(50)]

    assert len({tuple(order(samples, *which)) for which in [(0, 0), (1, 0), (0, 1)]}) == 3


def test_the_order_does_not_depend_on_how_samples_are_given() -> None:
    samples = [f"{number:032x}" for number in range(50)]

    assert order(samples, 1) == order(samples[::-1], 1)


def test_samples_that_cannot_be_trained_on_are_named_with_a_reason() -> None:
    def read(sample: str) -> Encoded | str:
        told: dict[str, Encoded | str] = {
            "a": encoded(10),
            "b": "the template refuses it",
            "c": encoded(10, prompt=10),
        }
        return told[sample]

    plan = make_plan(("a", "b", "c"), read, FineTuning(amount=50), 0)

    assert {sequence.sample for step in plan.steps for sequence in step} == {"a"}
    assert plan.skipped == {
        "b": "the template refuses it",
        "c": NO_ANSWER,
    }


def test_a_subset_that_teaches_nothing_has_no_steps() -> None:
    assert make_plan(("a",), lambda _: encoded(10, prompt=10), FineTuning(), 0).steps == ()


def test_a_small_budget_reads_few_samples_of_a_large_subset() -> None:
    read: list[str] = []

    def remember(sample: str) -> Encoded:
        read.append(sample)
        return encoded(10)

    make_plan(tuple(f"{number:032x}" for number in range(1_000)), remember, FineTuning(amount=100), 0)

    assert len(read) == 10
