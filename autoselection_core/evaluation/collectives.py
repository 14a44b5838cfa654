"""What the processes of one training tell each other; one alone is told what it says itself."""

import os
from collections.abc import Sequence


def rank() -> int:
    """The number of this process among those that train together, from 0."""
    return int(os.environ.get("RANK", "0"))


def world_size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def all_reduce_sum(value: float) -> float:
    """The sum of a number over all processes. All of them must ask."""
    if world_size() == 1:
        return value
    import torch
    from torch.distributed import all_reduce

    told = torch.tensor([value], dtype=torch.float64)
    all_reduce(told)
    return float(told.item())


def broadcast_from_first(answer: bool) -> bool:  # noqa: FBT001 the answer is all there is
    """The first process's answer: clocks differ, and all must do the same. All of them must ask."""
    return all_reduce_sum(float(answer) if rank() == 0 else 0.0) > 0


def all_gather_lists(numbers: Sequence[int]) -> list[int]:
    """The numbers of all processes, process by process. All of them must ask."""
    if world_size() == 1:
        return list(numbers)
    import torch
    from torch.distributed import all_gather

    counts = [torch.zeros(1, dtype=torch.int64) for _ in range(world_size())]
    all_gather(counts, torch.tensor([len(numbers)]))
    longest = max(int(count) for count in counts)
    told = [torch.zeros(longest, dtype=torch.int64) for _ in counts]
    all_gather(told, torch.tensor([*numbers, *([0] * (longest - len(numbers)))]))
    return [
        number for count, list_ in zip(counts, told, strict=True) for number in list_[: int(count)].tolist()
    ]
