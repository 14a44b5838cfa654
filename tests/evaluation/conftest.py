"""One thread of torch for every test of an evaluation."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads of a tiny model wait for each other longer than they work, above all beside other tests."""
    import torch

    torch.set_num_threads(1)
