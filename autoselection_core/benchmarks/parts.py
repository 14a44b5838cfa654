"""The test side of a benchmark in parts, so that items may be drawn unevenly and counted evenly."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.benchmarks.normalisation import QuestionComparison
from autoselection_core.benchmarks.split import in_drawing_order, split

MIN_ITEMS = 8
"""Scored items that make a task a part of its own: fewer give a poor estimate of the spread of its items."""


@dataclass(frozen=True)
class Part:
    """Part of a benchmark's test side.

    Attributes:
        name: The benchmark, with the task where it is a part of its own.
        first: Items that every report scores.
        waiting: The others, in the order in which they are drawn.
    """

    name: str
    first: tuple[Item, ...]
    waiting: tuple[Item, ...]

    @property
    def population(self) -> int:
        """Number of items."""
        return len(self.first) + len(self.waiting)


def parts(benchmark: Benchmark) -> tuple[Part, ...]:
    """The whole test side: each task of which enough items are scored, and the other tasks as one part.

    Every part has scored items and every item is in one part. Where the other tasks have no scored item,
    the benchmark is one part.

    Raises:
        NoItemsError: A side of the split has no items.
    """
    first = split(benchmark).test
    everything = split(replace(benchmark, sizes=replace(benchmark.sizes, test_items=None))).test
    counts = Counter(item.task for item in first)
    large = {task for task, count in counts.items() if count >= MIN_ITEMS}
    if not any(item.task not in large for item in first) and any(
        item.task not in large for item in everything
    ):
        large = set()
    scored = {item.id for item in first}
    return tuple(
        Part(name, *_divide(items, scored, benchmark.question_comparison))
        for name, items in _by_part(benchmark.name, everything, large).items()
    )


def _by_part(benchmark: str, items: Iterable[Item], large: set[str | None]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        is_own = item.task in large and item.task is not None
        found.setdefault(f"{benchmark}: {item.task}" if is_own else benchmark, []).append(item)
    return dict(sorted(found.items()))


def _divide(
    items: list[Item], scored: set[str], compared: QuestionComparison
) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    return (
        tuple(item for item in items if item.id in scored),
        in_drawing_order((item for item in items if item.id not in scored), compared),
    )
