import shutil
from pathlib import Path

import pytest

from autoselection_core.models.base_model import BaseModel
from autoselection_core.testing.tiny_model import tiny_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def base_model(tiny: Path) -> BaseModel:
    return BaseModel.load(tiny, dtype="float32")


@pytest.fixture
def strict(tiny: Path, tmp_path: Path) -> Path:
    """The model with a chat template that takes no tool messages."""
    from transformers import AutoTokenizer

    folder = tmp_path / "strict"
    shutil.copytree(tiny, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    refusal = "{% if message['role'] == 'tool' %}{{ raise_exception('no tools') }}{% endif %}"
    start = "{% for message in messages %}"
    assert start in tokenizer.chat_template
    tokenizer.chat_template = tokenizer.chat_template.replace(start, start + refusal)
    tokenizer.save_pretrained(folder)
    return folder
