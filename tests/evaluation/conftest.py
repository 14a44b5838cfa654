"""A real evaluation at the size of a test: a tiny Llama, a pool of sums, a benchmark of sums."""

from pathlib import Path

import pytest

from autoselection_core.testing.tiny_model import tiny_model


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads of a tiny model wait for each other longer than they work, above all beside other tests."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model of 1.4 million parameters."""
    return tiny_model(tmp_path_factory.mktemp("tiny"))
