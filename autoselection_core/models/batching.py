"""Batches of sequences of similar length, halved when one does not fit into memory."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

TOKEN_BUDGET = {"cpu": 4_096, "cuda": 65_536}
"""Maximum tokens of a batch that a base model reads, padding included, by device."""

_SAID_BY_TORCH = ("not enough memory", "can't allocate memory", "CUDA out of memory")

Positions = npt.NDArray[np.int64]
"""Positions in a list of sequences. Shape (b,)."""


def batches_by_length(lengths: Sequence[int], token_budget: int) -> list[Positions]:
    """Batches of sequences whose padded size stays within a token budget.

    Longest first, so that the batch that is most likely not to fit comes first. A sequence that is
    longer than the budget gets a batch of its own.

    Args:
        lengths: Tokens of each sequence.
        token_budget: Maximum tokens of a batch, padding included.

    Example:
        >>> [batch.tolist() for batch in batches_by_length([3, 9, 2, 3], token_budget=9)]
        [[1], [0, 3, 2]]
    """
    order = np.argsort(-np.asarray(lengths, np.int64), kind="stable")
    batches, start = [], 0
    while start < len(order):
        size = max(1, token_budget // max(1, lengths[order[start]]))
        batches.append(order[start : start + size])
        start += size
    return batches


def run_halving(
    batches: Sequence[Positions], work: Callable[[Positions], T]
) -> Iterator[tuple[Positions, T | None]]:
    """Work through batches; one that runs out of memory is halved and tried again.

    Yields:
        Each batch that was worked through, with its result; a single sequence that does not fit into
        memory by itself comes with None.
    """
    waiting = list(reversed(batches))
    while waiting:
        batch = waiting.pop()
        result = _within_memory(batch, work)
        if result is not None or len(batch) == 1:
            yield batch, result
            continue
        half = len(batch) // 2
        waiting += [batch[half:], batch[:half]]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that an allocation failed; on a processor torch raises a RuntimeError for it."""
    # By name, because only a program that has loaded torch meets its class.
    is_torch_s_own = type(error).__name__ == "OutOfMemoryError"
    return (
        is_torch_s_own or isinstance(error, MemoryError) or any(said in str(error) for said in _SAID_BY_TORCH)
    )


def _within_memory(batch: Positions, work: Callable[[Positions], T]) -> T | None:
    import torch

    try:
        return work(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None
