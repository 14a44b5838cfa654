"""The statistics against definitions written in plain numpy."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.batching import Positions, batches_by_length, run_halving
from autoselection_core.models.forward import token_statistics

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


Floats = npt.NDArray[np.float64]
RNG = np.random.default_rng(0)
SEQUENCES = [RNG.integers(3, 1_000, size).astype(np.int32) for size in (5, 40, 17, 2)]
WANTED = [np.arange(len(sequence)) >= min(3, len(sequence) - 1) for sequence in SEQUENCES]


def by_definition(model: Any, tokens: npt.NDArray[np.int32], wanted: npt.NDArray[np.bool_]) -> list[Floats]:
    with torch.inference_mode():
        logits = model(torch.tensor(tokens[None].astype(np.int64))).logits[0].double().numpy()
    likelihood, entropy, varentropy = [], [], []
    for place in np.flatnonzero(wanted):
        row = logits[place - 1] - logits[place - 1].max()
        p = np.exp(row) / np.exp(row).sum()
        surprise = -np.log(p)
        likelihood.append(-surprise[tokens[place]])
        entropy.append((p * surprise).sum())
        varentropy.append((p * (surprise - entropy[-1]) ** 2).sum())
    return [np.array(values) for values in (likelihood, entropy, varentropy)]


@pytest.mark.parametrize("side", ["left", "right"])
def test_statistics_equal_their_definitions_in_any_batch_and_padding(
    base_model: BaseModel, side: str
) -> None:
    together = token_statistics(base_model.model, SEQUENCES, WANTED, side=side)

    for statistics, tokens, wanted in zip(together, SEQUENCES, WANTED, strict=True):
        likelihood, entropy, varentropy = by_definition(base_model.model, tokens, wanted)
        assert np.abs(statistics.log_likelihood - likelihood).max() < 1e-5
        assert np.abs(statistics.entropy - entropy).max() < 1e-5
        assert np.abs(statistics.varentropy - varentropy).max() < 1e-4


def test_a_sequence_has_the_same_statistics_alone_and_in_a_batch(base_model: BaseModel) -> None:
    together = token_statistics(base_model.model, SEQUENCES, WANTED)

    for statistics, tokens, wanted in zip(together, SEQUENCES, WANTED, strict=True):
        alone = token_statistics(base_model.model, [tokens], [wanted])[0]
        assert np.abs(alone.log_likelihood - statistics.log_likelihood).max() < 1e-5
        assert np.abs(alone.varentropy - statistics.varentropy).max() < 1e-5


def test_statistics_are_float32_whatever_the_weights_are(base_model: BaseModel) -> None:
    half = BaseModel.load(base_model.path, dtype="bfloat16")

    statistics = token_statistics(half.model, SEQUENCES, WANTED)[1]

    assert {statistics.log_likelihood.dtype, statistics.entropy.dtype} == {np.dtype(np.float32)}
    assert (statistics.varentropy >= 0).all()


def test_no_more_logits_are_held_at_once_than_a_chunk_allows(base_model: BaseModel) -> None:
    from autoselection_core.models.forward import _CHUNK_BYTES

    held: list[int] = []
    head = base_model.model.get_output_embeddings()
    handle = head.register_forward_hook(lambda _module, _inputs, logits: held.append(logits.numel()))
    tokens = np.tile(SEQUENCES[1], 60)
    try:
        token_statistics(base_model.model, [tokens] * 3, [np.arange(len(tokens)) > 0] * 3)
    finally:
        handle.remove()

    assert 4 * sum(held) > _CHUNK_BYTES["cpu"], "all of them fit into one chunk"
    assert 4 * max(held) <= _CHUNK_BYTES["cpu"]


def test_impossible_tokens_leave_entropy_finite(base_model: BaseModel) -> None:
    from autoselection_core.models.forward import _chunk_statistics

    logits = torch.tensor([[0.0, 0.0, float("-inf")]])

    likelihood, entropy, varentropy = _chunk_statistics(logits, torch.tensor([0]))

    assert entropy.item() == pytest.approx(np.log(2))
    assert likelihood.item() == pytest.approx(-np.log(2))
    assert varentropy.item() == pytest.approx(0)
    assert base_model.dtype == "float32"
