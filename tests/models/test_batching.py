import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.models.batching import Positions, batches_by_length, run_halving

LENGTHS = st.lists(st.integers(0, 50), max_size=60)


@given(LENGTHS, st.integers(1, 100))
def test_every_sequence_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = batches_by_length(lengths, budget)

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 100))
def test_a_padded_batch_stays_within_the_budget_unless_one_sequence_exceeds_it(
    lengths: list[int], budget: int
) -> None:
    for batch in batches_by_length(lengths, budget):
        padded = len(batch) * max(lengths[position] for position in batch)
        assert padded <= budget or len(batch) == 1


@given(LENGTHS, st.integers(1, 10))
def test_halving_loses_no_sequence_and_names_those_that_never_fit(lengths: list[int], limit: int) -> None:
    def work(batch: Positions) -> int:
        if len(batch) * max(lengths[position] for position in batch) > limit:
            raise torch.OutOfMemoryError
        return len(batch)

    done = list(run_halving(batches_by_length(lengths, 100), work))

    assert sorted(position for batch, _ in done for position in batch) == list(range(len(lengths)))
    failed = {int(batch[0]) for batch, result in done if result is None}
    assert failed == {position for position, length in enumerate(lengths) if length > limit}


def test_a_failed_allocation_on_a_processor_halves_the_batch() -> None:
    def work(batch: Positions) -> int:
        if len(batch) > 1:
            torch.empty(1 << 60)
        return 1

    assert [len(batch) for batch, _ in run_halving([np.arange(4)], work)] == [1, 1, 1, 1]


def test_an_error_that_is_not_about_memory_is_not_swallowed() -> None:
    def work(_batch: Positions) -> int:
        message = "shapes do not match"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="shapes"):
        list(run_halving([np.arange(4)], work))
