from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.evaluation.training.plan import NO_ANSWER, TrainingPlan, make_plan, order
from autoselection_core.evaluation.training.settings import FineTuning, Schedule, Unit
from autoselection_core.models.chat.spans import Encoded, Turn

LENGTHS = st.lists(st.integers(3, 40), min_size=1, max_size=30)


def encoded(tokens: int, prompt: int = 2) -> Encoded:
    return Encoded(
        np.arange(tokens, dtype=np.int32), (Turn(prompt, prompt, tokens, tokens),), truncated=False
    )


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
