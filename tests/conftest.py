"""Fixtures of all tests: the real data beside the checkout, a tiny base model, a hub that is switched off."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from autoselection_core.models.base_model import BaseModel
from autoselection_core.testing.tiny_model import tiny_model

REPOSITORY = Path(__file__).resolve().parent.parent
REAL_DATA = REPOSITORY.parent / "shared" / "data"

os.environ["HF_HUB_OFFLINE"] = "1"
# Threads of a tiny model wait for each other longer than they work, above all beside other tests.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Beside a CUDA build of torch sparsify decodes by a kernel that needs a GPU; its other decoder runs anywhere.
os.environ["SPARSIFY_DISABLE_TRITON"] = "1"

# Derandomised: a failing example fails for everyone. `HYPOTHESIS_PROFILE=explore` looks further.
settings.register_profile(
    "default", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `--pictures docs/images` keep the pictures that the walk through the UI takes."""
    parser.addoption("--pictures", default=None, help="Folder that takes pictures of the UI.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests on real data out where there is none; where it exists they always run."""
    if REAL_DATA.exists():
        return
    absent = [item for item in items if item.get_closest_marker("real_data")]
    config.hook.pytest_deselected(items=absent)
    items[:] = [item for item in items if item not in absent]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with the 90,000-record pool, the small pool, benchmarks and targets."""
    return REAL_DATA


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model of 1.4 million parameters."""
    return tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def base_model(tiny: Path) -> BaseModel:
    """The same, loaded."""
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
