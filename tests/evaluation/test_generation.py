"""Texts that a tiny model generates, and the answers read from them."""

import json
import shutil
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.metric import Metric
from autoselection_core.benchmarks.split import Side, split
from autoselection_core.errors.evaluation import ItemsTooLongError, ScoringFailedError
from autoselection_core.evaluation.scoring.generation import greedy_answers, prompt_tokens
from autoselection_core.evaluation.scoring.likelihood import Scoring
from autoselection_core.evaluation.scoring.scoring import Reader, require_askable, score_benchmark
from autoselection_core.models.base_model import BaseModel
from autoselection_core.pool.sample import Message, Role
from tests.evaluation.bench import BENCHMARK, WORDS, choices_benchmark, fine_tuning, subset

WRITTEN = Benchmark(
    "written",
    tuple(replace(item, target=item.reference, choices=None) for item in BENCHMARK.items),
    metric=Metric.ANSWER_ACCURACY,
    answer_tokens=6,
)


@pytest.fixture(scope="module")
def model(tiny: Path) -> BaseModel:
    return BaseModel.load(tiny, dtype="float32")


def test_the_likeliest_token_is_taken_step_by_step(model: BaseModel) -> None:
    prompts = [prompt_tokens(model, item.prompt) for item in WRITTEN.items[:3]]

    texts, _ = greedy_answers(model, prompts, new_tokens=5, batch_tokens=1_000, benchmark="written")

    for prompt, text in zip(prompts, texts, strict=True):
        ids = torch.from_numpy(prompt.astype(np.int64))[None]
        with torch.inference_mode():
            for _ in range(5):
                ids = torch.cat([ids, model.model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
        assert text == model.tokenizer.decode(ids[0, len(prompt) :], skip_special_tokens=True)


@pytest.mark.parametrize(
    "said",
    [
        {"max_time": 1e-9},
        {"watermarking_config": {"bias": 25.0}},
        {"return_dict_in_generate": True},
        {"prompt_lookup_num_tokens": 3},
        {"num_beams": 4},
        {"token_healing": True},
    ],
    ids=lambda said: next(iter(said)),
)
def test_a_generation_config_changes_no_answer_by_what_no_fingerprint_names(
    tiny: Path, model: BaseModel, tmp_path: Path, said: dict[str, object]
) -> None:
    """The first two gave other answers under the same name, the others ended in an error of transformers."""
    other = generating(shutil.copytree(tiny, tmp_path / "m"), said)
    prompts = [prompt_tokens(model, item.prompt) for item in WRITTEN.items[:2]]

    written, expected = (
        greedy_answers(each, prompts, new_tokens=6, batch_tokens=1_000, benchmark="written")
        for each in (other, model)
    )

    assert other.fingerprint == model.fingerprint
    assert written == expected


def test_a_named_string_stops_an_answer_and_is_part_of_the_name(
    tiny: Path, model: BaseModel, tmp_path: Path
) -> None:
    prompts = [prompt_tokens(model, item.prompt) for item in WRITTEN.items[:1]]
    ((answer,), whole) = greedy_answers(model, prompts, new_tokens=6, batch_tokens=1_000, benchmark="written")
    other = generating(shutil.copytree(tiny, tmp_path / "m"), {"stop_strings": [answer.strip()[0]]})

    ((stopped,), read) = greedy_answers(other, prompts, new_tokens=6, batch_tokens=1_000, benchmark="written")

    assert other.fingerprint != model.fingerprint
    assert answer.startswith(stopped)
    assert read < whole


@pytest.mark.parametrize("benchmark", [WRITTEN, BENCHMARK, choices_benchmark()], ids=lambda each: each.metric)
def test_a_model_whose_logits_are_no_numbers_has_no_score(tiny: Path, benchmark: Benchmark) -> None:
    """Choices and written answers had an accuracy of 0."""
    broken = BaseModel.load(tiny, dtype="float32")
    with torch.no_grad():
        broken.model.get_output_embeddings().weight.fill_(float("nan"))

    with pytest.raises(ScoringFailedError, match=r"not finite|no numbers"):
        score_benchmark(broken, benchmark, Side.DEV, Scoring())


def test_a_model_without_an_end_token_answers_up_to_the_limit(model: BaseModel) -> None:
    endless = replace(model, model=copy(model.model), tokenizer=deepcopy(model.tokenizer))
    endless.model.generation_config = GenerationConfig()
    endless.tokenizer.eos_token = None
    prompts = [prompt_tokens(model, item.prompt) for item in WRITTEN.items[:2]]

    _, tokens = greedy_answers(endless, prompts, new_tokens=6, batch_tokens=1_000, benchmark="written")

    assert tokens == sum(map(len, prompts)) + 2 * 6


def generating(folder: Path, said: dict[str, object]) -> BaseModel:
    """A model with a changed generation config."""
    file = folder / "generation_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **said}))
    return BaseModel.load(folder, dtype="float32")


def test_progress_counts_the_prompts_that_are_answered(model: BaseModel) -> None:
    prompts = [prompt_tokens(model, item.prompt) for item in WRITTEN.items[:7]]
    told: list[tuple[int, int]] = []

    greedy_answers(
        model,
        prompts,
        new_tokens=2,
        batch_tokens=1,
        benchmark="written",
        done=lambda *what: told.append(what),
    )

    assert told == [(number, 7) for number in range(1, 8)]


def test_batch_mates_change_no_answer(model: BaseModel) -> None:
    prompts = [prompt_tokens(model, item.prompt) for item in WRITTEN.items]

    together, _ = greedy_answers(model, prompts, new_tokens=6, batch_tokens=10_000, benchmark="written")
    alone, _ = greedy_answers(model, prompts, new_tokens=6, batch_tokens=1, benchmark="written")

    assert together == alone


@pytest.mark.parametrize("fitting", [3, 1])
def test_a_batch_that_does_not_fit_into_memory_is_halved_until_it_does(tiny: Path, fitting: int) -> None:
    small = BaseModel.load(tiny, dtype="float32")
    prompts = [prompt_tokens(small, item.prompt) for item in WRITTEN.items[:8]]
    roomy, _ = greedy_answers(small, prompts, new_tokens=4, batch_tokens=10_000, benchmark="written")

    def refuse(_: object, __: object, given: dict[str, torch.Tensor]) -> None:
        if given["input_ids"].shape[0] > fitting:
            raise MemoryError

    small.model.get_decoder().register_forward_pre_hook(refuse, with_kwargs=True)

    assert greedy_answers(small, prompts, new_tokens=4, batch_tokens=10_000, benchmark="written")[0] == roomy


def test_a_prompt_that_never_fits_fails_the_score(tiny: Path) -> None:
    small = BaseModel.load(tiny, dtype="float32")

    def refuse(*_: object) -> None:
        raise MemoryError

    small.model.get_decoder().register_forward_pre_hook(refuse)

    said = f"'written': 0 of {len(split(WRITTEN).dev)} items were scored: .* does not fit into memory"
    with pytest.raises(ScoringFailedError, match=said):
        score_benchmark(small, WRITTEN, Side.DEV, Scoring())


def test_every_answer_is_recorded_with_what_was_read_from_it(model: BaseModel) -> None:
    score, tokens = score_benchmark(model, WRITTEN, Side.DEV, Scoring())

    assert tokens > 0
    assert [item.item for item in score.items] == [item.id for item in split(WRITTEN).dev]
    assert all(item.output is not None for item in score.items)
    assert all(item.is_parse_failure == (item.parsed is None) for item in score.items)
    # A model of random weights answers nothing.
    assert score.mean == 0.0


def test_a_confidential_benchmark_leaves_no_output(model: BaseModel) -> None:
    score, _ = score_benchmark(model, replace(WRITTEN, confidential=True), Side.DEV, Scoring())

    assert {(item.output, item.parsed) for item in score.items} == {(None, None)}
    open_score, _ = score_benchmark(model, WRITTEN, Side.DEV, Scoring())
    assert [item.is_parse_failure for item in score.items] == [
        item.is_parse_failure for item in open_score.items
    ]


def test_prompts_that_the_template_refuses_fail_the_score_with_a_way_forward(tiny: Path) -> None:
    strict = BaseModel.load(tiny, dtype="float32")
    refusal = "{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    strict.tokenizer.chat_template = "{% for m in messages %}" + refusal + "{{ m['content'] }}{% endfor %}"
    opening = Message(Role.SYSTEM, "Be brief.")
    items = tuple(replace(item, prompt=(opening, *item.prompt)) for item in WRITTEN.items)

    written = replace(WRITTEN, items=items)
    said = f"0 of {len(split(written).dev)} items were scored: .*no system.*has no system line"
    with pytest.raises(ScoringFailedError, match=said):
        score_benchmark(strict, written, Side.DEV, Scoring())


def _fits(reader: Reader, benchmark: Benchmark) -> bool:
    try:
        require_askable(reader, benchmark)
    except ItemsTooLongError:
        return False
    return True


def test_of_several_choices_the_longest_has_to_fit(model: BaseModel) -> None:
    benchmark = choices_benchmark()
    long = tuple(replace(item, choices=(*WORDS, "word " * 50)) for item in benchmark.items)
    within = replace(benchmark, items=long)

    assert _fits(Reader(model.tokenizer, 120), benchmark)
    assert not _fits(Reader(model.tokenizer, 119), within)
    assert _fits(Reader(model.tokenizer, 1_000), within)


def test_the_longest_prompt_and_its_answer_fill_the_model_s_window_and_no_more(tiny: Path) -> None:
    model = BaseModel.load(tiny, dtype="float32")
    long = replace(WRITTEN.items[0], question="long", prompt=(Message(Role.USER, "word " * 100),))
    benchmark = replace(WRITTEN, items=(*WRITTEN.items, long))
    side = Side.DEV if long in split(benchmark).dev else Side.TEST
    window = len(prompt_tokens(model, long.prompt)) + WRITTEN.answer_tokens

    require_askable(Reader(model.tokenizer, window), benchmark)
    with pytest.raises(ItemsTooLongError, match=f"{window:,}.*answer_tokens: {WRITTEN.answer_tokens - 1}"):
        require_askable(Reader(model.tokenizer, window - 1), benchmark)

    model.model.config.max_position_embeddings = window
    assert len(score_benchmark(model, benchmark, side, Scoring())[0].items) == len(
        split(benchmark).side(side)
    )

    model.model.config.max_position_embeddings = window - 1
    with pytest.raises(ScoringFailedError, match=f"may take {window} tokens, the model reads {window - 1}"):
        score_benchmark(model, benchmark, side, Scoring())


def test_items_that_do_not_fit_are_named_before_a_training_with_the_setting_that_leaves_them_out(
    tiny: Path,
) -> None:
    """The failure came after the training was paid for, and named neither item nor way forward."""
    tokenizer = BaseModel.load(tiny, dtype="float32").tokenizer
    long = [
        replace(WRITTEN.items[0], question=f"long {number}", prompt=(Message(Role.USER, "word " * length),))
        for number, length in enumerate((600, 900, 900, 900))
    ]
    benchmark = replace(WRITTEN, items=(*WRITTEN.items, *long))
    window = len(prompt_tokens(Reader(tokenizer, 0), long[0].prompt)) + WRITTEN.answer_tokens

    with pytest.raises(ItemsTooLongError) as refused:
        require_askable(Reader(tokenizer, window), benchmark)

    said = refused.value
    assert (said.items, said.total, said.left_out) == (3, len(benchmark.items), 3)
    assert said.longest in {item.id for item in long[1:]}
    kept = [item for item in benchmark.items if item.characters <= said.max_characters]
    assert kept == [*WRITTEN.items, long[0]]
    require_askable(Reader(tokenizer, window), replace(benchmark, items=tuple(kept)))


@pytest.mark.parametrize("metric", [Metric.ANSWER_ACCURACY, Metric.LOG_LIKELIHOOD, Metric.CHOICE_ACCURACY])
def test_no_training_is_paid_for_whose_dev_items_could_not_be_scored(
    tiny: Path, tmp_path: Path, metric: Metric
) -> None:
    small = tmp_path / "small"
    shutil.copytree(tiny, small)
    config = json.loads((small / "config.json").read_text())
    (small / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 12}))
    items = tuple(replace(item, choices=WORDS, reference=WORDS[0]) for item in WRITTEN.items)
    evaluator = fine_tuning(tmp_path / "home", small, benchmark=replace(WRITTEN, items=items, metric=metric))
    told: list[str] = []

    with pytest.raises(ItemsTooLongError, match="the 12 tokens that the base model reads"):
        evaluator.evaluate(subset(), 0, lambda stage, _, __: told.append(stage))

    assert not told
    assert not list((tmp_path / "home").rglob("trained.json"))


def test_a_template_that_refuses_the_system_line_of_a_benchmark_is_found_before_a_training(
    tiny: Path,
) -> None:
    tokenizer = BaseModel.load(tiny, dtype="float32").tokenizer
    refusal = "{% if m['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    tokenizer.chat_template = "{% for m in messages %}" + refusal + "{{ m['content'] }}{% endfor %}"
    opening = Message(Role.SYSTEM, "Be brief.")
    asked = replace(WRITTEN.items[-1], prompt=(opening, *WRITTEN.items[-1].prompt))

    require_askable(Reader(tokenizer, 4_000), WRITTEN)
    with pytest.raises(ScoringFailedError, match=r"no system.*has no system line"):
        require_askable(Reader(tokenizer, 4_000), replace(WRITTEN, items=(*WRITTEN.items[:-1], asked)))
