"""RDS+ against its definition: position-weighted hidden states in plain torch, targets that take turns."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.models import ChatTemplateError
from autoselection_core.errors.signals import NoTargetsError
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.chat.spans import encode
from autoselection_core.operators.definitions.score import KeepTop
from autoselection_core.pool.sample import Message, Role, Sample
from autoselection_core.signals.base import REASON
from autoselection_core.signals.definitions.base_model.rds import (
    HIDDEN_STATES,
    HiddenStates,
    RepresentationSelection,
    pooled_states,
    round_robin_selection,
)
from autoselection_core.signals.store.store import SignalStore
from autoselection_core.store.home import Home
from autoselection_core.testing.signals import pool_of, question_and_answer

SAMPLES = [question_and_answer(f"Add {n} and {n}.", f"{n} + {n} = {2 * n}. " * (1 + n % 4)) for n in range(9)]
TARGETS = (SAMPLES[2], question_and_answer("Name a city.", "Paris"), question_and_answer("1 + 1", "2"))
ITEM = Item("1 + 1", (Message(Role.USER, "1 + 1"),), "2")
SUMS = Benchmark("sums", (ITEM,), TARGETS)
POOL = pool_of(SAMPLES)
WITH_TOOL = Sample(
    (Message(Role.USER, "12?"), Message(Role.TOOL, "12 apples"), Message(Role.ASSISTANT, "12 apples"))
)


@pytest.fixture(scope="module")
def plain(tiny: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32).eval()


def pooled(sample: Sample, plain: Any, base: BaseModel) -> npt.NDArray[np.float64]:
    """Mean of the last of all hidden states that transformers gives, one sample at a time."""
    ids = torch.tensor(encode(sample, base.tokenizer, 2_048).input_ids[None].astype(np.int64))
    with torch.no_grad():
        states = plain(input_ids=ids, output_hidden_states=True).hidden_states[-1][0].double().numpy()
    mean: npt.NDArray[np.float64] = np.average(states, axis=0, weights=np.arange(1, len(states) + 1))
    return mean


def in_turn(similarity: npt.NDArray[Any]) -> list[int]:
    """The definition, word by word: each target in turn takes the most similar sample that is left."""
    left, order = list(range(len(similarity))), list[int]()
    while left:
        target = len(order) % similarity.shape[1]
        order.append(max(left, key=lambda row: (similarity[row, target], -row)))
        left.remove(order[-1])
    return order


def test_the_states_of_a_sample_are_their_definition(tiny: Path, plain: Any, base_model: BaseModel) -> None:
    found = np.asarray(HiddenStates(str(tiny), dtype="float32").compute(POOL, {})[HIDDEN_STATES])

    expected = np.stack([pooled(sample, plain, base_model) for sample in POOL.samples()])
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_first_sample_is_the_first_target_s_and_the_order_is_the_definition_s(
    tiny: Path,
    plain: Any,
    base_model: BaseModel,
    tmp_path: Path,
) -> None:
    store, signal = SignalStore(Home(tmp_path)), RepresentationSelection(SUMS, str(tiny), dtype="float32")

    report = store.score(signal, POOL)

    values = store.table(POOL, {signal.name: report.version})["rds/sums"]
    samples = np.stack([pooled(one, plain, base_model) for one in POOL.samples()])
    targets = np.stack(
        [pooled(one, plain, base_model) for one in sorted(TARGETS, key=lambda target: target.id)]
    )
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (samples, targets)]
    assert np.argsort(-values, kind="stable").tolist() == in_turn(unit[0] @ unit[1].T)
    assert sorted(values.tolist()) == pytest.approx([(n + 1) / 9 for n in range(9)])


@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 400), st.integers(0, 9))
def test_targets_take_turns_whatever_is_held_at_a_time(n: int, t: int, held: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Half-integers, so that many similarities are equal and every product is exact.
    samples, targets = ((rng.integers(-2, 3, (count, 3)) / 2).astype(np.float32) for count in (n, t))

    assert list(round_robin_selection(samples, targets, held=held)) == in_turn(samples @ targets.T)


def test_a_long_list_of_taken_rows_is_passed_over() -> None:
    samples = np.linspace(1, 0, 2_000, dtype=np.float32)[:, None]

    assert list(round_robin_selection(samples, np.ones((3, 1), np.float32))) == list(range(2_000))


def test_a_sample_that_the_template_refuses_has_no_place_and_a_reason(strict: Path, tmp_path: Path) -> None:
    pool, store = pool_of([*SAMPLES, WITH_TOOL]), SignalStore(Home(tmp_path / "home"))

    report = store.score(RepresentationSelection(SUMS, str(strict), dtype="float32"), pool)

    values = store.table(pool, {"rds/sums": report.version})["rds/sums"]
    assert report.unscored == {"the chat template refuses it": 1}
    assert np.isnan(values).nonzero()[0].tolist() == [pool.row_of(WITH_TOOL.id)]
    assert np.nanmax(values) == 1
    assert np.nanmin(values) == pytest.approx(1 / 9)


def test_a_target_that_the_template_refuses_ends_the_ranking(strict: Path) -> None:
    benchmark = Benchmark("tools", (ITEM,), (*TARGETS, WITH_TOOL))
    signal = RepresentationSelection(benchmark, str(strict), dtype="float32")

    with pytest.raises(ChatTemplateError, match="no tools"):
        signal.compute(POOL, signal.states.compute(POOL, {}))


class Cramped:
    """A model on a device that holds short sequences only."""

    def __init__(self, model: Any) -> None:
        self.device, self.config, self._decoder = model.device, model.config, model.get_decoder()

    def get_decoder(self) -> Any:
        return self

    def __call__(self, **given: Any) -> Any:
        if given["input_ids"].shape[1] > 40:
            raise torch.OutOfMemoryError
        return self._decoder(**given)


def test_a_sequence_that_does_not_fit_into_memory_has_no_states_and_the_others_theirs(
    base_model: BaseModel,
) -> None:
    sequences = [np.arange(n, dtype=np.int32) + 5 for n in (7, 60, 30)]

    whole = pooled_states(base_model, sequences)
    cramped = pooled_states(replace(base_model, model=Cramped(base_model.model)), sequences)

    assert np.isfinite(whole).all()
    assert np.isnan(cramped).all(axis=1).tolist() == [False, True, False]
    assert np.allclose(cramped[[0, 2]], whole[[0, 2]], atol=1e-5)


def test_a_killed_scoring_goes_on_from_the_states_that_were_stored(tiny: Path, tmp_path: Path) -> None:
    store, signal = SignalStore(Home(tmp_path)), RepresentationSelection(SUMS, str(tiny), dtype="float32")
    store.score(signal, pool_of(SAMPLES[:6]))

    states = store.score(signal.states, POOL)
    ranked = store.score(signal, POOL)

    assert (states.computed, states.reused) == (3, 6)
    fresh = SignalStore(Home(tmp_path / "fresh")).score(signal, POOL)
    assert ranked.version == fresh.version
    before, after = (
        SignalStore(Home(home)).table(POOL, {signal.name: fresh.version})[signal.name]
        for home in (tmp_path, tmp_path / "fresh")
    )
    assert np.array_equal(before, after)


def test_a_benchmark_without_targets_is_refused(tiny: Path) -> None:
    signal = RepresentationSelection(Benchmark("none", (ITEM,), ()), str(tiny), dtype="float32")

    with pytest.raises(NoTargetsError, match="none"):
        signal.compute(POOL, signal.states.compute(POOL, {}))


def test_keep_top_keeps_what_the_targets_took_first(tiny: Path, tmp_path: Path) -> None:
    store, signal = SignalStore(Home(tmp_path)), RepresentationSelection(SUMS, str(tiny), dtype="float32")
    table = store.table(POOL, {signal.name: store.score(signal, POOL).version})

    kept = KeepTop("rds/sums", count=4)(np.arange(9), table)

    assert sorted(table["rds/sums"][kept].tolist()) == pytest.approx([6 / 9, 7 / 9, 8 / 9, 1])


def test_samples_without_states_are_ranked_last_and_the_others_as_without_them(tiny: Path) -> None:
    signal = RepresentationSelection(SUMS, str(tiny), dtype="float32")
    whole = dict(signal.states.compute(POOL, {}))
    vectors, codes = np.array(whole[HIDDEN_STATES]), np.array(whole[REASON])
    vectors[[1, 4]], codes[[1, 4]] = np.nan, 1
    rest = np.setdiff1d(np.arange(9), [1, 4])

    values = signal.compute(POOL, {HIDDEN_STATES: vectors, REASON: codes})
    alone = signal.compute(POOL.take(rest), {HIDDEN_STATES: vectors[rest], REASON: codes[rest]})

    assert np.isnan(np.asarray(values[signal.name])).nonzero()[0].tolist() == [1, 4]
    assert np.array_equal(np.asarray(values[signal.name])[rest], np.asarray(alone[signal.name]))
    assert np.asarray(values[REASON]).tolist() == codes.tolist()
