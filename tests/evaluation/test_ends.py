"""A model whose template ends turns in another token than `eos_token` learns to stop, and is stopped."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from autoselection_core.evaluation.scoring.generation import greedy_answers, prompt_tokens
from autoselection_core.models.base_model import BaseModel
from tests.evaluation.test_divergence import FIT, TEMPLATED, THANKS, fine_tuned, named


@pytest.fixture(scope="module")
def borrowed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model with a borrowed template, which ends turns in another token than the model's own."""
    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("borrowed") / "m")
    own: dict[str, tuple[str, object]] = {"tokenizer_config": ("eos_token", "<|endoftext|>")}
    own |= dict.fromkeys(("config", "generation_config"), ("eos_token_id", 0))
    for name, (field, end) in own.items():
        file = folder / f"{name}.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), field: end}))
    return folder


def test_a_trained_model_stops_where_its_template_ends_a_turn(borrowed: Path, tmp_path: Path) -> None:
    result = fine_tuned(borrowed, tmp_path, named(TEMPLATED), FIT)
    model = replace(result.base, model=result.model)
    prompts = [prompt_tokens(model, sample.messages[:1]) for sample in TEMPLATED[:6]]

    answers, read = greedy_answers(model, prompts, new_tokens=48, batch_tokens=1_000)

    assert answers == [THANKS] * 6
    answer = model.tokenizer(THANKS, add_special_tokens=False)["input_ids"]
    assert read == sum(map(len, prompts)) + 6 * len(answer)


def test_a_loaded_model_stops_at_its_own_ends_and_at_the_templates(borrowed: Path) -> None:
    assert BaseModel.load(borrowed, dtype="float32").model.generation_config.eos_token_id == [0, 2]


def test_a_model_whose_template_ends_turns_in_its_own_end_token_is_left_as_it_is(tiny: Path) -> None:
    assert BaseModel.load(tiny, dtype="float32").model.generation_config.eos_token_id == 2
