"""Scores against plain forward passes of the same model."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.errors.evaluation import ScoringFailedError
from autoselection_core.evaluation.scoring import likelihood
from autoselection_core.evaluation.scoring.likelihood import Scoring, log_likelihoods, shares_prefixes
from autoselection_core.evaluation.scoring.prefix_tree import shared_prefix_rows
from autoselection_core.evaluation.scoring.scoring import distinct_answer_tokens, score_benchmark
from autoselection_core.models import frozen_layers
from autoselection_core.models.base_model import BaseModel
from autoselection_core.models.frozen_layers import FrozenLayers
from autoselection_core.pool.sample import Message, Role
from tests.evaluation.bench import BENCHMARK, WORDS, adapted, choices_benchmark

SEQUENCES = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=12)


@given(SEQUENCES, st.integers(1, 60))
def test_every_sequence_is_laid_out_once_and_whole(sequences: list[list[int]], budget: int) -> None:
    arrays = [np.array(sequence, np.int32) for sequence in sequences]

    rows = shared_prefix_rows(arrays, budget)

    assert sorted(number for row in rows for number in row.numbers) == list(range(len(arrays)))
    for row in rows:
        for number, path in zip(row.numbers, row.paths, strict=True):
            assert row.input_ids[path].tolist() == sequences[number]
            assert row.positions[path].tolist() == list(range(len(path)))
        assert len(row.input_ids) <= budget or len(row.numbers) == 1


def beginnings(sequences: Iterable[list[int]]) -> set[tuple[int, ...]]:
    """The distinct beginnings of sequences: one a token that has to be read."""
    return {tuple(each[: end + 1]) for each in sequences for end in range(len(each))}


@given(SEQUENCES, st.integers(1, 12), st.integers(-1, 1))
def test_a_row_reads_each_beginning_once_and_ends_only_where_the_next_sequence_would_not_fit(
    sequences: list[list[int]], fitting: int, more: int
) -> None:
    """Budgets about the size of the first few sequences: one token decides there."""
    budget = len(beginnings(sorted(sequences)[:fitting])) + more
    rows = shared_prefix_rows([np.array(sequence, np.int32) for sequence in sequences], budget)
    held = [[sequences[number] for number in row.numbers] for row in rows]

    assert [len(row.input_ids) for row in rows] == [len(beginnings(each)) for each in held]
    assert all(len(beginnings(each)) <= budget or len(each) == 1 for each in held)
    for one, following in pairwise(held):
        assert len(beginnings([*one, following[0]])) > budget


@given(SEQUENCES)
def test_a_token_sees_exactly_what_stands_before_it(sequences: list[list[int]]) -> None:
    (row,) = shared_prefix_rows([np.array(sequence, np.int32) for sequence in sequences], 10_000)

    visible = row.visible()

    for path in row.paths:
        for place, token in enumerate(path):
            assert set(np.flatnonzero(visible[token])) == set(path[: place + 1])


def test_a_shared_beginning_is_read_once() -> None:
    prompt = np.arange(100, dtype=np.int32)
    answers = [np.append(prompt, [200 + number]).astype(np.int32) for number in range(4)]

    (row,) = shared_prefix_rows(answers, 10_000)

    assert len(row.input_ids) == 104


@pytest.fixture(scope="module")
def model(tiny: Path) -> BaseModel:
    return BaseModel.load(tiny, dtype="float32")


def plain(model: BaseModel, sequence: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Log-likelihood of every token but the first, from the model's own logits, alone."""
    ids = torch.from_numpy(sequence.astype(np.int64))[None]
    with torch.inference_mode():
        log_p = model.model(input_ids=ids).logits[0].float().log_softmax(-1)
    values: npt.NDArray[np.float32] = log_p[:-1].gather(1, ids[0, 1:, None])[:, 0].numpy()
    return values


