"""Which items the search may look at, and which are kept for the report."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from autoselection_core.benchmarks.benchmark import Benchmark
from autoselection_core.benchmarks.item import Item
from autoselection_core.errors.benchmarks import NoItemsError
from autoselection_core.identity import fingerprint

_NOT_A_WORD = re.compile(r"\W+")


class Side(StrEnum):
    """The two sides of a split."""

    DEV = "dev"
    TEST = "test"


@dataclass(frozen=True)
class Split:
    """The two sides of a benchmark.

    Attributes:
        dev: Items that steer the search.
        test: Items that only a report opens.
        left_out: Items whose question stands among the targets; they are on neither side.
    """

    dev: tuple[Item, ...]
    test: tuple[Item, ...]
    left_out: tuple[Item, ...] = ()

    def side(self, side: Side) -> tuple[Item, ...]:
        """The items of one side."""
        return self.dev if side is Side.DEV else self.test


def split(benchmark: Benchmark) -> Split:
    """Part a benchmark's items by the hash of their normalised question.

    Repeated questions stand on one side. Where a side is limited, the items of lowest hash stay, so a
    smaller limit keeps a subset of a larger one's items. Items stay in the benchmark's order.

    Raises:
        NoItemsError: A side has no items.
    """
    leaked = {normalised(question) for question in benchmark.target_question_texts}
    left_out = tuple(item for item in benchmark.items if normalised(item.question) in leaked)
    scored = [item for item in benchmark.items if normalised(item.question) not in leaked]
    draws = {item.id: _draw(item) for item in scored}
    share = benchmark.sizes.dev_share
    dev = [item for item in scored if draws[item.id] < share]
    test = [item for item in scored if draws[item.id] >= share]
    return Split(
        _lowest(dev, benchmark.sizes.dev_items, (benchmark.name, "its dev side")),
        _lowest(test, benchmark.sizes.test_items, (benchmark.name, "its test side")),
        left_out,
    )


def normalised(question: str) -> str:
    """A question without case, punctuation and spacing.

    Example:
        >>> normalised("What is  2 + 2?")
        'what is 2 2'
    """
    return _NOT_A_WORD.sub(" ", question.lower()).strip()


def _draw(item: Item) -> float:
    return int(fingerprint(["split", normalised(item.question)])[:16], 16) / 2.0**64


def in_drawing_order(items: Iterable[Item]) -> tuple[Item, ...]:
    """Items by the hash of their normalised question: each prefix is a random draw, the same everywhere."""
    return tuple(sorted(items, key=lambda item: (_draw(item), item.id)))


def _lowest(items: list[Item], limit: int | None, where: tuple[str, str]) -> tuple[Item, ...]:
    if not items:
        raise NoItemsError(*where)
    kept = {item.id for item in in_drawing_order(items)[:limit]}
    return tuple(item for item in items if item.id in kept)
