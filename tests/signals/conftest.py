import shutil
from pathlib import Path

import pytest


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