@pytest.mark.parametrize("row_tokens", [1, 40, 10_000])
def test_shared_beginnings_change_no_value(model: BaseModel, row_tokens: int) -> None:
    rng = np.random.default_rng(0)
    prompt = rng.integers(0, 2_000, 20)
    sequences = [
        np.concatenate([prompt[: rng.integers(5, 20)], rng.integers(0, 2_000, rng.integers(1, 9))]).astype(
            np.int32
        )
        for _ in range(12)
    ]
    wanted = [np.arange(len(sequence)) >= 3 for sequence in sequences]

    values, read = log_likelihoods(model.model, sequences, wanted, Scoring(row_tokens))

    for sequence, value in zip(sequences, values, strict=True):
        np.testing.assert_allclose(value, plain(model, sequence)[2:], atol=1e-4)
    assert (read < sum(map(len, sequences))) == (row_tokens > 1)


def test_a_model_with_a_window_reads_every_sequence_by_itself(tiny: Path) -> None:
    windowed = BaseModel.load(tiny, dtype="float32").model
    windowed.config.sliding_window = 8
    sequences = [np.array([1, 2, 3, last], np.int32) for last in range(4, 9)]

    _, read = log_likelihoods(windowed, sequences, [np.arange(4) > 0] * 5, Scoring())

    assert read == 20


def test_a_model_that_ignores_the_mask_reads_every_sequence_by_itself(tiny: Path) -> None:
    heedless = BaseModel.load(tiny, dtype="float32").model

    def ignore(_: object, args: object, given: dict[str, object]) -> tuple[object, dict[str, object]]:
        return args, {**given, "attention_mask": None}

    heedless.get_decoder().register_forward_pre_hook(ignore, with_kwargs=True)

    assert not shares_prefixes(heedless)
    assert shares_prefixes(BaseModel.load(tiny, dtype="float32").model)


def test_models_of_one_base_are_tried_with_a_mask_once(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likelihood, "_SHARING", {})

    def passes_and_values() -> tuple[int, list[float]]:
        loaded, passes = BaseModel.load(tiny, dtype="float32"), []
        loaded.model.get_decoder().register_forward_pre_hook(lambda *_: passes.append(1))
        score, _ = score_benchmark(loaded, choices_benchmark(), Side.TEST, Scoring())
        return len(passes), [each.value for each in score.items]

    first, second = passes_and_values(), passes_and_values()

    assert second[0] < first[0]
    assert second[1] == first[1]


def limited(model: Any, tokens: int) -> Any:
    """A model whose memory is enough for forward passes of so many tokens."""

    def refuse(_: object, __: object, given: dict[str, torch.Tensor]) -> None:
        if given["input_ids"].shape[1] > tokens:
            raise MemoryError

    model.get_decoder().register_forward_pre_hook(refuse, with_kwargs=True)
    return model


@pytest.mark.parametrize("tokens", [100, 40])
def test_a_row_that_does_not_fit_into_memory_is_halved_until_it_does(tiny: Path, tokens: int) -> None:
    small = BaseModel.load(tiny, dtype="float32").model
    sequences = [np.array([number, *range(39)], np.int32) for number in range(8)]
    wanted = [np.arange(40) > 0] * 8
    whole, _ = log_likelihoods(small, sequences, wanted, Scoring(400))

    halved, _ = log_likelihoods(limited(small, tokens), sequences, wanted, Scoring(400))

    np.testing.assert_allclose(np.concatenate(halved), np.concatenate(whole), atol=1e-5)


def test_memory_that_is_too_small_for_a_single_sequence_is_an_error(tiny: Path) -> None:
    small = limited(BaseModel.load(tiny, dtype="float32").model, 63)
    long = np.arange(64, dtype=np.int32)

    with pytest.raises(MemoryError):
        log_likelihoods(small, [long], [np.arange(64) > 0], Scoring(200))


def test_an_item_scores_the_mean_log_likelihood_of_its_answer_alone(model: BaseModel) -> None:
    score, _ = score_benchmark(model, BENCHMARK, Side.DEV, Scoring())

    item = split(BENCHMARK).dev[0]
    opened = model.tokenizer.apply_chat_template(
        [{"role": "user", "content": item.question}], tokenize=False, add_generation_prompt=True
    )
    before = model.tokenizer(opened, add_special_tokens=False)["input_ids"]
    answer = model.tokenizer(item.reference, add_special_tokens=False)["input_ids"]
    values = plain(model, np.array([*before, *answer], np.int32))[-len(answer) :]
    assert score.items[0].item == item.id
    assert score.items[0].value == pytest.approx(float(values.mean()), abs=1e-4)


