"""Determinism of choices: one thread, seeded generators, float64."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_ONE_DECISION = RLock()
"""Torch and GPyTorch keep their settings for the whole process, so decisions take turns in it."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and BLAS sum in one order while a decision is made; other settings come back after it.

    With several threads the order of a sum depends on their number, and a last bit can turn a choice.
    """
    import torch
    from threadpoolctl import threadpool_limits

    with _ONE_DECISION:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with threadpool_limits(1), torch.no_grad():
                yield
        finally:
            torch.set_num_threads(before)
