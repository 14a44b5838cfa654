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