def test_bits_per_byte_are_the_same_likelihood_in_other_words(model: BaseModel) -> None:
    nats = score_benchmark(model, BENCHMARK, Side.DEV, Scoring())[0].items
    bytes_benchmark = Benchmark("sums", BENCHMARK.items, metric=Metric.BITS_PER_BYTE, sizes=BENCHMARK.sizes)
    bits = score_benchmark(model, bytes_benchmark, Side.DEV, Scoring())[0].items

    for item, nat, bit in zip(split(BENCHMARK).dev, nats, bits, strict=True):
        tokens = len(model.tokenizer(item.reference, add_special_tokens=False)["input_ids"])
        size = len(item.reference.encode())
        assert bit.value == pytest.approx(-nat.value * tokens / size / np.log(2), abs=1e-4)


@pytest.mark.parametrize("metric", [Metric.CHOICE_ACCURACY, Metric.CHOICE_ACCURACY_NORM])
def test_the_likeliest_choice_is_the_answer(model: BaseModel, metric: Metric) -> None:
    benchmark = replace(choices_benchmark(), metric=metric)
    score, _ = score_benchmark(model, benchmark, Side.TEST, Scoring())

    for item, scored in zip(split(benchmark).test, score.items, strict=True):
        assert scored.choice_log_likelihoods is not None
        lengths = [len(word) if metric is Metric.CHOICE_ACCURACY_NORM else 1 for word in WORDS]
        likeliest = int(np.argmax(np.array(scored.choice_log_likelihoods) / lengths))
        assert scored.parsed == "ABCDEFGHIJ"[likeliest]
        assert scored.is_correct == (WORDS[likeliest] == item.reference)
        assert scored.value == float(bool(scored.is_correct))


@pytest.mark.parametrize("metric", [Metric.CHOICE_ACCURACY, Metric.CHOICE_ACCURACY_NORM])
@pytest.mark.parametrize(
    ("choices", "characters"),
    [
        (("yes", "no"), (1, 1)),
        (("A", "B", "C"), (1, 1, 1)),
        (("1", "10", "100"), (1, 2, 3)),
        (("one", "two by two", "x"), (3, 10, 1)),
    ],
)
def test_choices_are_compared_by_what_plain_torch_gives(
    model: BaseModel, metric: Metric, choices: tuple[str, ...], characters: tuple[int, ...]
) -> None:
    items = tuple(
        replace(each, reference=choices[number % len(choices)], choices=choices)
        for number, each in enumerate(BENCHMARK.items)
    )
    benchmark = Benchmark("choices", items, metric=metric, sizes=BENCHMARK.sizes)

    score, _ = score_benchmark(model, benchmark, Side.DEV, Scoring())

    lengths = characters if metric is Metric.CHOICE_ACCURACY_NORM else (1,) * len(choices)
    for item, scored in zip(split(benchmark).dev, score.items, strict=True):
        opened = model.tokenizer.apply_chat_template(
            [{"role": "user", "content": item.question}], tokenize=False, add_generation_prompt=True
        )
        before = model.tokenizer(opened, add_special_tokens=False)["input_ids"]
        said = [model.tokenizer(each, add_special_tokens=False)["input_ids"] for each in choices]
        sums = [float(plain(model, np.array([*before, *ids], np.int32))[-len(ids) :].sum()) for ids in said]
        assert scored.choice_log_likelihoods == pytest.approx(sums, abs=1e-3)
        assert scored.parsed == "ABC"[int(np.argmax(np.array(sums) / lengths))]


@pytest.mark.parametrize(
    "choices", [("yes", "no"), ("True", "False"), tuple("ABC"), tuple(map(str, range(1, 28)))]
)
def test_labels_are_compared_as_they_are_by_either_metric(model: BaseModel, choices: tuple[str, ...]) -> None:
    items = tuple(
        replace(each, reference=choices[number % len(choices)], choices=choices)
        for number, each in enumerate(BENCHMARK.items)
    )
    said = [
        [each.parsed for each in score_benchmark(model, benchmark, Side.DEV, Scoring())[0].items]
        for benchmark in (
            Benchmark("labels", items, metric=metric)
            for metric in (Metric.CHOICE_ACCURACY, Metric.CHOICE_ACCURACY_NORM)
        )
    ]

    assert said[0] == said[1]


