"""Collective operations between the processes of one training; a single process gets its own value back."""

import os
from collections.abc import Sequence


def rank() -> int:
    """Rank of this process among those that train together, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """Number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def all_reduce_sum(value: float) -> float:
    """Sum of a number over all processes. Every process has to call it."""
    if world_size() == 1:
        return value
    import torch
    from torch.distributed import all_reduce

    total = torch.tensor([value], dtype=torch.float64)
    all_reduce(total)
    return float(total.item())


def broadcast_from_first(answer: bool) -> bool:  # noqa: FBT001 the answer is all there is
    """Answer of the process of rank 0, because clocks differ. Every process has to call it."""
    return all_reduce_sum(float(answer) if rank() == 0 else 0.0) > 0


def all_gather_lists(numbers: Sequence[int]) -> list[int]:
    """Numbers of all processes in the order of their ranks. Every process has to call it."""
    if world_size() == 1:
        return list(numbers)
    import torch
    from torch.distributed import all_gather

    counts = [torch.zeros(1, dtype=torch.int64) for _ in range(world_size())]
    all_gather(counts, torch.tensor([len(numbers)]))
    longest = max(int(count) for count in counts)
    gathered = [torch.zeros(longest, dtype=torch.int64) for _ in counts]
    all_gather(gathered, torch.tensor([*numbers, *([0] * (longest - len(numbers)))]))
    return [
        number
        for count, list_ in zip(counts, gathered, strict=True)
        for number in list_[: int(count)].tolist()
    ]
