"""The same numbers in every process: one thread, seeded generators, float64."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch and BLAS sum in one order while a decision is made; other settings come back after it.

    With several threads the order of a sum depends on their number, and a last bit can turn a choice.
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1), torch.no_grad():
            yield
    finally:
        torch.set_num_threads(before)