def test_a_sum_favours_short_texts_and_a_mean_does_not(model: BaseModel) -> None:
    choices = (WORDS[0], " ".join(WORDS))
    items = tuple(replace(each, reference=choices[0], choices=choices) for each in BENCHMARK.items)
    by_sum, by_mean = (
        [
            each.parsed
            for each in score_benchmark(
                model, Benchmark("texts", items, metric=metric), Side.TEST, Scoring()
            )[0].items
        ]
        for metric in (Metric.CHOICE_ACCURACY, Metric.CHOICE_ACCURACY_NORM)
    )

    assert set(by_sum) == {"A"}
    assert "B" in by_mean


def test_one_item_that_cannot_be_asked_fails_the_score_and_not_the_item(tiny: Path) -> None:
    model = BaseModel.load(tiny, dtype="float32")
    model.model.config.max_position_embeddings = 64
    long = Item("long", (Message(Role.USER, "word " * 200),), "yes")
    benchmark = Benchmark("sums", (*BENCHMARK.items, long))
    side = Side.DEV if long in split(benchmark).dev else Side.TEST

    count = len(split(benchmark).side(side))
    with pytest.raises(
        ScoringFailedError, match=f"0 of {count} items were scored: item {long.id} does not fit"
    ):
        score_benchmark(model, benchmark, side, Scoring())


def test_a_model_of_nan_has_no_score(tiny: Path) -> None:
    model = BaseModel.load(tiny, dtype="float32")
    with torch.no_grad():
        model.model.get_output_embeddings().weight.fill_(float("nan"))

    with pytest.raises(ScoringFailedError, match="0 of"):
        score_benchmark(model, BENCHMARK, Side.DEV, Scoring())


@pytest.mark.parametrize("row_tokens", [1, 400])
def test_what_lies_below_the_adapters_is_read_once_for_all_models_of_one_base(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, row_tokens: int
) -> None:
    sequences = [np.array([1, 2, 3, *range(last, last + 9)], np.int32) for last in range(4, 9)]
    wanted = [np.arange(12) > 2] * 5
    monkeypatch.setattr(frozen_layers, "REMEMBERED", type(frozen_layers.REMEMBERED)())
    remembered = []
    for seed in range(2):
        torch.manual_seed(seed)
        model = adapted(BaseModel.load(tiny, dtype="float32").model, {4, 5}).eval()
        frozen = FrozenLayers.of(model, "tiny")
        assert frozen is not None

        values, read = log_likelihoods(model, sequences, wanted, Scoring(row_tokens), frozen=frozen)

        whole, as_many = log_likelihoods(model, sequences, wanted, Scoring(row_tokens))
        np.testing.assert_allclose(np.concatenate(values), np.concatenate(whole), atol=1e-5)
        assert read == as_many
        remembered.append(set(frozen_layers.REMEMBERED.states))

    assert remembered[0] == remembered[1]
    assert len(remembered[0]) == (5 if row_tokens == 1 else 1)


def test_tokens_of_examples_before_a_question_are_none_of_its_answer(tiny: Path) -> None:
    tokenizer = BaseModel.load(tiny, dtype="float32").tokenizer
    example = (Message(Role.USER, "Which?"), Message(Role.ASSISTANT, "Zebras, quartz & 77."))
    shown = tuple(replace(item, prompt=(*example, *item.prompt)) for item in BENCHMARK.items)
    answers = {item.reference for item in split(BENCHMARK).test}
    ids = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in answers)

    found = distinct_answer_tokens(replace(BENCHMARK, items=shown), Side.TEST, tokenizer)

    assert found == distinct_answer_tokens(BENCHMARK, Side.TEST, tokenizer)
    assert found <= len({token for each in ids for token in each}) + len(answers)
